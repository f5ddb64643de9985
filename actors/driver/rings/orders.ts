/**
 * Orders to the members of a ring: to form a generation, and to start it.
 * I1 The order to form is the question whether a member is still there: nobody is out on another's word alone.
 * I2 A generation that is over is not spoken of any more.
 */
import {
  codeOf,
  type formRing,
  type startRing,
  type Call,
  type ParamsOf,
  type PayloadOf,
} from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'
import type { Seat } from './ring.machine.ts'

const askMs = 1000
const pauseMs = 100
/** Where nobody listens, for so long (at once, where a member has found so too): the member is out. */
const absentAfterMs = 200
/** Where somebody listens and does not answer. */
const silentAfterMs = 4000
/** After an outage of the driver's own the others come back one by one. */
const outagePatienceMs = 5000

type Order = Call & { readonly subject: typeof formRing.subject | typeof startRing.subject }

export type Obeyed =
  | 'yes'
  /** It does not answer. */
  | 'absent'
  /** It knows of a later generation. */
  | 'stale'
  /** The generation is over. */
  | 'over'

export class Orders {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #ring: string
  readonly #isUnderWay: (generation: number, attempt: number) => boolean
  /** Attempts that other members have found to be gone. */
  readonly #missed = new Set<number>()
  #patientUntil = 0

  constructor(
    where: { readonly bus: Bus; readonly clock: Clock },
    ring: string,
    isUnderWay: (generation: number, attempt: number) => boolean,
  ) {
    this.#bus = where.bus
    this.#clock = where.clock
    this.#ring = ring
    this.#isUnderWay = isUnderWay
  }

  /** Another member has found this one to be gone. */
  miss(attempt: number): void {
    this.#missed.add(attempt)
  }

  /** It is here after all, or is not a member any more. */
  forget(attempt: number): void {
    this.#missed.delete(attempt)
  }

  reconnected(): void {
    this.#patientUntil = this.#clock.elapsed() + outagePatienceMs
  }

  /** Tells a member until it answers. */
  async give<C extends Order>(
    order: C,
    { worker, slot, attempt }: Seat,
    generation: number,
    payload: PayloadOf<C>,
  ): Promise<Obeyed> {
    const params = { worker, ring: this.#ring, slot: String(slot) } as unknown as ParamsOf<C>
    let since = this.#clock.elapsed()
    let last: string | undefined
    // I2
    while (this.#isUnderWay(generation, attempt)) {
      try {
        await ask(this.#bus, order, params, payload, { timeoutMs: askMs })
        return 'yes'
      } catch (error) {
        const code = codeOf(error)
        if (code === undefined) throw error
        if (code === 'RING_STALE') return 'stale'
        const now = this.#clock.elapsed()
        // An outage of this driver's own is nobody's fault.
        if (code === 'BUS_DISCONNECTED' || code !== last) since = code === 'BUS_TIMEOUT' ? now - askMs : now
        last = code
        if (now >= this.#patientUntil && now - since >= this.#patienceWith(code, attempt)) {
          this.#missed.delete(attempt)
          return 'absent'
        }
      }
      await new Promise<void>((resolve) => {
        this.#clock.setTimeout(resolve, pauseMs)
      })
    }
    return 'over'
  }

  #patienceWith(code: string, attempt: number): number {
    if (code === 'BUS_DISCONNECTED') return Infinity
    if (code === 'BUS_TIMEOUT') return silentAfterMs
    if (code === 'BUS_NO_RESPONDERS') return this.#missed.has(attempt) ? 0 : absentAfterMs
    // An order that is refused for another reason would be refused again.
    return 0
  }
}
