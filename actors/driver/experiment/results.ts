/**
 * The results that workers bring.
 * I1 A result is in the log before it is acknowledged; until then its worker keeps it.
 * I2 A result counts only if the log gave the attempt to the worker that brings it.
 */
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import {
  check,
  codeOf,
  done,
  isProblem,
  problem,
  severalAtMost,
  toTold,
  type doneSeveral,
  type LogEvent,
  type MaggyError,
  type PayloadOf,
  type ReplyOf,
} from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { shareOf, type Fleet } from '../fleet/index.ts'
import { disbelief, type TrialDecision } from '../trials/index.ts'
import type { Rooms } from './effects.ts'

/** The least that a result says. */
const Named = Type.Object({ trial: Type.Integer({ minimum: 0 }), attempt: Type.Integer({ minimum: 1 }) })
const Several = Type.Object({ results: Type.Array(Type.Unknown(), { maxItems: severalAtMost }) })

export interface RefusedResult {
  readonly worker: string
  /** null: it does not say. */
  readonly trial: number | null
  readonly code: string
  /** In elapsed time. */
  readonly since: number
}

interface ResultsHost {
  /** An attempt has ended, before that is carried out. */
  ended(event: Extract<LogEvent, { type: 'trial.ended' }>): void
  perform(decisions: readonly TrialDecision[]): void
  /** What follows from it is carried out. */
  carriedOut(event: Extract<LogEvent, { type: 'trial.ended' }>): void
}

export class Results {
  readonly #clock: Clock
  readonly #driver: string
  readonly #fleet: Fleet
  readonly #rooms: Rooms
  readonly #host: ResultsHost
  /** The last one that was refused, until another is taken. */
  refused: RefusedResult | null = null

  constructor(
    { clock, driver, fleet }: { clock: Clock; driver: string; fleet: Fleet },
    rooms: Rooms,
    host: ResultsHost,
  ) {
    this.#clock = clock
    this.#driver = driver
    this.#fleet = fleet
    this.#rooms = rooms
    this.#host = host
  }

  /** Takes a worker's result of an attempt. Resolves once it is kept; rejects if it cannot be (I1). */
  async take(worker: string, payload: PayloadOf<typeof done>): Promise<Record<string, never>> {
    const { attempts, history, pruning, writer } = this.#rooms
    const { experiment } = history.submission
    const { trial, attempt } = payload
    if (history.records.holders.holderOf(trial, attempt) === undefined) {
      // It may be an attempt of the driver that has the experiment now: no result is refused before that is known.
      writer.verify()
      if (!(await writer.kept())) throw this.#fenced()
    }
    // I2
    const foreign = disbelief(history, worker, trial, attempt)
    if (foreign !== undefined) throw this.#refused(worker, trial, foreign)
    const place = this.#fleet.whereverHeld(worker, { experiment, trial, attempt })
    const step = pruning.last(trial)?.step
    const { outcome } = payload
    const outgrew = outcome.kind === 'crashed' && outcome.problem.code === 'RUNNER_OUT_OF_MEMORY'
    const info = outgrew ? this.#fleet.info(worker) : null
    const memory = info === null ? {} : { memoryBytes: shareOf(info).memoryBytes }
    const heard = { ...(step === undefined ? {} : { step }), ...memory, ...pruning.heard(trial) }
    try {
      const context = { place, offers: this.#fleet.offers(worker), heard, at: this.#clock.now() }
      const { decisions, event } = attempts.end(worker, payload, context)
      if (event !== null) {
        // A result that would never fit the log is refused before it is taken.
        writer.admit(event)
        pruning.noteSilence(event)
        this.#host.ended(event)
      }
      this.refused = null
      this.#host.perform(decisions)
      if (event !== null) this.#host.carriedOut(event)
    } catch (error) {
      throw this.#refused(worker, trial, error)
    }
    // The driver that has the experiment now takes it when the worker says it again.
    if (!(await writer.kept())) throw this.#fenced()
    return {}
  }

  /**
   * Takes what is no valid result, and will not be when the worker says it again: the attempt that it is of has failed by that. Rejects with
   * the fault if it is of none.
   */
  async takeInvalid(worker: string, value: unknown, fault: MaggyError): Promise<Record<string, never>> {
    if (!Check(Named, value)) throw this.#refused(worker, null, fault)
    const { trial, attempt } = value
    const outcome = { kind: 'failed' as const, problem: toTold(fault) }
    const at = this.#clock.now()
    return await this.take(worker, { trial, attempt, slot: 0, outcome, startedAt: null, endedAt: at, points: 0 })
  }

  /** The same of several, of which some may be valid. */
  async takeSeveralInvalid(worker: string, value: unknown, fault: MaggyError): Promise<ReplyOf<typeof doneSeveral>> {
    if (!Check(Several, value)) throw this.#refused(worker, null, fault)
    return await refusalsOf(value.results, (result) => this.#takeUnread(worker, result))
  }

  #takeUnread(worker: string, value: unknown): Promise<Record<string, never>> {
    let result: PayloadOf<typeof done>
    try {
      result = check(done.payload, value, done.name)
    } catch (error) {
      if (!isProblem(error)) throw error
      return this.takeInvalid(worker, value, error)
    }
    return this.take(worker, result)
  }

  #refused(worker: string, trial: number | null, error: unknown): unknown {
    this.refused = { worker, trial, code: codeOf(error) ?? 'INTERNAL', since: this.#clock.elapsed() }
    return error
  }

  /** The same of several: what is refused of them does not keep the others from being taken. */
  async takeSeveral(
    worker: string,
    results: PayloadOf<typeof doneSeveral>['results'],
  ): Promise<ReplyOf<typeof doneSeveral>> {
    return await refusalsOf(results, (result) => this.take(worker, result))
  }

  #fenced() {
    return problem('DRIVER_FENCED', { driver: this.#driver, experiment: this.#rooms.history.submission.experiment })
  }
}

/** What is refused of several, in order; null: it is taken. */
async function refusalsOf<T>(
  results: readonly T[],
  take: (result: T) => Promise<unknown>,
): Promise<ReplyOf<typeof doneSeveral>> {
  const refusal = async (result: T) => {
    try {
      await take(result)
      return null
    } catch (error) {
      return toTold(error)
    }
  }
  return { refusals: await Promise.all(results.map(refusal)) }
}
