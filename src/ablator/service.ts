/** The ablator on the bus. */
import { observeAblation, openAblation, suggestRemovals } from '../../protocol/index.ts'
import type { Bus } from '../bus/index.ts'
import { startService, type Service, type ServiceOptions } from '../suggester/index.ts'
import { createAblation, type ServedAblator } from './session.ts'

const calls = { open: openAblation, suggest: suggestRemovals, observe: observeAblation }

/** Starts to answer on the bus, by the names of the plug-ins. */
export const startAblator = (bus: Bus, plugins: readonly ServedAblator[], options: ServiceOptions): Service =>
  startService(bus, { role: 'ablator', calls, create: createAblation }, plugins, options)
