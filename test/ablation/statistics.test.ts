import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Ablated, Component } from '../../protocol/index.ts'
import { ablationResult, ablationSvg, holm, welch, type AblationTrial } from '../../src/ablation/index.ts'
import { criticalT, twoSided } from '../../src/statistics/index.ts'
import { ablationText } from '../../src/cli/ablation-table.ts'
import { ablationRows } from '../../src/store/index.ts'

const component = (name: string): Component => ({ kind: 'features', name, features: [name] })
const components = ['a', 'b', 'c'].map(component)
let trial = 0
const trials = (without: string[], values: (number | 'failed')[], parameters = 10): AblationTrial[] =>
  values.map((value, repeat) => {
    const ablated: Ablated = { components: without.map(component), repeat, keepWeights: false }
    trial += 1
    if (value === 'failed')
      return {
        trial,
        state: 'failed',
        metrics: {},
        durationMs: 1,
        ablated,
        problem: { code: 'SURGERY_REFUSED', message: 'no' },
      }
    return { trial, state: 'done', metrics: { score: value }, durationMs: 100 * value, ablated, parameters }
  })
const resultOf = (all: AblationTrial[], direction: 'minimize' | 'maximize' = 'maximize', repeats = 5) =>
  ablationResult(all, components, { metric: 'score', direction }, repeats)

it('has Student’s t as the tables have it', () => {
  // Critical values of the two-sided test at 5 %: any table of the t distribution.
  for (const [freedom, t] of [
    [1, 12.7062],
    [2, 4.30265],
    [5, 2.57058],
    [10, 2.22814],
    [30, 2.04227],
    [1000, 1.96234],
  ]) {
    expect(criticalT(0.05, freedom ?? 1)).toBeCloseTo(t ?? 0, 4)
    expect(twoSided(t ?? 0, freedom ?? 1)).toBeCloseTo(0.05, 5)
  }
  expect(twoSided(0, 3)).toBe(1)
  // One degree of freedom is Cauchy's distribution: p = 1 - 2 atan(t) / pi.
  expect(twoSided(3, 1)).toBeCloseTo(1 - (2 * Math.atan(3)) / Math.PI, 12)
})

it('has Welch’s test as it is worked by hand', () => {
  // Means 2 and 5, variances 1 and 4, n = 3 each: t = 3 / sqrt(5/3), freedom = (5/3)^2 / ((1/3)^2/2 + (4/3)^2/2) = 50/17.
  const said = welch([1, 2, 3], [3, 5, 7])
  expect(said?.p).toBeCloseTo(twoSided(3 / Math.sqrt(5 / 3), 50 / 17), 12)
  expect(said?.error).toBeCloseTo(criticalT(0.05, 50 / 17) * Math.sqrt(5 / 3), 10)
  expect(welch([1], [1, 2])).toBeUndefined()
  expect(welch([1, 1], [2, 2])).toEqual({ p: null, error: 0 })
})

it('corrects for many comparisons as Holm does', () => {
  expect(holm([0.01, 0.04, 0.03, null])).toEqual([0.03, 0.06, 0.06, null])
  expect(holm([0.9, 0.8])).toEqual([1, 1])
})

it('says of each component what it is worth, what is missed most first', () => {
  const base = trials([], [0.9, 0.91, 0.89, 0.9, 0.9])
  const all = [
    ...base,
    ...trials(['a'], [0.9, 0.89, 0.91, 0.9, 0.905]),
    ...trials(['b'], [0.5, 0.51, 0.49, 0.5, 0.5], 4),
    ...trials(['c'], [0.7, 0.71, 0.69, 0.7, 0.7]),
  ]
  const result = resultOf(all)
  expect(result.components.map(({ without, verdict }) => [without[0], verdict])).toEqual([
    ['b', 'worse'],
    ['c', 'worse'],
    ['a', 'no difference shown'],
  ])
  const [b, , a] = result.components
  expect(b?.delta).toBeCloseTo(-0.4)
  expect(b?.relative).toBeCloseTo(-0.4 / 0.9)
  expect(b?.parametersSaved).toBe(6)
  expect(b?.timeSavedMs).toBeCloseTo(40)
  expect(Math.abs(a?.delta ?? 1)).toBeLessThan(a?.error ?? 0)
  // To be minimized, the same numbers are better, and the other way round in the table.
  expect(resultOf(all, 'minimize').components.map(({ without, verdict }) => [without[0], verdict])).toEqual([
    ['a', 'no difference shown'],
    ['c', 'better'],
    ['b', 'better'],
  ])
})

