/** The trials of earlier experiments that an optimizer is told: those that are of use, and a sentence about the others. */
import type { Hparams, Objective, OptimizationContext, SearchSpace } from '../../protocol/index.ts'
import { limitsOf } from '../pareto/index.ts'
import { faultIn } from '../space/index.ts'
import { countOfUse } from '../words/index.ts'
import { invalid, record, show } from './options.ts'

type Known = NonNullable<OptimizationContext['warmStart']>[number]

export interface WarmStart {
  readonly trials: readonly Known[]
  /** How many are of use, and why the others are not. */
  readonly note: string
}

/** Throws CONTEXT_INVALID for what is neither a result nor a list of { hparams, metrics }. */
export function warmStart(value: unknown, space: SearchSpace, objectives: readonly Objective[]): WarmStart {
  const list = Array.isArray(value) ? (value as unknown[]) : record('warmStart', value)['trials']
  if (!Array.isArray(list)) throw invalid('warmStart', 'is neither a result nor a list of { hparams, metrics }')
  const trials: Known[] = []
  const ofUse = countOfUse('warmStart')
  // A trial without a number that a constraint needs may have broken it: it would teach that all is allowed.
  const needed = [...objectives, ...limitsOf(objectives)]
  for (const [index, item] of list.entries()) {
    const path = `warmStart[${index}]`
    const trial = record(path, item)
    const given = record(`${path}.hparams`, trial['hparams'])
    const hparams = Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(space, name)))
    const state = trial['state'] ?? 'done'
    const metrics = state === 'done' ? metricsOf(`${path}.metrics`, trial['metrics']) : {}
    const missing = needed.find(({ metric }) => !Object.hasOwn(metrics, metric))
    const fault = faultIn(space, hparams, `${path}.hparams`)
    if (state !== 'done') ofUse.leaveOut('not done', `${path} is ${show(state)}`)
    else if (fault !== undefined) ofUse.leaveOut('not in this space', `${fault.path} ${fault.reason}`)
    else if (missing !== undefined) ofUse.leaveOut(`without ${show(missing.metric)}`, `${path}.metrics`)
    else trials.push({ hparams: hparams as Hparams, metrics })
  }
  return { trials, note: ofUse.sentence(trials.length, list.length) }
}

function metricsOf(path: string, value: unknown): Record<string, number | null> {
  const metrics = record(path, value)
  for (const [name, metric] of Object.entries(metrics)) {
    if (metric === null || Number.isFinite(metric)) continue
    throw invalid(`${path}.${name}`, `is ${show(metric)}, not a finite number`)
  }
  return { ...metrics } as Record<string, number | null>
}
