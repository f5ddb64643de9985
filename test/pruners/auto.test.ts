import { describe, expect, it } from 'vitest'
import type { Objective } from '../../protocol/index.ts'
import { beginningOf, createPruner, prunerNotes, type ReportedTrial } from '../../src/pruners/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { forecastOf } from '../../src/pruners/forecast.ts'

const loss: Objective[] = [{ metric: 'loss', direction: 'minimize' }]
const auto = { name: 'auto', options: {} }
const steps = 10

type Curve = (level: number, step: number) => number
/** Falls to its level, the way all others do. */
const falling: Curve = (level, step) => level + 2 / step
/** The better it ends, the worse it is until the last third. */
const slow: Curve = (level, step) => (step < 7 ? 5 - level : level)

const points = (curve: Curve, level: number, upTo = steps, metric = 'loss', first = 1) =>
  Array.from({ length: upTo }, (_, at) => ({
    step: at + first,
    at: 0,
    values: { [metric]: curve(level, at + 1) },
  }))
const whole = (trial: number, level: number, curve = falling): ReportedTrial => ({
  trial,
  state: 'done',
  points: points(curve, level),
  metrics: { loss: curve(level, steps) },
})
/** The step at which a trial of this level is stopped; undefined: it ends. */
function stopOf(history: readonly ReportedTrial[], level: number, curve = falling, objectives = loss, options = {}) {
  const pruner = createPruner({ ...auto, options }, objectives)
  for (let step = 1; step <= steps; step += 1) {
    if (pruner(history, { trial: 99, state: 'running', points: points(curve, level, step) }) === 'stop') return step
  }
  return undefined
}
const many = (count: number, curve = falling) =>
  Array.from({ length: count }, (_, trial) => whole(trial, createRandom('level', trial).uniform(), curve))

describe('the pruner auto', () => {
  it('stops a trial that is far from the best at once, and lets one that may become the best end', () => {
    expect(stopOf(many(8), 3)).toBe(1)
    expect(stopOf(many(8), 0)).toBeUndefined()
  })

  it('stops nothing before four trials have come to their end', () => {
    expect(stopOf(many(3), 9)).toBeUndefined()
    expect(stopOf(many(4), 9)).toBe(1)
    expect(stopOf(many(4), 9, falling, loss, { minFinished: 5 })).toBeUndefined()
    const running = many(8).map(({ trial, points }): ReportedTrial => ({ trial, state: 'running', points }))
    expect(stopOf(running, 9)).toBeUndefined()
  })

  it('waits where those that end well begin badly', () => {
    for (const level of [0, 0.5, 1]) {
      const step = stopOf(many(12, slow), level, slow)
      expect(step === undefined || step >= 7, `level ${level} stopped at ${step}`).toBe(true)
    }
  })

  it('stops nothing where reports say nothing of results', () => {
    const random = createRandom('noise')
    const noise: Curve = () => random.normal()
    const history = many(20).map((trial) => ({ ...trial, points: points(noise, 0) }))
    const stopped = Array.from({ length: 50 }, () => stopOf(history, 0, noise)).filter((step) => step !== undefined)
    expect(stopped).toHaveLength(0)
  })

  it('goes by what train returned: a limit that is broken is no best', () => {
    const limited: Objective[] = [{ ...(loss[0] as Objective), limits: [{ metric: 'memory', atMost: 1 }] }]
    const history = many(12).map((trial, at) => ({
      ...trial,
      metrics: { ...trial.metrics, memory: at % 2 === 0 ? 9 : 0 },
    }))
    const kept = history
      .filter((_, at) => at % 2 === 1)
      .map(({ metrics }) => (metrics as Record<string, number>)['loss'] as number)
    const level = Math.min(...kept) - 2 / steps
    expect(stopOf(history, level, falling, limited)).toBeUndefined()
    const heavy = history.map((trial) => ({ ...trial, metrics: { ...trial.metrics, memory: 9 } }))
    expect(stopOf(heavy, 3, falling, limited)).toBeUndefined()
  })

  it('takes steps from wherever they begin, and trials of other lengths', () => {
    const pruner = createPruner(auto, loss)
    const history = many(8).map((trial, at) => ({
      ...trial,
      points: points(falling, createRandom('level', at).uniform(), steps + (at % 3), 'loss', 0),
    }))
    const bad = points(falling, 5, 1, 'loss', 0)
    expect(pruner(history, { trial: 99, state: 'running', points: bad })).toBe('stop')
  })

  it('says before that it may stop trials, and once when it begins; with several objectives it cannot be had', () => {
    expect(prunerNotes(auto, loss)).toEqual([
      'auto stops hopeless trials early, once 4 have reported loss up to their end',
    ])
    expect(beginningOf({ name: 'median', options: {} }, loss)).toBeNull()
    const begins = beginningOf(auto, loss)
    expect(begins?.(many(3))).toBeUndefined()
    expect(begins?.(many(4))).toMatch(/^auto may stop trials early from here on: 4 have come to their end/)
    expect(begins?.(many(9))).toBe(begins?.(many(4)))
    expect(() => createPruner(auto, [...loss, { metric: 'size', direction: 'minimize' }])).toThrow(/one objective/)
    expect(() => createPruner({ ...auto, options: { rate: 0 } }, loss)).toThrow(/pruner.options.rate is 0, not above 0/)
  })
})

describe('a forecast', () => {
  it('of results that are the level plus one is as sure as there are trials', () => {
    const pairs = Array.from({ length: 20 }, (_, at) => ({ level: at / 10, result: 1 + at / 10 }))
    const forecast = forecastOf(pairs)
    expect(forecast?.chance).toBeLessThan(1e-6)
    expect(forecast?.below(1, 0)).toBeCloseTo(0.5, 5)
    expect(forecast?.below(1, 1.5)).toBeLessThan(1e-6)
    expect(forecast?.below(3, 0.5)).toBeGreaterThan(0.999)
    expect(forecast?.freshBelow(1.95)).toBeCloseTo(0.5, 5)
  })

  it('knows nothing of trials that do not differ, and of too few', () => {
    expect(forecastOf([1, 1, 1, 1].map((level, at) => ({ level, result: at })))).toBeUndefined()
    expect(forecastOf([1, 2, 3, 4].map((level) => ({ level, result: 7 })))).toBeUndefined()
    expect(
      forecastOf([
        { level: 1, result: 1 },
        { level: 2, result: 2 },
      ]),
    ).toBeUndefined()
    expect(forecastOf([1, 2, Infinity, Infinity, Infinity].map((level) => ({ level, result: level })))).toBeUndefined()
  })
})
