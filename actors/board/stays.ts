/** Which workers were here, from when until when, and how each went: of the last half hour. */
import type { Stay } from '../../src/board/index.ts'

const most = 4_096

export class Stays {
  readonly #recentMs: number
  readonly #here = new Map<string, Stay>()
  #over: Stay[] = []

  constructor(recentMs: number) {
    this.#recentMs = recentMs
  }

  /** A worker is heard. `startedAt`: it says so of itself; one that was away in between is here from now on. */
  heard(worker: string, slots: number, now: number, startedAt = now): void {
    const known = this.#here.get(worker)
    const wasAway = this.#over.some((stay) => stay.worker === worker)
    const from = Math.min(known?.from ?? now, wasAway ? now : startedAt)
    if (known?.slots === slots && known.from === from) return
    if (known !== undefined || this.#here.size < most)
      this.#here.set(worker, { worker, slots, from, to: null, went: null })
  }

  gone(worker: string, went: 'left' | 'lost', at: number): void {
    const stay = this.#here.get(worker)
    if (stay === undefined) return
    this.#here.delete(worker)
    this.#over.push({ ...stay, to: Math.max(stay.from, at), went })
    if (this.#over.length > most) this.#over.shift()
  }

  recent(now: number): Stay[] {
    this.#over = this.#over.filter(({ to }) => to !== null && to > now - this.#recentMs)
    return [...this.#over, ...this.#here.values()]
  }
}
