/** Writes the changes of an experiment for people. */
import type { Change } from '../../protocol/index.ts'
import { pairs } from './text.ts'

/** A change in a few words. */
export function changeText({ trials, optimizer, pruner, stop, policy, enqueue, failed }: Change): string {
  return [
    ...(trials === undefined ? [] : [`${trials} trials in all`]),
    ...(optimizer === undefined ? [] : [`optimizer ${optimizer.name}`]),
    ...(pruner === undefined ? [] : [pruner === null ? 'no pruner' : `pruner ${pruner.name}`]),
    ...(stop === undefined ? [] : ['stop rules']),
    ...Object.entries(policy ?? {}).map(([name, value]) => `${name} ${JSON.stringify(value)}`),
    ...(enqueue ?? []).map((entry) => `enqueued ${pairs(entry) || 'a trial'}`),
    ...(failed === true ? ['failed trials are tried anew'] : []),
  ].join(', ')
}
