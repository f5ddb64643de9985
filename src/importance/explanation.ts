/**
 * Explains a search for people: which parameters matter and how surely, over which distances values change, whether more trials are
 * worth it, and how many repeated others. All of it follows from the trials.
 */
import type { Objective, SearchSpace } from '../../protocol/index.ts'
import { lossOf } from '../pareto/index.ts'
import { pointKeys } from '../space/index.ts'
import { expectedGain, type Prospect } from '../samplers/index.ts'
import { comparable, type Searched, type Tried } from './comparable.ts'
import { enough, sharesOf, type Share } from './importance.ts'

interface Trial extends Tried {
  /** Where configurations are tried several times: which of the repeats it is, from 0. */
  readonly repeat?: number
  /** The trial whose checkpoint it continued. */
  readonly from?: number
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
        const found = sharesOf(space, done, each)
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
