/** How long one suggestion takes, after so many observations, and how much memory a sampler keeps for them. */
import { performance } from 'node:perf_hooks'
import type { Observation, SearchSpace } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { builtinSamplers, type SamplerPlugin } from '../../src/samplers/index.ts'
import { sample, space } from '../../src/space/index.ts'
import type { Report } from './main.ts'
import { median, round } from './statistics.ts'

const sizes = [100, 1000, 10_000]
/** `auto` chooses by the number of trials, so it is also measured where a Gaussian process is worth most. */
const sizesOfAuto = [50, 100, 200, 1000]
const objectives = [{ metric: 'value', direction: 'minimize' as const }]
const suggestions = 31

const spaceOf = (parameters: number): SearchSpace =>
  Object.fromEntries(Array.from({ length: parameters }, (_, index) => [`x${index}`, space.double(-5, 10)]))

const observed = (given: SearchSpace, trial: number): Observation => {
  const hparams = sample(given, createRandom('bench', trial))
  const value = Object.values(hparams).reduce<number>((sum, each) => sum + Number(each) ** 2, 0)
  return { trial, hparams, state: 'done', metrics: { value }, step: null }
}

/** Milliseconds for a suggestion: the median of some, each told of before the next, as in a search. */
function timed(
  plugin: SamplerPlugin,
  parameters: number,
  size: number,
): { readonly ms: number; readonly bytes: number } {
  const given = spaceOf(parameters)
  const history = Array.from({ length: size }, (_, trial) => observed(given, trial))
  const settled = () => {
    globalThis.gc?.()
    return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
  }
  const before = settled()
  const sampler = plugin.create({ space: given, objectives, trials: size + suggestions, options: {}, seed: 1 })
  const times: number[] = []
  // The first takes in the whole history, and warms the code up.
  for (let count = -10; count < suggestions; count++) {
    const trial = history.length
    const random = createRandom(1, 'suggest', trial)
    const start = performance.now()
    sampler({ space: given, objectives, history, trial, random })
    if (count >= 0) times.push(performance.now() - start)
    history.push(observed(given, trial))
  }
  const bytes = settled() - before
  // Still needed here, so that what it keeps is counted.
  if (typeof sampler !== 'function') throw new TypeError('not a sampler')
  return { ms: median(times), bytes: bytes / size }
}

const bars: Readonly<Record<string, string>> = {
  'tpe2.1000': '<= 0.5 ms',
  'tpe.1000': '<= 1 ms',
  'tpe40.1000': '<= 1.5 ms',
  'tpe2.10000': '<= 2.5 ms',
  'tpe.10000': '<= 5 ms',
  'tpe40.10000': '<= 7.5 ms',
  'gp.100': '<= 50 ms',
  'auto.200': '<= 15 ms',
  'auto.1000': '<= 40 ms',
}

export async function samplers(say: (line: string) => void): Promise<Report> {
  const figures: Record<string, number> = {}
  const all = [...builtinSamplers.values()].filter(({ name }) => name !== 'grid' && name !== 'auto')
  const named = (name: string) => builtinSamplers.get(name) as SamplerPlugin
  const subjects = [
    { key: 'auto', plugin: named('auto'), parameters: 5, counts: sizesOfAuto },
    ...all.map((plugin) => ({ key: plugin.name, plugin, parameters: 5, counts: sizes })),
    { key: 'tpe2', plugin: named('tpe'), parameters: 2, counts: sizes },
    { key: 'tpe40', plugin: named('tpe'), parameters: 40, counts: sizes },
  ]
  for (const { key, plugin, parameters, counts } of subjects) {
    for (const size of counts) {
      const { ms, bytes } = timed(plugin, parameters, size)
      figures[`${key}.${size}`] = round(ms, 3)
      if (globalThis.gc !== undefined) figures[`${key}.${size}.bytesPerTrial`] = Math.round(bytes)
      say(`${key} after ${size}: ${round(ms, 3)} ms`)
    }
  }
  return { figures, bars }
}
