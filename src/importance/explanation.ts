/**
 * Explains a search for people: which parameters matter and how surely, over which distances values change, whether more trials are
 * worth it, and how many repeated others. All of it follows from the trials.
 */
import type { Objective, SearchSpace } from '../../protocol/index.ts'
import { lossOf } from '../pareto/index.ts'
import { createRandom } from '../random/index.ts'
import { pointKeys } from '../space/index.ts'
import { expectedGain, type Prospect } from '../samplers/index.ts'
import { comparable, type Searched, type Tried } from './comparable.ts'
import { enough, importanceOf } from './importance.ts'

interface Trial extends Tried {
  /** Where configurations are tried several times: which of the repeats it is, from 0. */
  readonly repeat?: number
  /** The trial whose checkpoint it continued. */
  readonly from?: number
}

interface Share {
  readonly share: number
  /** Where 90 % of the shares lie when trials are drawn again (bootstrap). */
  readonly low: number
  readonly high: number
}

export interface Explanation {
  /** By objective and parameter. */
  readonly importance: Readonly<Record<string, Readonly<Record<string, Share>>>>
  /** Of the first objective: what a Gaussian process makes of the trials; left out where there are too few. */
  readonly prospect?: Prospect
  /** Trials whose hparams were tried before; those that the context asks for, and those that continue another, are not counted. */
  readonly repeats: number
  /** Where trials went to different budgets: all of this but `repeats` is by the trials of one budget, so many of which are done. */
  readonly judged?: { readonly budget: number; readonly trials: number }
}

const resamples = 40
/** The bootstrap looks at so many trials at most, evenly spread. */
const mostTrials = 500

export function explain(searched: Searched & { readonly trials: readonly Trial[] }): Explanation {
  const { space, objectives, trials } = searched
  const { tried, budget } = comparable(searched, enough)
  const done = tried.filter(({ state }) => state === 'done')
  const [objective] = objectives
  const known = tried.filter(({ state }) => state !== 'cancelled').map(({ hparams }) => hparams)
  const prospect = objective === undefined ? undefined : expectedGain(space, valued(done, objective), known)
  return {
    importance: Object.fromEntries(
      objectives.flatMap((each) => {
        const found = withIntervals(space, done, each)
        return found === undefined ? [] : [[each.metric, found]]
      }),
    ),
    ...(prospect === undefined ? {} : { prospect }),
    repeats: repeatsIn(space, trials),
    ...(budget === undefined ? {} : { judged: { budget, trials: done.length } }),
  }
}

function repeatsIn(space: SearchSpace, trials: readonly Trial[]): number {
  const afresh = trials.filter(({ state, repeat = 0, from }) => state === 'done' && repeat === 0 && from === undefined)
  const points = new Set(afresh.map(({ hparams }) => hparams).map(pointKeys(space)))
  return afresh.length - points.size
}

const valued = (trials: readonly Tried[], objective: Objective) =>
  trials
    .map(({ hparams, metrics }) => ({ hparams, loss: lossOf(metrics, objective) }))
    .filter(({ loss }) => !Number.isNaN(loss))

function withIntervals(
  space: SearchSpace,
  trials: readonly Tried[],
  objective: Objective,
): Record<string, Share> | undefined {
  const whole = importanceOf(space, trials, objective)
  if (whole === undefined) return undefined
  const stride = Math.max(1, trials.length / mostTrials)
  const some = Array.from(
    { length: Math.min(mostTrials, trials.length) },
    (_, i) => trials[Math.floor(i * stride)] as Tried,
  )
  const drawn = Array.from({ length: resamples }, (_, index) => {
    const random = createRandom('importance', index)
    const again = some.map(() => some[random.integer(some.length)] as Tried)
    return importanceOf(space, again, objective)
  }).filter((each) => each !== undefined)
  return Object.fromEntries(
    Object.entries(whole).map(([name, share]) => {
      const values = drawn.map((each) => each[name] ?? 0).sort((a, b) => a - b)
      const at = (part: number) => values[Math.round(part * (values.length - 1))] ?? share
      return [name, { share, low: Math.min(share, at(0.05)), high: Math.max(share, at(0.95)) }]
    }),
  )
}
