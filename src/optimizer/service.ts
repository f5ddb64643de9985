/** The optimizer on the bus. */
import { observe, open, suggest } from '../../protocol/index.ts'
import type { Bus } from '../bus/index.ts'
import { startService, type Service, type ServiceOptions } from '../suggester/index.ts'
import type { OptimizerPlugin } from './plugin.ts'
import { createSession } from './session.ts'

/** Starts to answer on the bus, by the names of the plug-ins. */
export const startOptimizer = (bus: Bus, plugins: readonly OptimizerPlugin[], options: ServiceOptions): Service =>
  startService(bus, { role: 'optimizer', calls: { open, suggest, observe }, create: createSession }, plugins, options)
