/** Pruners, by name. */
import { problem, type Objective, type Plugin } from '../../protocol/index.ts'
import { autoPruner } from './auto.ts'
import { medianPruner } from './median.ts'
import { hyperbandPruner, successiveHalvingPruner } from './halving.ts'
import { nonePruner } from './none.ts'
import { patiencePruner } from './patience.ts'
import { percentilePruner } from './percentile.ts'
import type { Pruner, PrunerPlugin, ReportedTrial } from './pruner.ts'
import { thresholdPruner } from './threshold.ts'
import { wilcoxonPruner } from './wilcoxon.ts'

export { keepPoint } from './kept-points.ts'
export { proposalFor } from './proposal.ts'
export { settledReport, type Pruner, type PrunerPlugin, type ReportedTrial } from './pruner.ts'

/** The pruners that a context can name. */
export const builtinPruners: ReadonlyMap<string, PrunerPlugin> = new Map(
  [
    nonePruner,
    autoPruner,
    medianPruner,
    percentilePruner,
    successiveHalvingPruner,
    hyperbandPruner,
    patiencePruner,
    thresholdPruner,
    wilcoxonPruner,
  ].map((plugin) => [plugin.name, plugin]),
)

/** Whether a process of the user's judges: `pruner: { name, served: true }`. */
export function isServed(plugin: Plugin | null): boolean {
  return plugin?.options['served'] === true
}

/** The metrics that the named pruner looks at: `options.metric`, or else the objectives. */
export function watchedMetrics({ options }: Plugin, objectives: readonly Objective[]): ReadonlySet<string> {
  const { metric } = options
  return new Set(typeof metric === 'string' ? [metric] : objectives.map((objective) => objective.metric))
}

/** The pruner that a context names; null is none. Throws PRUNER_UNKNOWN, and CONTEXT_INVALID for its options. */
export function createPruner(
  plugin: Plugin | null,
  objectives: readonly Objective[],
  known: ReadonlyMap<string, PrunerPlugin> = builtinPruners,
): Pruner {
  const { name, options } = plugin ?? { name: 'none', options: {} }
  // A process of the user's judges; the driver only keeps the reports.
  if (isServed(plugin)) return () => 'continue'
  const found = known.get(name)
  if (found === undefined) throw problem('PRUNER_UNKNOWN', { pruner: name, known: [...known.keys()].join(', ') })
  return found.create({ objectives, options })
}

/** Says once that the named pruner, which waited until now, may stop trials; undefined: not yet. null: it never waits. */
export function beginningOf(
  plugin: Plugin | null,
  objectives: readonly Objective[],
): ((history: readonly ReportedTrial[]) => string | undefined) | null {
  return builtin(plugin)?.begins?.({ objectives, options: plugin?.options ?? {} }) ?? null
}

/** Sentences of the named pruner for people, before the first trial. */
export function prunerNotes(plugin: Plugin | null, objectives: readonly Objective[]): readonly string[] {
  return builtin(plugin)?.notes?.({ objectives, options: plugin?.options ?? {} }) ?? []
}

/** How many points of each trial are kept for the named pruner; undefined: as many as for any. */
export function pointsKeptFor(plugin: Plugin | null): number | undefined {
  return builtin(plugin)?.pointsAtMost
}

const builtin = (plugin: Plugin | null): PrunerPlugin | undefined =>
  plugin === null || isServed(plugin) ? undefined : builtinPruners.get(plugin.name)
