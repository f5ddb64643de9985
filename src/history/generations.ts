/**
 * The rings that train an experiment's trials, by the log. Pure.
 * I1 A trial's last generation is the one in force; its members may be fewer than trained it before.
 */
import type { LogEvent } from '../../protocol/index.ts'

type Generation = Extract<LogEvent, { type: 'ring.formed' }>

export class Generations {
  readonly #last = new Map<number, Generation>()
  readonly #members = new Map<number, number>()

  note(generation: Generation): void {
    const { trial, members } = generation
    this.#last.set(trial, generation)
    this.#members.set(trial, Math.max(this.#members.get(trial) ?? 0, members.length))
  }

  /** The last generation of a trial's ring (I1). */
  last(trial: number): Generation | undefined {
    return this.#last.get(trial)
  }

  /** How many workers trained a trial together at most; undefined: no ring has trained it. */
  mostMembers(trial: number): number | undefined {
    return this.#members.get(trial)
  }
}
