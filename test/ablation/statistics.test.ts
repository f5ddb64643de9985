import { expect, it } from 'vitest'
import type { Ablated, Component } from '../../protocol/index.ts'
import {
  ablationResult,
  ablationSvg,
  criticalT,
  holm,
  twoSided,
  welch,
  type AblationTrial,
} from '../../src/ablation/index.ts'

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

it('keeps what failed at the end, with its reason', () => {
  const { components: found } = resultOf([
    ...trials([], [1, 1.1]),
    ...trials(['a'], ['failed', 'failed']),
    ...trials(['b'], [1, 0.9]),
  ])
  expect(found.map(({ without }) => without[0])).toEqual(['b', 'a'])
  expect(found[1]).toMatchObject({ verdict: 'failed', delta: null, pHolm: null, problem: { code: 'SURGERY_REFUSED' } })
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