it('keeps what was refused at the end, with its reason, and counts it as no failure', () => {
  const { components: found } = resultOf([
    ...trials([], [1, 1.1]),
    ...trials(['a'], ['failed', 'failed']),
    ...trials(['b'], [1, 0.9]),
  ])
  expect(found.map(({ without }) => without[0])).toEqual(['b', 'a'])
  expect(found[1]).toMatchObject({
    verdict: 'not possible',
    failed: 0,
    delta: null,
    pHolm: null,
    problem: { code: 'SURGERY_REFUSED' },
  })
})

it('shows no error bars of one repeat, and no p without any spread', () => {
  const one = resultOf([...trials([], [1]), ...trials(['a'], [0.5])], 'maximize', 1).components[0]
  expect(one).toMatchObject({ delta: -0.5, spread: null, error: null, p: null, verdict: 'no difference shown' })
})

it('has the interaction of a pair beyond what its two cost alone', () => {
  const all = [...trials([], [1]), ...trials(['a'], [0.9]), ...trials(['b'], [0.8]), ...trials(['a', 'b'], [0.2])]
  const pair = resultOf(all, 'maximize', 1).components.find(({ without }) => without.length === 2)
  expect(pair?.interaction).toBeCloseTo(-0.8 + 0.1 + 0.2)
})

it('is told before anything is done', () => {
  expect(resultOf([])).toMatchObject({ base: { mean: null, done: 0 }, components: [] })
})

it('draws a bar for each component, escaped, and says what failed', () => {
  const svg = ablationSvg(
    resultOf([...trials([], [1, 1.1]), ...trials(['a'], [0.5, 0.6]), ...trials(['b'], ['failed'])]),
    'x < y',
  )
  expect(svg.match(/<rect x=/g)).toHaveLength(1)
  expect(svg).toContain('x &lt; y: score without each component, against 1.05')
  expect(svg).toContain('SURGERY_REFUSED')
  expect(svg).not.toMatch(/NaN|undefined/)
})

it('lists what was not possible before the first trial beside what was tried', () => {
  const problem = { code: 'SURGERY_REFUSED', message: 'flatten cannot be left out' }
  const all = [...trials([], [1, 1.1]), ...trials(['a'], [0.5, 0.6])]
  const objective = { metric: 'score', direction: 'maximize' as const }
  const result = ablationResult(all, components, objective, 2, [{ without: ['flatten'], problem }])
  expect(result.components.map(({ without, verdict }) => [without[0], verdict])).toEqual([
    ['a', 'worse'],
    ['flatten', 'not possible'],
  ])
  expect(result.components[1]).toMatchObject({ trials: [], done: 0, failed: 0, delta: null, problem })
})

describe('a base that failed', () => {
  const fault = { code: 'TRAIN_FAILED', message: 'no such file' }
  const broken = trials([], ['failed']).map((one) => ({ ...one, problem: fault }))
  const all = [...broken, ...trials(['a'], [0.5]), ...trials(['b'], ['failed'])]

  it('is said in every row', () => {
    const result = resultOf(all, 'maximize', 1)
    expect(result.components.map(({ verdict, baseProblem }) => [verdict, baseProblem])).toEqual([
      ['base failed', fault],
      ['not possible', fault],
    ])
    const rows = ablationText(result).split('\n').slice(2, 4)
    for (const row of rows) expect(row).toContain('the base failed (TRAIN_FAILED)')
    expect(ablationSvg(result, 'e').match(/base failed/g)).toHaveLength(2)
    expect(ablationRows(result).rows.map((cells) => cells.at(-2))).toEqual([undefined, 'TRAIN_FAILED', 'TRAIN_FAILED'])
  })

  it('is not one that has yet to end', () => {
    const running = broken.map((one) => ({ ...one, problem: undefined, state: 'running' }))
    const result = resultOf([...running, ...trials(['a'], [0.5])], 'maximize', 1)
    expect(result.components[0]).toMatchObject({ verdict: 'pending', baseProblem: null })
  })
})

