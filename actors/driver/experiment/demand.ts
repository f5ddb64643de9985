/** How many places an experiment could use now, for placement. */
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
    if (this.#rings === null) return this.startable().length
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

  /** Trials that could start now, in order. */
  startable(): number[] {
    if (!this.#acceptsQueued) return []
    return [...this.#history.queued].slice(0, Math.max(0, this.#cap))
  }

  /** Whether a trial could start now if it had a place: one is there, or may be suggested still, and not too many run. */
  get hasWork(): boolean {
    if (this.startable().length > 0) return true
    return this.#suggestions.left > 0 && this.#cap > this.#history.queued.size
  }

  /** Whether trials may wait in a slot behind the one that runs: results do not matter to the next, and trials are short. */
  get prefetches(): boolean {
    const limit = this.#inCluster() ? shortInClusterMs : shortTrialMs
    const short = this.#typicalMs !== null && this.#typicalMs < limit
    return short && this.#rings === null && !this.#suggestions.adaptive && this.#history.state === 'searching'
  }

  learnDuration({ startedAt, endedAt }: { readonly startedAt: number | null; readonly endedAt: number }): void {
    if (startedAt === null) return
    const ms = endedAt - startedAt
    this.#typicalMs = this.#typicalMs === null ? ms : this.#typicalMs * 0.8 + ms * 0.2
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
