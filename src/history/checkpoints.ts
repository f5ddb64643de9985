/**
 * The checkpoints of an experiment's trials, by the log. Pure.
 * I1 The store holds one of the last few whose hashes are here: the one before lies there until the store has the new one.
 */
import type { LogEvent } from '../../protocol/index.ts'

/** Of a trial's checkpoints, the hashes of so many are remembered. */
const savedAtMost = 8

export class Checkpoints {
  /** By trial, and apart for the ring that trains it. */
  readonly #hashes = new Map<string, readonly string[]>()
  readonly #receivedAt = new Map<number, number>()

  note({ trial, ring, at, sha256 }: Extract<LogEvent, { type: 'trial.saved' }>): void {
    this.#receivedAt.set(trial, at)
    const key = `${trial} ${ring}`
    // I1
    this.#hashes.set(key, [sha256, ...(this.#hashes.get(key) ?? [])].slice(0, savedAtMost))
  }

  /** Whether the log holds the hash of this checkpoint of the trial, or of the ring that trains it. */
  has(trial: number, ring: boolean, sha256: string): boolean {
    return this.#hashes.get(`${trial} ${ring}`)?.includes(sha256) === true
  }

  /** When the trial's last checkpoint was received, or that of the ring that trains it; undefined: it has none. */
  receivedAt(trial: number): number | undefined {
    return this.#receivedAt.get(trial)
  }
}
