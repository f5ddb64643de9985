/** Applies a change to a context. Pure: every reader of the log comes to the same. */
import type { Change, Context, Hparams, OptimizationContext } from '../../protocol/index.ts'

/** `suggested`: configurations that were suggested before. What the context does not have is left out. */
export function changedContext<C extends Context>(context: C, change: Change, suggested: number): C {
  const { pruner, policy = {} } = change
  const changed = { ...context, policy: { ...context.policy, ...policy } }
  if (context.kind === 'training') return changed
  if (pruner !== undefined) Object.assign(changed, { pruner })
  return context.kind === 'optimization' ? { ...changed, ...changedSearch(context, change, suggested) } : changed
}

function changedSearch(
  context: OptimizationContext,
  { trials = context.trials, optimizer = context.optimizer, stop, enqueue }: Change,
  suggested: number,
): Partial<OptimizationContext> {
  return {
    trials,
    optimizer,
    ...(stop === undefined ? {} : { stop }),
    ...(enqueue === undefined ? {} : { enqueue: withEntries(context.enqueue, enqueue, suggested) }),
  }
}

/** Entries come next: after those that wait already, and after all that was suggested freely. */
function withEntries(
  before: readonly (Hparams | null)[] = [],
  entries: readonly Hparams[],
  suggested: number,
): (Hparams | null)[] {
  const free = Array.from({ length: Math.max(0, suggested - before.length) }, () => null)
  return [...before, ...free, ...entries]
}

/** The number of the trial that the first of such entries belongs to. */
export function placeOfEntries({ enqueue = [] }: OptimizationContext, suggested: number): number {
  return Math.max(enqueue.length, suggested)
}

/** Whether the optimizer has to be opened anew: what it was opened with has changed, or what became of a trial was taken back. */
export function opensAnew({ trials, optimizer, enqueue, policy, failed }: Change): boolean {
  return [trials, optimizer, enqueue, policy?.parallel, failed].some((one) => one !== undefined)
}
