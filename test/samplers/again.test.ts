import { describe, expect, it } from 'vitest'
import type { Hparams, Observation } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { builtinSamplers, type SamplerPlugin } from '../../src/samplers/index.ts'
import { space } from '../../src/space/index.ts'

const levels = {
  a: space.integer(1, 6),
  b: space.categorical(['p', 'q', 'r', 's']),
  c: space.discrete([1, 2, 5, 10, 20]),
}
const valueOf = ({ a, b, c }: Hparams): number => (Number(a) - 4) ** 2 + (b === 'q' ? 0 : 3) + Number(c) / 5

/** 80 trials, with so much noise; a trial ends when `behind` others have been asked for after it. */
function searched(name: string, noise: number, options: Record<string, unknown> = {}, behind = 0): Observation[] {
  const objectives = [{ metric: 'value', direction: 'minimize' as const }]
  const plugin = builtinSamplers.get(name) as SamplerPlugin
  const sampler = plugin.create({ space: levels, objectives, trials: 80, seed: 1, options })
  const history: Observation[] = []
  for (let trial = 0; trial < 80; trial++) {
    const random = createRandom('again', trial)
    const hparams = sampler({ space: levels, objectives, history: [...history], trial, random })
    if (hparams === 'exhausted') throw new Error('there is always another point')
    history.push({ trial, hparams, state: 'pending', metrics: {}, step: null })
    const ended = history[trial - behind]
    if (ended === undefined) continue
    const value = valueOf(ended.hparams) + noise * createRandom('noise', ended.trial).normal()
    history[trial - behind] = { ...ended, state: 'done', metrics: { value } }
  }
  return history
}

const namesOf = (trials: readonly Observation[]): string[] => trials.map(({ hparams }) => JSON.stringify(hparams))
const repeatsIn = (trials: readonly Observation[]): number => trials.length - new Set(namesOf(trials)).size
const mostOfOne = (trials: readonly Observation[]): number => {
  const names = namesOf(trials)
  return Math.max(...names.map((name) => names.filter((other) => other === name).length))
}

describe.each(['tpe', 'gp', 'auto'])('%s', (name) => {
  it('tries one point a second time, to see whether the metric is noisy, and none if it is not', () => {
    for (const behind of [0, 7]) expect(repeatsIn(searched(name, 0, {}, behind))).toBeLessThanOrEqual(1)
  })

  it('tries good points again where the metric is noisy, but none without end, and not in the beginning', () => {
    const trials = searched(name, 1)
    expect(repeatsIn(trials)).toBeGreaterThan(1)
    expect(repeatsIn(trials.slice(0, 25))).toBe(0)
    expect(mostOfOne(trials)).toBeLessThanOrEqual(10)
    const names = namesOf(trials)
    const repeated = trials.filter((_, index) => names.indexOf(names[index] as string) < index)
    const mean = (of: readonly Observation[]) => of.reduce((sum, { hparams }) => sum + valueOf(hparams), 0) / of.length
    expect(mean(repeated)).toBeLessThan(mean(trials.filter((each) => !repeated.includes(each))))
  })

  it.skipIf(name === 'auto')('tries none more often than it is told', () => {
    expect(repeatsIn(searched(name, 1, { mostTries: 1 }))).toBe(0)
    expect(mostOfOne(searched(name, 1, { mostTries: 3 }))).toBeLessThanOrEqual(3)
  })
})
