/**
 * Which attempts run in the slots that they were given to, and which wait there behind another one. The log does not say when an attempt
 * begins, but in which order a slot was given its attempts, and a worker runs them one after the other. Pure.
 * I1 In each slot one attempt runs: of those that have not ended, the one that it was given first.
 */
import type { Part } from './trial.machine.ts'

export class SlotQueues {
  /** The attempts of each slot in the order in which it was given them, with their trials. */
  readonly #bySlot = new Map<string, Map<Part, number>>()

  /** A trial is given to slots, or leaves some. Returns the trials that are first in those that it leaves. */
  move(trial: number, before: readonly Part[], after: readonly Part[]): readonly number[] {
    if (before === after) return []
    for (const part of after) if (!before.includes(part)) this.#join(part, trial)
    return before.filter((part) => !after.includes(part)).flatMap((part) => this.#leave(part))
  }

  /** Whether each of a trial's attempts is behind another one. */
  waits(parts: readonly Part[]): boolean {
    return parts.length > 0 && parts.every((part) => this.#bySlot.get(slotOf(part))?.keys().next().value !== part)
  }

  #join(part: Part, trial: number): void {
    const there = this.#bySlot.get(slotOf(part))
    if (there === undefined) this.#bySlot.set(slotOf(part), new Map([[part, trial]]))
    else there.set(part, trial)
  }

  #leave(part: Part): readonly number[] {
    const there = this.#bySlot.get(slotOf(part))
    there?.delete(part)
    if (there?.size === 0) this.#bySlot.delete(slotOf(part))
    const first = there?.values().next().value
    return first === undefined ? [] : [first]
  }
}

const slotOf = ({ worker, slot }: Part): string => `${worker}/${slot}`
