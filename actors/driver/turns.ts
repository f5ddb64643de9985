/**
 * Work that is done a few at a time, for many who ask.
 * I1 Whoever has begun comes first: readers that are under way end before others begin, so that few are under way at once.
 * I2 Bounded: one that would have to wait for too long is told to come again (STORE_BUSY), and its question costs nothing more.
 */
import { problem } from '../../protocol/index.ts'
import type { Clock } from '../../src/actor/index.ts'

/** Shorter than an asker waits for an answer. */
const waitAtMostMs = 2_000

interface Waiting {
  readonly since: number
  start(): void
  refuse(): void
}

export class Turns {
  readonly #clock: Clock
  readonly #atOnce: number
  readonly #begun: Waiting[] = []
  readonly #fresh: Waiting[] = []
  #running = 0

  constructor(clock: Clock, atOnce: number) {
    this.#clock = clock
    this.#atOnce = atOnce
  }

  /** `hasBegun`: it goes on with what it was given before (I1). Rejects with STORE_BUSY (I2), or as the work does. */
  async take<T>(hasBegun: boolean, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) await this.#wait(hasBegun ? this.#begun : this.#fresh)
    else this.#running += 1
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  #wait(queue: Waiting[]): Promise<void> {
    return new Promise((resolve, reject) => {
      queue.push({
        since: this.#clock.elapsed(),
        start: resolve,
        refuse: () => {
          reject(problem('STORE_BUSY', {}))
        },
      })
    })
  }

  /** The turn that is over is passed on. */
  #next(): void {
    const late = this.#clock.elapsed() - waitAtMostMs
    for (const queue of [this.#begun, this.#fresh]) {
      for (let first = queue[0]; first !== undefined; first = queue[0]) {
        queue.shift()
        if (first.since >= late) return first.start()
        first.refuse()
      }
    }
    this.#running -= 1
  }
}
