/** All checks of an optimizer. */
import { asking } from '../suggester/asking.ts'
import { observing } from '../suggester/observing.ts'
import { refusing } from '../suggester/refusing.ts'
import { reopening } from '../suggester/reopening.ts'
import { speed } from '../suggester/speed.ts'
import { transport } from '../suggester/transport.ts'
import type { Check } from '../check.ts'
import type { OptimizerPeer } from './peer.ts'
import { searching } from './searching.ts'
import { values } from './values.ts'

export { OptimizerPeer } from './peer.ts'

export interface HowMany {
  /** Trials in the history at the end of the check of speed. Default: 1,000. */
  readonly trials?: number
  /** Trials that are told at once. Default: 10,000. */
  readonly many?: number
}

/** The checks, in the order of their groups. */
export function optimizerChecks({ trials = 1000, many = 10_000 }: HowMany = {}): Check<OptimizerPeer>[] {
  const all = searching(many)
  const of = (group: string) => all.filter(({ name }) => name.startsWith(`${group}.`))
  return [
    ...transport,
    ...values,
    ...asking,
    ...of('asking'),
    ...observing,
    ...of('observing'),
    ...reopening,
    ...of('reopening'),
    ...refusing,
    speed(trials),
  ]
}
