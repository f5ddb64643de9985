/** Numbers that an actor can be asked for at any moment; src/prometheus serves them. */
import type { Bus } from '../bus/index.ts'

export interface Measure {
  /** With the unit, as Prometheus names things: `maggy_slots_wanted`; what is counted ends with `_total`. */
  readonly name: `maggy_${string}`
  /** A gauge goes up and down, a counter only up. */
  readonly kind: 'gauge' | 'counter'
  readonly help: string
  readonly value: number
  readonly labels?: Readonly<Record<string, string>>
}

export const busMeasure = (bus: Bus): Measure => ({
  name: 'maggy_bus_connected',
  kind: 'gauge',
  help: '1: connected to the bus',
  value: bus.status === 'connected' ? 1 : 0,
})
