/** Schedulers, by name: they decide how far a trial goes, and which trial it continues. */
import { builtinSamplers } from '../samplers/index.ts'
import { ashaScheduler } from './asha.ts'
import { bohbScheduler, hyperbandScheduler } from './hyperband.ts'
import { populationScheduler } from './population.ts'
import type { SchedulerPlugin } from './scheduler.ts'

export { bracketsOf } from './hyperband.ts'
export type { Proposal, Scheduler, SchedulerPlugin } from './scheduler.ts'

/** The schedulers that `maggy optimizer` serves, beside the samplers. */
export const builtinSchedulers: ReadonlyMap<string, SchedulerPlugin> = new Map(
  [ashaScheduler, hyperbandScheduler, bohbScheduler, populationScheduler].map((make) => {
    const plugin = make(builtinSamplers)
    return [plugin.name, plugin] as const
  }),
)