describe('numbers whose sums and squares overflow', () => {
  const huge = (values: number[]) => values.map((value) => value * 1e307)
  const took = (all: AblationTrial[]) => all.map((one) => ({ ...one, durationMs: 1 }))

  it('show no significance where there is none', () => {
    const result = resultOf([...trials([], huge([10, 11, 12])), ...trials(['a'], huge([11, 10, 12.5]))])
    expect(result.base.mean).toBeCloseTo(1.1e308, -300)
    expect(result.components[0]).toMatchObject({ verdict: 'no difference shown' })
    expect(result.components[0]?.p).toBeGreaterThan(0.5)
  })

  it('show it where there is some, with the p of the same numbers made small', () => {
    const small = resultOf([...trials([], [-12, -11, -10]), ...trials(['a'], [10, 11, 12])])
    const result = resultOf(took([...trials([], huge([-12, -11, -10])), ...trials(['a'], huge([10, 11, 12]))]))
    expect(result.components[0]?.p).toBeCloseTo(small.components[0]?.p ?? 0, 12)
    // The difference itself is more than a number can hold: it is not told, and not Infinity.
    expect(result.components[0]).toMatchObject({ delta: null, verdict: 'better' })
    expect(result.components[0]?.relative).toBeCloseTo(2, 12)
    expect(ablationText(result)).not.toMatch(/Infinity|NaN/)
    expect(ablationSvg(result, 'e')).not.toMatch(/Infinity|NaN/)
  })

  it('nor do numbers that vanish when they are squared', () => {
    const tiny = (values: number[]) => values.map((value) => value * 1e-200)
    const p = welch([1, 2, 3], [3, 5, 7])?.p
    expect(welch(tiny([1, 2, 3]), tiny([3, 5, 7]))?.p).toBeCloseTo(p ?? 0, 12)
  })

  it('of equal values there is no spread, whatever the rounding of their mean', () => {
    expect(welch([0.1, 0.1, 0.1], [0.3, 0.3, 0.3])).toEqual({ p: null, error: 0 })
  })

  it('never give a p that is no number', () => {
    expect(twoSided(NaN, 2)).toBeNaN()
    const anyFinite = fc.double({ noNaN: true, noDefaultInfinity: true })
    const values = fc.array(anyFinite, { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(values, values, (a, b) => {
        const said = welch(a, b)
        for (const value of [said?.p, said?.error]) {
          expect(value === null || (typeof value === 'number' && Number.isFinite(value) && value >= 0)).toBe(true)
        }
        const swapped = welch(b, a)
        expect(swapped?.p ?? 0).toBeCloseTo(said?.p ?? 0, 9)
      }),
    )
  })
})

describe('time saved', () => {
  /** One after the other on the workers that are named, each for so long. */
  const timed = (plan: readonly (readonly [string[], string, number])[]): AblationTrial[] => {
    const clock = new Map<string, number>()
    return plan.flatMap(([without, worker, durationMs]) => {
      const startedAt = clock.get(worker) ?? 0
      clock.set(worker, startedAt + durationMs)
      return trials(without, [1]).map((one) => ({
        ...one,
        worker,
        startedAt,
        endedAt: startedAt + durationMs,
        durationMs,
      }))
    })
  }
  const savedIn = (plan: Parameters<typeof timed>[0]) =>
    resultOf(timed(plan), 'maximize', 2).components.map(({ timeSavedMs }) => timeSavedMs)

  it('leaves out the trials that warmed up their runners', () => {
    const plan = [
      [[], 'w', 5000],
      [['a'], 'w', 1000],
      [[], 'w', 1000],
      [['a'], 'w', 900],
    ] as const
    expect(savedIn(plan.map(([without, worker, ms]) => [[...without], worker, ms]))).toEqual([50])
  })

  it('is not told where only the base warmed up a runner, and the table says why', () => {
    const plan: [string[], string, number][] = [
      [[], 'w', 5000],
      [['a'], 'w', 1000],
    ]
    expect(savedIn(plan)).toEqual([null])
    expect(ablationText(resultOf(timed(plan), 'maximize', 1))).toContain(
      'time saved -: a runner’s first trial takes longer',
    )
  })

  it('compares first trials with first trials where there are no others', () => {
    expect(
      savedIn([
        [[], 'v', 5000],
        [['a'], 'w', 4000],
      ]),
    ).toEqual([1000])
  })
})
