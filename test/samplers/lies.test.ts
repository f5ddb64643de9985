import { expect, it } from 'vitest'
import type { Observation } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { builtinSamplers, type SamplerPlugin } from '../../src/samplers/index.ts'
import { space } from '../../src/space/index.ts'

const given = { x: space.double(0, 1), y: space.double(0, 1) }
const objectives = [{ metric: 'value', direction: 'minimize' as const }]
const clamp = (value: number) => Math.min(1, Math.max(0, value))
const ended = Array.from({ length: 60 }, (_, trial): Observation => {
  const random = createRandom('ended', trial)
  const [x, y] = [random.uniform(), random.uniform()]
  const value = Math.hypot(x - 0.3, y - 0.3)
  return { trial, hparams: { x, y }, state: 'done', metrics: { value }, step: null }
})
const underWay = Array.from({ length: 63 }, (_, index): Observation => {
  const random = createRandom('under way', index)
  const hparams = { x: clamp(0.3 + 0.12 * random.normal()), y: clamp(0.3 + 0.12 * random.normal()) }
  return { trial: 60 + index, hparams, state: 'pending', metrics: {}, step: null }
})

/** How many of a hundred suggestions are near the optimum. */
function near(history: readonly Observation[]): number {
  const plugin = builtinSamplers.get('tpe') as SamplerPlugin
  const sampler = plugin.create({ space: given, objectives, trials: 1000, options: {}, seed: 1 })
  const points = Array.from({ length: 100 }, (_, index) => {
    const trial = 200 + index
    return sampler({ space: given, objectives, history, trial, random: createRandom(1, 'suggest', trial) })
  })
  return points.filter((point) => {
    const { x, y } = point as { x: number; y: number }
    return Math.hypot(x - 0.3, y - 0.3) < 0.2
  }).length
}

it('tpe keeps away from trials under way, and from sixty-three of them not much more than from seven', () => {
  const [alone, beside7, beside63] = [0, 7, 63].map((count) => near([...ended, ...underWay.slice(0, count)]))
  expect(alone).toBeGreaterThan(90)
  expect(beside7).toBeLessThan(80)
  expect(beside63).toBeLessThan(80)
  expect(beside63).toBeGreaterThan((beside7 as number) / 2)
})
