/**
 * Explains a search for people: which parameters matter and how surely, over which distances values change, whether more trials are
 * worth it, and how many repeated others. All of it follows from the trials.
 */
import type { Hparams, Metrics, Objective, SearchSpace } from '../../protocol/index.ts'
import { lossOf } from '../pareto/index.ts'
import { createRandom } from '../random/index.ts'
import { expectedGain, type Prospect } from '../samplers/index.ts'
import { importanceOf } from './importance.ts'

export interface Trial {
  readonly state: string
  readonly hparams: Hparams
  readonly metrics: Metrics
  /** Where configurations are tried several times: which of the repeats it is, from 0. */
  readonly repeat?: number
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
  /** Trials whose hparams were tried before; those that the context asks for are not counted. */
  readonly repeats: number
}

const resamples = 40
/** The bootstrap looks at so many trials at most, evenly spread. */
const mostTrials = 500

export function explain(space: SearchSpace, objectives: readonly Objective[], trials: readonly Trial[]): Explanation {
  const done = trials.filter(({ state }) => state === 'done')
  const searched = Object.keys(space)
  const first = done.filter(({ repeat = 0 }) => repeat === 0)
  const points = new Set(
    first.map(({ hparams }) =>
      JSON.stringify(searched.map((name) => (Object.hasOwn(hparams, name) ? hparams[name] : null))),
    ),
  )
  const [objective] = objectives
  const prospect = objective === undefined ? undefined : expectedGain(space, valued(done, objective))
  return {
    importance: Object.fromEntries(
      objectives.flatMap((each) => {
        const found = withIntervals(space, done, each)
        return found === undefined ? [] : [[each.metric, found]]
      }),
    ),
    ...(prospect === undefined ? {} : { prospect }),
    repeats: first.length - points.size,
  }
}

const valued = (trials: readonly Trial[], objective: Objective) =>
  trials
    .map(({ hparams, metrics }) => ({ hparams, loss: lossOf(metrics, objective) }))
    .filter(({ loss }) => !Number.isNaN(loss))

function withIntervals(
  space: SearchSpace,
  trials: readonly Trial[],
  objective: Objective,
): Record<string, Share> | undefined {
  const whole = importanceOf(space, trials, objective)
  if (whole === undefined) return undefined
  const stride = Math.max(1, trials.length / mostTrials)
  const some = Array.from(
    { length: Math.min(mostTrials, trials.length) },
    (_, i) => trials[Math.floor(i * stride)] as Trial,
  )
  const drawn = Array.from({ length: resamples }, (_, index) => {
    const random = createRandom('importance', index)
    const again = some.map(() => some[random.integer(some.length)] as Trial)
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
