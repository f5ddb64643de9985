/**
 * How long attempts may take: their time limit while they run, and the grace after they were told to stop. The worker keeps the
 * limit; this is for one whose worker does not. All times are elapsed time in ms, all attempts are told apart by a key.
 */
import type { Submission } from '../../../protocol/index.ts'

/** Beyond its time limit and its grace, an attempt has so long to be heard of. */
const slackMs = 5000

export class TimeLimits {
  readonly #policy: () => Submission['context']['policy']
  /** Since when it is known to run. */
  readonly #runsSince = new Map<string, number>()
  /** When it was told to stop. */
  readonly #stoppedAt = new Map<string, number>()

  /** `policy`: as it is now. */
  constructor(policy: () => Submission['context']['policy']) {
    this.#policy = policy
  }

  /** The attempt is told to stop; the first time counts. */
  stopped(attempt: string, now: number): void {
    if (!this.#stoppedAt.has(attempt)) this.#stoppedAt.set(attempt, now)
  }

  isStopped(attempt: string): boolean {
    return this.#stoppedAt.has(attempt)
  }

  forget(attempt: string): void {
    this.#runsSince.delete(attempt)
    this.#stoppedAt.delete(attempt)
  }

  /** Names the limit that the attempt has exceeded, in a sentence; null: none. */
  exceeded(attempt: string, isRunning: boolean, now: number): string | null {
    const { trialTimeoutMs, graceMs } = this.#policy()
    if (isRunning && !this.#runsSince.has(attempt)) this.#runsSince.set(attempt, now)
    const runsFor = now - (this.#runsSince.get(attempt) ?? now)
    const stoppedFor = now - (this.#stoppedAt.get(attempt) ?? now)
    if (stoppedFor > graceMs + slackMs) return `it did not end within ${graceMs + slackMs} ms after it was told to stop`
    if (trialTimeoutMs !== null && runsFor > trialTimeoutMs + graceMs + slackMs) {
      return `it did not end within its time limit of ${trialTimeoutMs} ms, and its worker did not stop it`
    }
    return null
  }
}
