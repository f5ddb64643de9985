/** One place in a slot, and what it holds: place.machine.ts with an address. */
import type { SnapshotFrom } from 'xstate'
import type { AttemptRef } from '../../../protocol/index.ts'
import { flatStepper } from '../../../src/machine/index.ts'
import { placeMachine, type PlaceEvent } from './place.machine.ts'

export type PlaceState = SnapshotFrom<typeof placeMachine>['value']

const steps = flatStepper(placeMachine)

export class Place {
  readonly worker: string
  readonly slot: number
  #snapshot = steps.initial(undefined)

  constructor(worker: string, slot: number) {
    this.worker = worker
    this.slot = slot
  }

  get state(): PlaceState {
    return this.#snapshot.value
  }

  get attempt(): AttemptRef | null {
    return this.#snapshot.context.attempt
  }

  /** By the wall clock: when the log says that the attempt was assigned. */
  get assignedAt(): number {
    return this.#snapshot.context.assignedAt
  }

  /** It holds nothing any more: whoever still refers to it has nothing there. */
  get isOver(): boolean {
    return this.state === 'free' || this.state === 'gone'
  }

  holds(ref: AttemptRef): boolean {
    const { attempt } = this
    return attempt !== null && !this.isOver && sameAttempt(attempt, ref)
  }

  /** Says whether the attempt is lost by that. */
  move(event: PlaceEvent): boolean {
    const [after, actions] = steps.next(this.#snapshot, event)
    this.#snapshot = after
    return actions.includes('lose')
  }
}

export function sameAttempt(a: AttemptRef, b: AttemptRef): boolean {
  return a.trial === b.trial && a.attempt === b.attempt && a.experiment === b.experiment
}
