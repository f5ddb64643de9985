/**
 * Asks a pruner that a user serves on the bus.
 * I1 One question at a time; a trial that reports meanwhile is asked about once, by all that it has reported by then.
 * I2 A pruner that is away, slow or wrong stops nothing, and it is asked again at the next report. An outage of this driver's own
 *    says nothing about the pruner.
 * I3 A verdict is about the attempt that was asked about: one that has begun anew since is judged by its own reports.
 */
import {
  codeOf,
  describe,
  isProblem,
  judge,
  problem,
  RemoteError,
  type JudgedTrial,
  type Submission,
} from '../../../protocol/index.ts'
import type { Clock, Logger } from '../../../src/actor/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'
import type { ReportedTrial } from '../../../src/pruners/index.ts'

const trialsAtMost = 256
const pointsAtMost = 64
const timeoutMs = 10_000

export interface Surroundings {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
}

export interface ServedPrunerEvents {
  /** The trials that it is compared with, itself among them. */
  reported(trial: number): readonly ReportedTrial[]
  /** The attempt whose reports these are. */
  attempt(trial: number): number
  judged(trial: number, attempt: number, verdict: 'continue' | 'stop'): void
  failed(error: unknown): void
}

export class ServedPruner {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #submission: Submission
  readonly #events: ServedPrunerEvents
  readonly #waiting = new Set<number>()
  #asking = false
  /** By the clock of `elapsed`; null: no question is open. */
  #askedAt: number | null = null

  constructor({ bus, clock, logger }: Surroundings, submission: Submission, events: ServedPrunerEvents) {
    this.#bus = bus
    this.#clock = clock
    this.#logger = logger
    this.#submission = submission
    this.#events = events
  }

  /** The trial has reported. */
  note(trial: number): void {
    this.#waiting.add(trial)
    if (!this.#asking) void this.#work()
  }

  drop(): void {
    this.#waiting.clear()
  }

  /** For so many ms a question has been open; 0: none is. */
  get silentMs(): number {
    return this.#askedAt === null ? 0 : this.#clock.elapsed() - this.#askedAt
  }

  async #work(): Promise<void> {
    this.#asking = true
    for (const trial of this.#waiting) {
      this.#waiting.delete(trial)
      await this.#judge(trial)
    }
    this.#asking = false
  }

  async #judge(number: number): Promise<void> {
    const all = this.#events.reported(number)
    const trial = all.find((each) => each.trial === number && each.state === 'running')
    if (trial === undefined) return
    const { experiment, context } = this.#submission
    const { name = '', options = {} } = context.pruner ?? {}
    const attempt = this.#events.attempt(number)
    const history = all.filter((each) => each !== trial).slice(-trialsAtMost)
    const payload = {
      experiment,
      objectives: context.objectives,
      options,
      trial: thinned(trial),
      history: history.map(thinned),
    }
    this.#askedAt = this.#clock.elapsed()
    try {
      const { verdict } = await ask(this.#bus, judge, { pruner: name }, payload, { timeoutMs })
      this.#events.judged(number, attempt, verdict)
    } catch (error) {
      // I2
      if (isProblem(error, 'BUS_DISCONNECTED', 'BUS_CLOSED')) {
        this.#logger.warn({ experiment, trial: number, code: error.code }, 'the pruner could not be asked')
      } else if (codeOf(error) === 'ANSWER_INVALID') {
        const reason = isProblem(error) ? String(error.details['reason']) : describe(error)
        this.#events.failed(problem('PRUNER_MISBEHAVED', { pruner: name, reason }))
      } else if (error instanceof RemoteError && error.code === 'INTERNAL') {
        this.#events.failed(problem('PRUNER_MISBEHAVED', { pruner: name, reason: `it threw (${error.message})` }))
      } else this.#events.failed(error)
    } finally {
      this.#askedAt = null
    }
  }
}

/** Evenly, with the last. */
function thinned({ trial, state, points }: ReportedTrial): JudgedTrial {
  if (points.length <= pointsAtMost) return { trial, state, points: [...points] }
  const stride = (points.length - 1) / (pointsAtMost - 1)
  const kept = Array.from({ length: pointsAtMost }, (_, index) => points[Math.round(index * stride)])
  return { trial, state, points: kept.filter((point) => point !== undefined) }
}
