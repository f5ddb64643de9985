/**
 * Which worker the log of an experiment gave each attempt to, for those who read telemetry: what others say of it does not count.
 * I1 An attempt is in the log before its worker hears of it: one that is not there yet is looked for once more.
 * I2 A log with a hole may lack attempts: those that it does not know are taken as they are.
 */
import { entryOf, logSubject } from '../archive/index.ts'
import type { Bus } from '../bus/index.ts'
import { Holders, LogOrder } from '../history/index.ts'

export class LogHolders {
  readonly #bus: Bus
  readonly #subject: string
  readonly #holders = new Holders()
  readonly #order = new LogOrder()
  #last = 0

  constructor(bus: Bus, experiment: string) {
    this.#bus = bus
    this.#subject = logSubject(experiment)
  }

  /** Whether the attempt is the worker's. */
  async holds(worker: string, trial: number, attempt: number): Promise<boolean> {
    if (this.#holders.holderOf(trial, attempt) === undefined) await this.#readOn()
    const holder = this.#holders.holderOf(trial, attempt)
    return holder === undefined ? this.#order.holes > 0 : holder === worker
  }

  async #readOn(): Promise<void> {
    for await (const read of this.#bus.streams.read('log', this.#subject, { after: this.#last })) {
      const { sequence, entry } = entryOf(read)
      this.#last = sequence
      if (entry === undefined) this.#order.damaged()
      else {
        this.#order.take(entry)
        for (const event of entry.events) this.#holders.note(event)
      }
    }
  }
}
