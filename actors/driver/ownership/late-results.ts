/**
 * Experiments that have ended: late results of them are acknowledged, so that workers can forget them. One that another driver has
 * taken up again is that driver's alone.
 */
import { done, doneSeveral } from '../../../protocol/index.ts'
import { answer, type Bus, type OnDropped, type Subscription } from '../../../src/bus/index.ts'

const answeredAtMost = 1024
const knownAtMost = 100_000

export class LateResults {
  readonly #bus: Bus
  readonly #onDropped: OnDropped
  readonly #answered = new Map<string, readonly Subscription[]>()
  /** Found ended: not looked at again. */
  readonly #known = new Set<string>()

  constructor(bus: Bus, onDropped: OnDropped) {
    this.#bus = bus
    this.#onDropped = onDropped
  }

  knows(experiment: string): boolean {
    return this.#known.has(experiment)
  }

  acknowledge(experiment: string): void {
    this.#known.add(experiment)
    const [first] = this.#known
    if (this.#known.size > knownAtMost && first !== undefined) this.#known.delete(first)
    if (this.#answered.has(experiment)) return
    const here = { worker: '*', experiment }
    const onDropped = this.#onDropped
    this.#answered.set(experiment, [
      answer(this.#bus, done, here, () => ({}), { onDropped, notValid: async () => ({}) }),
      answer(this.#bus, doneSeveral, here, ({ results }) => ({ refusals: results.map(() => null) }), { onDropped }),
    ])
    const [oldest] = this.#answered.keys()
    if (this.#answered.size > answeredAtMost && oldest !== undefined) this.#silence(oldest)
  }

  /** It goes on, here or elsewhere. */
  goesOn(experiment: string): void {
    this.#silence(experiment)
    this.#known.delete(experiment)
  }

  close(): void {
    for (const experiment of this.#answered.keys()) this.#silence(experiment)
  }

  #silence(experiment: string): void {
    for (const subscription of this.#answered.get(experiment) ?? []) subscription.unsubscribe()
    this.#answered.delete(experiment)
  }
}
