/** How many places an experiment could use now, for the scheduler. */
import type { History } from '../../../src/history/index.ts'
import type { Gangs } from '../rings/rings.ts'
import type { OptimizerDesk } from '../suggesting/suggestions.ts'
import type { Gang } from '../fleet/placement.ts'

/** Waiting for a suggestion of a trial that runs shorter than this would be felt: such trials are handed out ahead. */
const shortTrialMs = 2000
/** In these states a trial that waits for another attempt is not begun. */
const ending: ReadonlySet<string> = new Set(['stopping', 'concluding', 'cancelling', 'failing', 'givingUp'])

export class Demand {
  readonly #history: History
  readonly #desk: OptimizerDesk
  readonly #gangs: () => Gangs | null
  #typicalMs: number | null = null

  constructor(history: History, desk: OptimizerDesk, gangs: () => Gangs | null) {
    this.#history = history
    this.#desk = desk
    this.#gangs = gangs
  }

  /** Trials, or members that rings could take in. */
  places(now: number): number {
    const gangs = this.#gangs()
    if (gangs === null) return this.startable()
    return this.#acceptsQueued ? gangs.room(now) : 0
  }

  /** What needs several places at once. */
  gangs(now: number): readonly Gang[] {
    return this.#acceptsQueued ? (this.#gangs()?.needs(now) ?? []) : []
  }

  /** How many more trials could start now. */
  startable(): number {
    const { policy, trials } = this.#history.submission.context
    const { waiting, resting } = this.#desk
    const searches = this.#history.state === 'searching' && !resting
    const fresh = searches ? trials - this.#history.suggested - waiting : 0
    const wanted = (this.#acceptsQueued ? this.#history.queued.size : 0) + Math.max(0, fresh)
    const cap = policy.parallel === null ? Infinity : policy.parallel - this.#history.held.size - waiting
    return Math.max(0, Math.min(wanted, cap))
  }

  /** Whether trials may wait in a slot behind the one that runs: results do not matter to the next, and trials are short. */
  get prefetches(): boolean {
    const short = this.#typicalMs !== null && this.#typicalMs < shortTrialMs
    return short && this.#gangs() === null && !this.#desk.adaptive && this.#history.state === 'searching'
  }

  learnDuration({ startedAt, endedAt }: { readonly startedAt: number | null; readonly endedAt: number }): void {
    if (startedAt === null) return
    const ms = endedAt - startedAt
    this.#typicalMs = this.#typicalMs === null ? ms : this.#typicalMs * 0.8 + ms * 0.2
  }

  get #acceptsQueued(): boolean {
    return !ending.has(this.#history.state)
  }
}
