/** How many places an experiment could use now, for placement. */
import type { LogEvent } from '../../../protocol/index.ts'
import type { History } from '../../../src/history/index.ts'
import type { RingNeed } from '../fleet/index.ts'
import type { Rings } from '../rings/index.ts'
import type { Suggestions } from '../suggesting/index.ts'

/** Waiting for a suggestion of a trial that runs shorter than this would be felt: such trials are handed out ahead. */
const shortTrialMs = 2000
/**
 * So are trials in a cluster that run shorter than this: where the leader of the log vanishes nothing is kept for 4 to 9 s, and a slot that
 * has its next trial does not stand idle meanwhile.
 */
const shortInClusterMs = 20_000
/**
 * So much work waits in a slot at most, as far as is known, beyond the first trial: what trials of a millisecond cost beside themselves
 * are messages and writes, and those are shared by all that go together.
 */
const aheadMs = 100
/** Behind a trial of so long nothing should have waited. */
const longMs = 500
const aheadAtMost = 32
/** Trials that places are kept for at once, before they are suggested. */
const freshRings = 16
/** In these states a trial that waits for another attempt is not begun. */
const ending: ReadonlySet<string> = new Set([
  'paused',
  'halted',
  'stopping',
  'concluding',
  'cancelling',
  'failing',
  'givingUp',
])

export class Demand {
  readonly #history: History
  readonly #suggestions: Suggestions
  readonly #rings: Rings | null
  readonly #inCluster: () => boolean
  #typicalMs: number | null = null

  /** `inCluster`: whether the log lies on several servers. */
  constructor(history: History, suggestions: Suggestions, rings: Rings | null, inCluster: () => boolean) {
    this.#history = history
    this.#inCluster = inCluster
    this.#suggestions = suggestions
    this.#rings = rings
  }

  /** Trials that are there and could start now, or members that rings could take in. */
  queued(now: number): number {
    if (this.#rings === null) return this.#startableCount
    return this.#acceptsQueued ? this.#rings.room(now) : 0
  }

  /** Trials that may be suggested beside those. */
  fresh(): number {
    if (this.#rings !== null) return 0
    return Math.max(0, Math.min(this.#suggestions.left, this.#cap - this.#history.queued.size))
  }

  /** What needs several places at once. */
  ringNeeds(now: number): readonly RingNeed[] {
    if (this.#rings === null || !this.#acceptsQueued) return []
    const waiting = this.startable()
    const fresh = Math.max(0, Math.min(this.#suggestions.left, this.#cap - waiting.length, freshRings))
    return this.#rings.needs(now, waiting, fresh)
  }

  /** How many could start now. */
  get #startableCount(): number {
    return this.#acceptsQueued ? Math.max(0, Math.min(this.#history.queued.size, this.#cap)) : 0
  }

  /** The first of those that could start now and that fit. */
  firstStartable(fits: (trial: number) => boolean): number | undefined {
    let left = this.#startableCount
    for (const trial of this.#history.queued) {
      if (left === 0) return undefined
      if (fits(trial)) return trial
      left -= 1
    }
    return undefined
  }

  /** Trials that could start now, in order. */
  startable(): number[] {
    if (!this.#acceptsQueued) return []
    return [...this.#history.queued].slice(0, Math.max(0, this.#cap))
  }

  /** Whether a trial could start now if it had a place: one is there, or may be suggested still, and not too many run. */
  get hasWork(): boolean {
    if (this.#startableCount > 0) return true
    return this.#suggestions.left > 0 && this.#cap > this.#history.queued.size
  }

  /** How many trials may wait in a slot behind the one that runs: results do not matter to the next, and trials are short. */
  get ahead(): number {
    const typicalMs = this.#typicalMs
    const limit = this.#inCluster() ? shortInClusterMs : shortTrialMs
    if (typicalMs === null || typicalMs >= limit || this.#rings !== null) return 0
    if (this.#suggestions.adaptive || this.#history.state !== 'searching') return 0
    return Math.max(1, Math.min(aheadAtMost, Math.floor(aheadMs / Math.max(1, typicalMs))))
  }

  /** None is put behind one that has run for longer, in ms: it is not one of the usual ones. */
  get patienceMs(): number {
    return Math.max(longMs, 2 * (this.#typicalMs ?? 0))
  }

  /** An attempt that was handed back or lost tells nothing of how long a trial takes. */
  learnDuration({ startedAt, endedAt, outcome }: Extract<LogEvent, { type: 'trial.ended' }>): void {
    if (startedAt === null || outcome.kind === 'returned' || outcome.kind === 'crashed') return
    const ms = endedAt - startedAt
    // A long one counts at once; that trials are short again has to be seen for a while.
    const typicalMs = this.#typicalMs
    this.#typicalMs = typicalMs === null || (ms > longMs && ms > typicalMs) ? ms : typicalMs * 0.8 + ms * 0.2
  }

  /** How many more may run. */
  get #cap(): number {
    const { parallel } = this.#history.submission.context.policy
    return parallel === null ? Infinity : parallel - this.#history.held.size
  }

  get #acceptsQueued(): boolean {
    return !ending.has(this.#history.state)
  }
}
