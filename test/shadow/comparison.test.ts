import { describe, expect, it } from 'vitest'
import { compareShadows, distance, spearman } from '../../src/shadow/index.ts'
import type { SearchSpace } from '../../protocol/index.ts'

const line: SearchSpace = { x: { type: 'double', low: 0, high: 10 } }
const objective = { metric: 'value', direction: 'minimize' as const }
/** The value is x itself. */
const done = [0, 1, 2, 3, 4, 5, 6, 7].map((x) => ({ trial: x, hparams: { x }, metrics: { value: x } }))

describe('the comparison of optimizers that were asked on the side', () => {
  it('measures distance by the law of each parameter, kinds by equality, and what only one has as 1', () => {
    const space: SearchSpace = {
      lr: { type: 'double', low: 0.01, high: 1, log: true },
      kind: { type: 'categorical', choices: ['a', 'b', 1, '1'] },
      momentum: { type: 'double', low: 0, high: 1, when: { parameter: 'kind', in: ['a'] } },
      fixed: { type: 'constant', value: 1 },
    }
    expect(distance(space, { lr: 0.01, kind: 'b', fixed: 1 }, { lr: 0.1, kind: 'b', fixed: 1 })).toBeCloseTo(0.25, 10)
    expect(distance(space, { lr: 0.01, kind: 1 }, { lr: 0.01, kind: '1' })).toBeCloseTo(0.5, 10)
    expect(distance(space, { lr: 0.01, kind: 'a', momentum: 0 }, { lr: 0.01, kind: 'b' })).toBeCloseTo(2 / 3, 10)
  })

  it('correlates ranks, equal ones at the mean of theirs', () => {
    expect(spearman([1, 2, 3, 4], [10, 20, 30, 40])).toBe(1)
    expect(spearman([1, 2, 3, 4], [4, 3, 2, 1])).toBe(-1)
    expect(spearman([1, 1, 2], [1, 2, 3])).toBeCloseTo(Math.sqrt(3) / 2, 10)
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeNull()
  })

  it('expects of a point what the five nearest trials came to, without the one in whose place it is', () => {
    const proposals = new Map([['other', new Map([[0, { x: 0 }]])]])
    const { rows } = compareShadows(line, objective, done, 'main', proposals)
    // The nearest of 0 without trial 0 are 1 to 5, at 0.1 to 0.5.
    const weights = [1, 2, 3, 4, 5].map((x) => 1 / (x / 10 + 1e-6))
    const wanted =
      [1, 2, 3, 4, 5].reduce((sum, x, index) => sum + x * (weights[index] ?? 0), 0) / weights.reduce((a, b) => a + b)
    expect(rows[1]).toMatchObject({ optimizer: 'other', ran: false, proposed: 1, agreement: null })
    expect(rows[1]?.expected).toBeCloseTo(wanted, 10)
  })

  it('finds agreement where trials came out worse the farther they were from the proposals, by either direction', () => {
    const best = new Map([['knows', new Map(done.map(({ trial }) => [trial, { x: 0 }]))]])
    expect(compareShadows(line, objective, done, 'main', best).rows[1]?.agreement).toBe(1)
    expect(compareShadows(line, { ...objective, direction: 'maximize' }, done, 'main', best).rows[1]?.agreement).toBe(
      -1,
    )
  })

  it('says nothing where too little is known', () => {
    const few = done.slice(0, 4)
    const proposals = new Map([['other', new Map([[1, { x: 2 }]])]])
    expect(
      compareShadows(line, objective, few, 'main', proposals).rows.map(({ expected, agreement }) => [
        expected,
        agreement,
      ]),
    ).toEqual([
      [null, null],
      [null, null],
    ])
  })
})
