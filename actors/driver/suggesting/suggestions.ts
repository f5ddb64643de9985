/**
 * Where slots wait for suggestions. Keeps an optimizer session open, opens it again when its process is gone, and turns the
 * places that wait into as few requests as possible.
 * I1 One request is under way at a time; what gathers meanwhile joins the next.
 * I2 Who waits for results before it suggests more is asked again when one has come, and places are free for others meanwhile.
 * I3 A place that is gone (its worker was lost) is passed over; the suggestion goes to the next one.
 */
import { codeOf, toProblem, type Problem, type Submission } from '../../../protocol/index.ts'
import type { Clock, Logger } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import type { Held, Slot } from '../fleet/fleet.ts'
import { opensAgain, OptimizerSession } from './session.ts'
import type { Observed } from '../../../src/history/index.ts'
import { suggesterOf, type Suggester, type Suggestion } from './suggester.ts'

const reopenMs = 500

/** A place in a slot that waits for a trial. */
export interface Place {
  readonly slot: Slot
  readonly held: Held
}

export interface DeskEvents {
  opened(session: Pick<OptimizerSession, 'instance' | 'adaptive' | 'notes'>): void
  /** Its process is gone or has forgotten the experiment. */
  lost(): void
  /** It refuses, or gives answers that cannot be used: opening it again would not help. */
  failed(fault: Problem): void
  suggested(suggestion: Suggestion, takePlace: () => Place | undefined): void
  /** `told`: how many events of the log that rests on. */
  exhausted(told: number): void
  /** Places that nothing will come for. */
  dropped(places: readonly Place[]): void
  history(): readonly Observed[]
  /** How many events the log has so far. */
  logged(): number
  /** How many trials are suggested, and how many may still be. */
  suggestedSoFar(): number
  /** Whether some trial has yet to end, so that its result may still come. */
  underWay(): boolean
  /** Whether suggestions are still wanted. */
  searching(): boolean
  opening(): boolean
}

export class OptimizerDesk {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #submission: Submission
  readonly #suggester: Suggester
  readonly #events: DeskEvents
  readonly #places: Place[] = []
  #session: OptimizerSession | null = null
  /** Results that came while it was being opened: it is told of them before it is asked. */
  #meanwhile: (readonly [Observed, number])[] = []
  #opening = false
  #asking = false
  /** Results that were heard of. */
  #observed = 0
  /** Nothing comes until there is another result (I2). */
  resting = false
  /** Why the optimizer is not there, while it is not. */
  problem: { code: string; message: string; since: number } | null = null

  constructor(bus: Bus, clock: Clock, logger: Logger, submission: Submission, events: DeskEvents) {
    this.#bus = bus
    this.#clock = clock
    this.#logger = logger
    this.#submission = submission
    this.#suggester = suggesterOf(bus, submission)
    this.#events = events
  }

  /** Results matter to what is suggested next; assumed as long as nobody has said otherwise. */
  get adaptive(): boolean {
    return this.#session?.adaptive ?? true
  }

  get waiting(): number {
    return this.#places.filter(({ held }) => !held.gone).length
  }

  wait(place: Place): void {
    this.#places.push(place)
    void this.#ask()
  }

  observe(observation: Observed): void {
    this.#observed += 1
    this.resting = false
    if (this.#session !== null) this.#session.observe(observation, this.#events.logged())
    else if (this.#opening) this.#meanwhile.push([observation, this.#events.logged()])
  }

  async open(): Promise<void> {
    if (this.#opening) return
    this.#opening = true
    this.#session = null
    this.resting = false
    try {
      while (this.#events.opening()) await this.#openOnce()
    } finally {
      this.#opening = false
    }
    void this.#ask()
  }

  async close(): Promise<void> {
    const session = this.#session
    this.#session = null
    this.drop()
    try {
      await session?.close()
    } catch (error) {
      // It forgets the experiment by itself in time; nothing depends on its having heard.
      this.#logger.debug({ code: codeOf(error) }, 'the optimizer was gone before it was closed')
    }
  }

  /** Nothing will come for those who wait. */
  drop(): void {
    const places = this.#places.splice(0)
    if (places.length > 0) this.#events.dropped(places)
  }

  async #openOnce(): Promise<void> {
    try {
      this.#meanwhile = []
      const history = this.#events.history()
      const logged = this.#events.logged()
      const session = await OptimizerSession.open(this.#suggester, history, logged, this.#bus.maxPayload)
      if (!this.#events.opening()) return
      this.#session = session
      for (const [observation, at] of this.#meanwhile.splice(0)) session.observe(observation, at)
      this.problem = null
      this.#events.opened(session)
    } catch (error) {
      if (!opensAgain(error)) return this.#fail(error)
      const missing = this.#suggester.unavailable()
      this.problem ??= {
        code: missing.code,
        message: `${missing.message}; ${missing.remedy}`,
        since: this.#clock.elapsed(),
      }
      await new Promise<void>((resolve) => {
        this.#clock.setTimeout(resolve, reopenMs)
      })
    }
  }

  #fail(error: unknown): void {
    const { stack, ...fault } = toProblem(error)
    this.#logger.error({ code: fault.code, stack }, fault.message)
    this.#events.failed(fault)
  }

  async #ask(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    // Everything that this turn asks for joins one request (I1).
    await Promise.resolve()
    try {
      while (this.waiting > 0 && this.#session !== null && this.#events.searching()) await this.#askOnce(this.#session)
    } finally {
      this.#asking = false
    }
    if (!this.#events.searching() && !this.#events.opening()) this.drop()
  }

  async #askOnce(session: OptimizerSession): Promise<void> {
    const first = this.#events.suggestedSoFar()
    const wanted = Math.min(this.waiting, this.#submission.context.trials - first)
    if (wanted <= 0) return this.drop()
    const observed = this.#observed
    let answer
    try {
      answer = await session.suggest(first, wanted)
    } catch (error) {
      if (session !== this.#session) return
      if (opensAgain(error)) this.#events.lost()
      else this.#fail(error)
      return
    }
    if (session !== this.#session) return
    for (const suggestion of answer.suggestions) this.#events.suggested(suggestion, () => this.#takePlace())
    if (answer.exhausted) {
      this.#events.exhausted(answer.told)
      this.drop()
    } else if (answer.waiting && observed === this.#observed) {
      if (!this.#events.underWay())
        return this.#fail(this.#suggester.misbehaved('it waits for results, and nothing runs'))
      this.resting = true
      this.drop()
    }
  }

  #takePlace(): Place | undefined {
    for (;;) {
      const place = this.#places.shift()
      if (place === undefined || !place.held.gone) return place
    }
  }
}
