/** Why experiments that are not over stand still, as their drivers say at this moment. */
import { driverBeat, progress } from '../../protocol/index.ts'
import { systemClock, type Clock } from '../actor/index.ts'
import { hear, type Bus } from '../bus/index.ts'
import type { Waiting } from './submit.ts'

/** Drivers say four times a second how each of their experiments stands, and once a second which ones they have. */
export const heardMs = 2000

/**
 * By experiment; null: it goes on, as far as its driver says. Left out: no driver has spoken for it. Takes two seconds where nobody speaks
 * for one of them.
 */
export async function waitingOf(
  bus: Bus,
  experiments: readonly string[],
  clock: Clock = systemClock,
): Promise<ReadonlyMap<string, Waiting | null>> {
  const said = new Map<string, Waiting | null>()
  const [only, another] = experiments
  if (only === undefined) return said
  const silent = new Set(experiments)
  const driven = new Set<string>()
  await new Promise<void>((resolve) => {
    const timer = clock.setTimeout(end, heardMs)
    const subscriptions = [
      hear(bus, progress, { experiment: another === undefined ? only : '*' }, ({ waiting }, { experiment }) => {
        if (!silent.delete(experiment)) return
        said.set(experiment, waiting)
        if (silent.size === 0) end()
      }),
      hear(bus, driverBeat, { driver: '*' }, ({ experiments: owned }) => {
        for (const experiment of owned) driven.add(experiment)
      }),
    ]
    function end(): void {
      clock.clearTimeout(timer)
      for (const subscription of subscriptions) subscription.unsubscribe()
      resolve()
    }
  })
  for (const experiment of silent) if (driven.has(experiment)) said.set(experiment, null)
  return said
}
