/** The trials of earlier experiments that an optimizer is told: those that are of use, and a sentence about the others. */
import type { Hparams, Objective, OptimizationContext, SearchSpace } from '../../protocol/index.ts'
import { faultIn } from '../space/index.ts'
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
  /** By reason, how many, and the first. */
  const unused = new Map<string, { count: number; readonly first: string }>()
  const leaveOut = (reason: string, first: string) => {
    const known = unused.get(reason)
    if (known === undefined) unused.set(reason, { count: 1, first })
    else known.count += 1
  }
  for (const [index, item] of list.entries()) {
    const path = `warmStart[${index}]`
    const trial = record(path, item)
    const given = record(`${path}.hparams`, trial['hparams'])
    const hparams = Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(space, name)))
    const state = trial['state'] ?? 'done'
    const metrics = state === 'done' ? metricsOf(`${path}.metrics`, trial['metrics']) : {}
    const missing = objectives.find(({ metric }) => !Object.hasOwn(metrics, metric))
    const fault = faultIn(space, hparams, `${path}.hparams`)
    if (state !== 'done') leaveOut('not done', `${path} is ${show(state)}`)
    else if (fault !== undefined) leaveOut('not in this space', `${fault.path} ${fault.reason}`)
    else if (missing !== undefined) leaveOut(`without ${show(missing.metric)}`, `${path}.metrics`)
    else trials.push({ hparams: hparams as Hparams, metrics })
  }
  const others = [...unused].map(
    ([reason, { count, first }]) => `${count} ${reason} (${count === 1 ? '' : 'first: '}${first})`,
  )
  const note = [`warmStart: ${trials.length} of ${list.length} trials are of use`, ...others].join('; ')
  return { trials, note: note.slice(0, 1024) }
}

function metricsOf(path: string, value: unknown): Record<string, number | null> {
  const metrics = record(path, value)
  for (const [name, metric] of Object.entries(metrics)) {
    if (metric === null || Number.isFinite(metric)) continue
    throw invalid(`${path}.${name}`, `is ${show(metric)}, not a finite number`)
  }
  return { ...metrics } as Record<string, number | null>
}
