/**
 * A pruner where nobody named one: it is proposed once, and never used unasked, for a trial that is stopped has no result. A search by
 * `auto` whose trials report their objective on the way can do with fewer steps.
 */
import { own, type Context, type Metrics } from '../../protocol/index.ts'
import { leastFinished } from './auto.ts'

/** A trial of fewer reports has come to its end before anybody can judge it. */
const fewestReports = 4
/** In a search of fewer trials there is little to save once enough of them have come to their end. */
const fewestTrials = 12

/**
 * Is told of each trial that is done: how many points it reported, and the last of them. Answers with the proposal once enough trials say
 * that it may help; null: nothing is proposed for such a context.
 */
export function proposalFor(context: Context): ((points: number, last: Metrics) => string | undefined) | null {
  if (context.kind !== 'optimization' || context.pruner !== null || context.optimizer.name !== 'auto') return null
  const { objectives, repeats = 1, ring, trials } = context
  const [objective, ...others] = objectives
  // Repeats are compared by their means, and a ring that stops costs more than it saves.
  const helps = others.length === 0 && repeats === 1 && ring === undefined && trials >= fewestTrials
  if (objective === undefined || !helps) return null
  const { metric } = objective
  let reporting = 0
  return (points, last) => {
    if (points < fewestReports || own(last, metric) === undefined) return undefined
    reporting += 1
    return reporting < leastFinished
      ? undefined
      : `trials report ${metric} on the way: pruner: 'auto' stops those that seem to come to nothing by what others' curves tell, and may miss one that would have been best; 'none' ends this note`
  }
}
