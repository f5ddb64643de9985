/** Numbers that an actor can be asked for at any moment; src/prometheus serves them. */

export interface Measure {
  /** With the unit, as Prometheus names things: `maggy_slots_wanted`; what is counted ends with `_total`. */
  readonly name: `maggy_${string}`
  /** A gauge goes up and down, a counter only up. */
  readonly kind: 'gauge' | 'counter'
  readonly help: string
  readonly value: number
  readonly labels?: Readonly<Record<string, string>>
}
