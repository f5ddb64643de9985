import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Objective } from '../../protocol/index.ts'
import { createPruner, type ReportedTrial } from '../../src/pruners/index.ts'
import { signedRankAbove } from '../../src/pruners/signed-rank.ts'

const minimize: Objective[] = [{ metric: 'a', direction: 'minimize' }]
const both: Objective[] = [...minimize, { metric: 'b', direction: 'maximize' }]

const trial = (
  number: number,
  state: ReportedTrial['state'],
  ...values: (number | null | object)[]
): ReportedTrial => ({
  trial: number,
  state,
  points: values.map((value, index) => ({
    step: index + 1,
    at: 0,
    values: (typeof value === 'object' && value !== null ? value : { a: value }) as Record<string, number | null>,
  })),
})
const judge = (
  name: string,
  options: object,
  objectives: Objective[],
  history: ReportedTrial[],
  ...values: (number | null | object)[]
) => {
  const pruner = createPruner({ name, options: { ...options } }, objectives)
  return values.map((_, index) => pruner(history, trial(99, 'running', ...values.slice(0, index + 1))))
}

describe('successive halving', () => {
  const rule = { minStep: 1, reductionFactor: 2 }
  it('lets the best floor(n / factor) of those that reached a rung go on, running ones among them', () => {
    const others = [trial(0, 'running', 1, 1), trial(1, 'done', 2, 2, 2), trial(2, 'failed', 3)]
    expect(judge('successive-halving', rule, minimize, others, 1.5)).toEqual(['continue']) // 2nd of 4: floor(4/2)
    expect(judge('successive-halving', rule, minimize, others, 2.5)).toEqual(['stop']) // 3rd of 4
    expect(judge('successive-halving', rule, minimize, others, null)).toEqual(['stop'])
    // Rung 2: two others got there, so one place; and between rungs nobody judges.
    expect(judge('successive-halving', rule, minimize, others, 1.5, 1.5)).toEqual(['continue', 'stop'])
    expect(judge('successive-halving', rule, minimize, others, 0, 0, 9)).toEqual(['continue', 'continue', 'continue'])
  })

  it('does not judge the first that comes, nor before `bootstrap` others', () => {
    expect(judge('successive-halving', rule, minimize, [], 5)).toEqual(['continue'])
    const others = [trial(0, 'done', 1), trial(1, 'done', 1)]
    expect(judge('successive-halving', { ...rule, bootstrap: 3 }, minimize, others, 5)).toEqual(['continue'])
  })

  it('compares all trials by their first report at the rung or after it, never by an earlier one', () => {
    const at = (number: number, state: ReportedTrial['state'], ...reports: [number, number][]): ReportedTrial => ({
      trial: number,
      state,
      points: reports.map(([step, a]) => ({ step, at: 0, values: { a } })),
    })
    for (const name of ['successive-halving', 'hyperband']) {
      const options = { minStep: 4, reductionFactor: 2, ...(name === 'hyperband' ? { maxStep: 7 } : {}) }
      const pruner = createPruner({ name, options }, minimize)
      // Nobody reports at the rung itself. The other's report before it, 9, is no measure for what this one has come to after it.
      const other = at(0, 'running', [3, 9], [5, 1], [7, 0])
      expect(pruner([other], at(1, 'running', [3, 8], [5, 2]))).toBe('stop')
      expect(pruner([other], at(1, 'running', [3, 10], [5, 0.5]))).toBe('continue')
    }
  })

  it('ranks by front and room with several objectives', () => {
    const others = [
      trial(0, 'done', { a: 1, b: 1 }),
      trial(1, 'done', { a: 2, b: 0 }),
      trial(2, 'done', { a: 3, b: -1 }),
    ]
    expect(judge('successive-halving', rule, both, others, { a: 4, b: 4 })).toEqual(['continue'])
    expect(judge('successive-halving', rule, both, others, { a: 4, b: -4 })).toEqual(['stop'])
    expect(judge('successive-halving', { ...rule, metric: 'a' }, both, others, { a: 4, b: 4 })).toEqual(['stop'])
  })
})

describe('the hyperband pruner', () => {
  it('compares within a bracket only, and later brackets begin later', () => {
    const pruner = createPruner({ name: 'hyperband', options: { maxStep: 9, reductionFactor: 3 } }, minimize)
    // Dealt 9, 3, 1: trials 0 to 8 begin at step 1, 9 to 11 at 3, 12 at 9.
    const history = [0, 1, 9].map((number) => trial(number, 'done', 1, 1, 1))
    expect(pruner(history, trial(2, 'running', 5))).toBe('stop')
    expect(pruner(history, trial(10, 'running', 5))).toBe('continue')
    expect(pruner(history, trial(10, 'running', 5, 5, 5))).toBe('stop')
    expect(pruner(history, trial(12, 'running', 5, 5, 5))).toBe('continue')
  })
})

