import { describe, expect, it } from 'vitest'
import type { Hparams, Observation, SearchSpace } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { createLedger } from '../../src/samplers/ledger.ts'
import type { Dimension } from '../../src/samplers/parzen.ts'
import { steadyRanks } from '../../src/samplers/steady.ts'
import { indexOf, space, toUnit } from '../../src/space/index.ts'

const levels = { a: space.integer(1, 6), b: space.categorical(['p', 'q', 'r', 's']) }
const dimensions: readonly Dimension[] = [
  { kind: 'level', count: 6, column: 0 },
  { kind: 'choice', count: 4, column: 1 },
]
const worth = ({ a, b }: Hparams): number => Number(a) + (b === 'q' ? 0 : 3)
const points: readonly Hparams[] = [1, 2, 3, 4, 5, 6].flatMap((a) => ['p', 'q', 'r', 's'].map((b) => ({ a, b })))

type Valued = readonly [hparams: Hparams, value: number]
const ended = ([hparams, value]: Valued, trial: number): Observation => {
  return { trial, hparams, state: 'done', metrics: { value }, step: null }
}
const readIn = (given: SearchSpace) => {
  const row = ({ hparams }: Observation) =>
    Float64Array.from(Object.entries(given), ([name, parameter]) => indexOf(parameter, hparams[name] as number) ?? NaN)
  return createLedger({ metric: 'value', direction: 'minimize' }, row)
}
const ranked = (trials: readonly Observation[]): readonly Hparams[] => {
  const ledger = readIn(levels)
  ledger.show(trials)
  return steadyRanks(levels, dimensions)(ledger).map(({ observation }) => observation.hparams)
}

describe('steadyRanks', () => {
  it('does not take one lucky trial of a poor point for good', () => {
    const plain = points.map((each, at): Valued => [each, worth(each) + createRandom('steady', at).normal() / 10])
    const lucky = { a: 6, b: 's' }
    const best = { a: 1, b: 'q' }
    const given: readonly Valued[] = [...plain, [lucky, 0.5], [lucky, 9], [lucky, 9.1], [best, 1.05]]
    const trials = given.map(ended)
    const [first] = [...trials].sort((one, other) => Number(one.metrics['value']) - Number(other.metrics['value']))
    expect(first?.hparams).toEqual(lucky)
    expect(ranked(trials)[0]).toEqual(best)
    expect(ranked(trials).indexOf(lucky)).toBeGreaterThan(trials.length / 3)
  })

  it('ranks points nearer to their worth than single values do', () => {
    const values = (seed: number) =>
      [...points, ...points.slice(0, 6)].map((each, at): Valued => {
        return [each, worth(each) + 2 * createRandom('worth', seed, at).normal()]
      })
    /** The mean worth of those that are ranked among the first five. */
    const top = (order: readonly Hparams[]) => order.slice(0, 5).reduce((sum, each) => sum + worth(each), 0) / 5
    let [steady, single] = [0, 0]
    for (let seed = 0; seed < 40; seed++) {
      const given = values(seed)
      steady += top(ranked(given.map(ended))) / 40
      single += top([...given].sort(([, one], [, other]) => one - other).map(([hparams]) => hparams)) / 40
    }
    expect(steady).toBeLessThan(single - 0.3)
  })

  it('goes by the values themselves where a repeated point came to the same, and where no point can be met again', () => {
    const exact = readIn(levels)
    exact.show([...points, points[3] as Hparams].map((each, at) => ended([each, worth(each)], at)))
    expect(steadyRanks(levels, dimensions)(exact)).toBe(exact.ranked)

    const endless = { x: space.double(0, 1) }
    const ledger = createLedger({ metric: 'value', direction: 'minimize' }, ({ hparams }) =>
      Float64Array.of(toUnit(endless.x, hparams['x'] as number)),
    )
    ledger.show([0.2, 0.9, 0.2].map((x, at) => ended([{ x }, at], at)))
    expect(steadyRanks(endless, [{ kind: 'number', count: Infinity, column: 0 }])(ledger)).toBe(ledger.ranked)
  })

  it('leaves trials that were pruned or failed behind those that are done', () => {
    const states = ['failed', 'done', 'pruned', 'done', 'pruned', 'done'] as const
    const trials = states.map((state, at) => ({ ...ended([points[at] as Hparams, 6 - at], at), state, step: at }))
    const ledger = readIn(levels)
    ledger.show(trials)
    const order = steadyRanks(levels, dimensions)(ledger).map(({ standing }) => standing)
    expect(order).toEqual(['done', 'done', 'done', 'pruned', 'pruned', 'bad'])
  })
})
