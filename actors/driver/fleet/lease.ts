/** The lease on one slot: lease.machine.ts with the bus. */
import type { SnapshotFrom } from 'xstate'
import { codeOf, lease, release, type SlotStatus } from '../../../protocol/index.ts'
import { flatStepper } from '../../../src/machine/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'
import { leaseMachine, type LeaseEvent } from './lease.machine.ts'

export type LeaseState = SnapshotFrom<typeof leaseMachine>['value']

const steps = flatStepper(leaseMachine)
const timeoutMs = 2000

export class Lease {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #driver: string
  readonly #worker: string
  readonly #slot: number
  /** It moved by what the bus answered; with the worker's word on the slot, where it gave one. */
  readonly #answered: (status?: SlotStatus) => void
  #snapshot = steps.initial(undefined)
  /** Only the answer to the last question counts. */
  #questions = 0

  constructor(
    where: { bus: Bus; clock: Clock; driver: string; worker: string; slot: number },
    answered: (status?: SlotStatus) => void,
  ) {
    this.#bus = where.bus
    this.#clock = where.clock
    this.#driver = where.driver
    this.#worker = where.worker
    this.#slot = where.slot
    this.#answered = answered
  }

  get state(): LeaseState {
    return this.#snapshot.value
  }

  /** What keeps the slot from being of use, for people; null: nothing does. */
  get trouble(): { code: string; holder: string | null } | null {
    const { reason, holder } = this.#snapshot.context
    if (this.state === 'theirs') return { code: 'SLOT_TAKEN', holder }
    return reason === null ? null : { code: reason, holder: null }
  }

  ask(): void {
    this.#move({ type: 'lease.ask' })
  }

  release(): Promise<void> {
    this.#move({ type: 'lease.release' })
    return this.#releasing
  }

  /** What the worker says of the slot. */
  hear({ driver }: SlotStatus): void {
    const holder = driver === null ? 'nobody' : driver === this.#driver ? 'us' : 'another'
    this.#move({ type: 'worker.status', holder, driver })
  }

  failed(code: string): void {
    this.#move({ type: 'slot.failed', code, at: this.#clock.elapsed() })
  }

  served(): void {
    this.#move({ type: 'slot.served' })
  }

  tick(): void {
    if (this.state === 'resting') this.#move({ type: 'tick', at: this.#clock.elapsed() })
  }

  end(): void {
    this.#questions += 1
    this.#move({ type: 'worker.gone' })
  }

  #releasing: Promise<void> = Promise.resolve()

  #move(event: LeaseEvent): void {
    const [after, actions] = steps.next(this.#snapshot, event)
    this.#snapshot = after
    for (const action of actions) {
      if (action === 'ask') void this.#ask()
      else if (action === 'release') this.#releasing = this.#handBack()
    }
  }

  async #ask(): Promise<void> {
    const question = (this.#questions += 1)
    const who = { driver: this.#driver, slot: this.#slot }
    let event: LeaseEvent
    let status: SlotStatus | undefined
    try {
      status = (await ask(this.#bus, lease, { worker: this.#worker }, who, { timeoutMs })).status
      event = { type: 'lease.granted' }
    } catch (error) {
      const code = codeOf(error)
      if (code === undefined) throw error
      const at = this.#clock.elapsed()
      event = code === 'SLOT_TAKEN' ? { type: 'lease.taken' } : { type: 'lease.refused', at, code }
    }
    if (question !== this.#questions) return
    this.#move(event)
    this.#answered(status)
  }

  async #handBack(): Promise<void> {
    const question = (this.#questions += 1)
    const who = { driver: this.#driver, slot: this.#slot }
    let heard: boolean
    try {
      await ask(this.#bus, release, { worker: this.#worker }, who, { timeoutMs })
      heard = true
    } catch (error) {
      if (codeOf(error) === undefined) throw error
      heard = false
    }
    if (question !== this.#questions) return
    this.#move({ type: heard ? 'release.answered' : 'release.unanswered' })
    this.#answered()
  }
}