describe('the percentile rule', () => {
  it('keeps what is among the best so many percent at this step', () => {
    const others = [1, 2, 3, 4].map((value, index) => trial(index, 'done', 9, value))
    const rule = { percentile: 50, minFinished: 3, startupSteps: 2 }
    expect(judge('percentile', rule, minimize, others, 9, 3)).toEqual(['continue', 'continue']) // two of four are better
    expect(judge('percentile', rule, minimize, others, 9, 3.5)).toEqual(['continue', 'stop']) // three are
  })

  it('counts those that dominate, with several objectives', () => {
    const others = [1, 2, 3].map((value, index) => trial(index, 'done', { a: value, b: -value }))
    const rule = { percentile: 50, minFinished: 1 }
    expect(judge('percentile', rule, both, others, { a: 4, b: 0 })).toEqual(['continue'])
    expect(judge('percentile', rule, both, others, { a: 4, b: -4 })).toEqual(['stop'])
    expect(judge('median', { minFinished: 1 }, both, others, { a: 4, b: 0 })).toEqual(['continue'])
    expect(judge('median', { minFinished: 1 }, both, others, { a: 4, b: -4 })).toEqual(['stop'])
  })
})

describe('patience', () => {
  it('ends once the last reports were no better than the best before them', () => {
    const rule = { patience: 2, minDelta: 0.1 }
    expect(judge('patience', rule, minimize, [], 5, 4, 4, 3.95)).toEqual(['continue', 'continue', 'continue', 'stop'])
    expect(judge('patience', rule, minimize, [], 5, 4, 4, 3.8)).toEqual([
      'continue',
      'continue',
      'continue',
      'continue',
    ])
    expect(judge('patience', rule, both, [], { a: 1, b: 1 }, { a: 1, b: 2 }, { a: 1, b: 3 })).not.toContain('stop')
  })
})

describe('values near the largest number', () => {
  it('have a mean and a median all the same', () => {
    const others = [1.2e308, 1.4e308].map((value, index) => trial(index, 'done', value, value))
    const rule = { minFinished: 1 }
    expect(judge('median', rule, minimize, others, 1.7e308, 1.25e308)).toEqual(['stop', 'continue'])
    const wilcoxon = { threshold: 0.4, startupSteps: 2 }
    expect(judge('wilcoxon', wilcoxon, minimize, [trial(0, 'done', -1e308, -1e308)], 1e308, 1e308)).toEqual([
      'continue',
      'stop',
    ])
  })
})

describe("Wilcoxon's signed-rank test", () => {
  /** By the definition: every choice of signs is as likely. */
  const enumerated = (differences: readonly number[]) => {
    const sizes = differences.map(Math.abs)
    const rank = (size: number) => {
      const less = sizes.filter((each) => each < size).length
      return less + (sizes.filter((each) => each === size).length + 1) / 2
    }
    const ranks = sizes.map(rank)
    const free = ranks.filter((_, index) => differences[index] !== 0)
    const seen = ranks.reduce((sum, each, index) => sum + ((differences[index] ?? 0) > 0 ? each : 0), 0)
    let above = 0
    for (let signs = 0; signs < 2 ** free.length; signs++) {
      const sum = free.reduce((total, each, index) => total + ((signs >> index) & 1 ? each : 0), 0)
      if (sum >= seen - 1e-9) above += 1
    }
    return above / 2 ** free.length
  }

  it('is exact: the share of all choices of signs that come as far, ties and zeros among the ranks', () => {
    const differences = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(differences, (each) => {
        expect(signedRankAbove(each)).toBeCloseTo(enumerated(each), 10)
      }),
    )
  })

  it('agrees with the table: n = 5, W = 15 is 1/32; n = 8, W = 31 is 10/256', () => {
    expect(signedRankAbove([1, 2, 3, 4, 5])).toBe(1 / 32)
    // The negative rank sum is 5: 10 of 256 subsets of 1 to 8 come to 5 or less.
    expect(signedRankAbove([1, 2, 3, 4, -5, 6, 7, 8])).toBe(10 / 256)
  })

  it('goes over to the normal distribution without a jump', () => {
    // By another way to count: subsets of 1 to 80 by their sum, as a share of all.
    const ways = [1]
    for (let rank = 1; rank <= 80; rank++) {
      for (let sum = (rank * (rank + 1)) / 2; sum >= rank; sum--) ways[sum] = (ways[sum] ?? 0) + (ways[sum - rank] ?? 0)
    }
    const signed = Array.from({ length: 80 }, (_, index) => (index % 5 < 2 ? -1 : 1) * (index + 1))
    const positive = signed.filter((each) => each > 0).reduce((sum, each) => sum + each, 0)
    const share = ways.slice(positive).reduce((sum, each) => sum + each, 0) / 2 ** 80
    expect(share).toBeGreaterThan(0.01)
    expect(Math.abs(signedRankAbove(signed) / share - 1)).toBeLessThan(0.03)
  })

  it('stops a trial that is worse than the best one on the same problems, and spares one whose mean is better', () => {
    const best = trial(0, 'done', 1, 2, 3, 4, 5)
    const rule = { threshold: 0.1, startupSteps: 3 }
    const worse = judge('wilcoxon', rule, minimize, [best, trial(1, 'done', 9, 9)], 2, 4, 6, 8, 10)
    expect(worse).toEqual(['continue', 'continue', 'continue', 'stop', 'stop']) // 1/8, then 1/16
    expect(judge('wilcoxon', rule, minimize, [best], 1.1, 2.1, 3.1, 4.1, 0)).toEqual([
      'continue',
      'continue',
      'continue',
      'stop',
      'continue',
    ])
  })
})
