/**
 * Has an experiment's trials suggested. Keeps a session with an optimizer (or an ablator) open, opens it again when its process is
 * gone, and asks for as many trials as could start now. Decisions come out of `decide`.
 * I1 One request is under way at a time; what is wanted meanwhile joins the next.
 * I2 Whoever waits for results before it suggests more is asked again when one has come.
 * I3 No place is held for a suggestion: whoever is slow or mute costs nobody a slot.
 * I4 What is retried is retried with growing pauses, and a suggester that keeps forgetting the experiment fails it in the end.
 */
import {
  codeOf,
  suggestionsAtMost,
  toProblem,
  type LogEvent,
  type Problem,
  type Submission,
} from '../../../protocol/index.ts'
import { newId, type Clock, type Logger } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import type { History, Observed } from '../../../src/history/index.ts'
import { isRetryable, opensAgain, Session } from './session.ts'
import { Shadow } from './shadow.ts'
import { suggesterOf, type Suggester, type Suggestion } from './suggester.ts'

export type SuggestingDecision =
  | { readonly kind: 'commit'; readonly event: LogEvent }
  | { readonly kind: 'adopt'; readonly suggestion: Suggestion }
  /** Its process is gone or has forgotten the experiment. */
  | { readonly kind: 'optimizerLost' }
  /** It refuses, or gives answers that cannot be used: opening it again would not help. */
  | { readonly kind: 'fail'; readonly problem: Problem }
  | { readonly kind: 'changed' }

const firstPauseMs = 500
const longestPauseMs = 10_000
/** While a question is under way: so often it is found out whether its process still lives. */
const knockMs = 1000
/** Whoever answers later than that is not prompt. */
const promptMs = 1000
/** Where one is mute, so many are opened, one after the other with so long between, until one answers. */
const opensAtOnce = 4
const nextOpenMs = 2000
/** So many sessions in a row may end with the experiment forgotten, before anything was suggested. */
const forgetsAtMost = 20

export class Suggestions {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #history: History
  #suggester: Suggester
  /** The content of its `open`, sent or still to be sent. */
  #opensWith: Submission['context']
  readonly #decide: (decision: SuggestingDecision) => void
  /** Those that are asked on the side. */
  readonly #shadows: readonly Shadow[]
  /** Whether they know what was there before this driver. */
  #begun = false
  #session: Session | null = null
  /** Results that came while it was being opened: it is told of them before it is asked. */
  #meanwhile: (readonly [Observed, number])[] = []
  #opening = false
  #asking = false
  #closed = false
  /** So many suggestions could start. */
  #wanted = 0
  /** In elapsed time: since when a question is under way. */
  #askedAt: number | null = null
  /** The same, through whatever sessions were opened since, until a question is answered. */
  #muteSince: number | null = null
  /** In elapsed time: when the session was opened. */
  #openedAt = -Infinity
  /** How long the last answer took. */
  #tookMs = 0
  /** Tries in vain since the last suggestion. */
  #failures = 0
  /** Sessions in a row that were opened, and over before anything was suggested. */
  #vainSessions = 0
  /** Results that were heard of. */
  #observed = 0
  /** Nothing comes until there is another result (I2). */
  #resting = false
  /** Why nothing is suggested, while nothing is. */
  problem: { code: string; message: string; since: number } | null = null

  constructor(
    where: { bus: Bus; clock: Clock; logger: Logger },
    history: History,
    decide: (decision: SuggestingDecision) => void,
  ) {
    this.#bus = where.bus
    this.#clock = where.clock
    this.#logger = where.logger
    this.#history = history
    this.#opensWith = history.submission.context
    this.#suggester = suggesterOf(where.bus, history.submission)
    this.#decide = decide
    const { context } = history.submission
    const shadows = context.kind === 'optimization' ? (context.shadow ?? []) : []
    const commit = (event: LogEvent): void => {
      if (!this.#closed) decide({ kind: 'commit', event })
    }
    this.#shadows = shadows.map((plugin) => new Shadow(where, history.submission, plugin, commit))
  }

  /** Results matter to what is suggested next; assumed as long as nobody has said otherwise. */
  get adaptive(): boolean {
    return this.#session?.adaptive ?? true
  }

  /** Whether a slot may wait for its answer. */
  get isPrompt(): boolean {
    const waited = this.#askedAt === null ? this.#tookMs : this.#clock.elapsed() - this.#askedAt
    return waited <= promptMs && this.#failures === 0
  }

  /** How many more trials it may suggest. */
  get left(): number {
    if (this.#history.state !== 'searching' || this.#session === null || this.#resting) return 0
    const { submission, configurations, repeats } = this.#history
    return Math.max(0, submission.context.trials - configurations) * repeats
  }

  /** Since when a question is unanswered, in elapsed time; whoever it was put to may be gone meanwhile. */
  get muteSince(): number | null {
    return this.#askedAt !== null || this.#opening ? this.#muteSince : null
  }

  get name(): string {
    return this.#suggester.name
  }

  /** So many trials could start now. */
  want(count: number): void {
    this.#wanted = Math.ceil(count / this.#history.repeats)
    if (count > 0 && !this.#asking) void this.#ask()
  }

  observe(observation: Observed): void {
    this.#observed += 1
    this.#resting = false
    for (const shadow of this.#shadows) shadow.settled(observation, this.#history.length)
    if (this.#session !== null) this.#session.observe(observation, this.#history.length)
    else if (this.#opening) this.#meanwhile.push([observation, this.#history.length])
  }

  /**
   * Whether the optimizer of this submission could take over: it is opened, and let go again. Rejects with OPTIMIZER_UNAVAILABLE,
   * OPTIMIZER_UNFIT, or as it refuses.
   */
  async tryOut(submission: Submission): Promise<void> {
    // A name of its own: it may have the experiment open already, as a shadow or from before.
    const suggester = suggesterOf(this.#bus, { ...submission, experiment: newId('trial-opening') })
    try {
      const { instance } = await suggester.open([])
      await suggester.observe(instance, [], true)
    } catch (error) {
      throw opensAgain(error) ? suggester.unavailable() : error
    }
  }

  async open(): Promise<void> {
    if (this.#opensWith !== this.#history.submission.context) this.#renew()
    if (this.#opening) return
    this.#opening = true
    this.#beginShadows()
    this.#session = null
    this.#resting = false
    try {
      while (this.#isOpening) {
        if (this.#failures > 0) await this.#pause()
        if (this.#isOpening) await this.#openOnce()
      }
    } finally {
      this.#opening = false
    }
    this.#decide({ kind: 'changed' })
  }

  #beginShadows(): void {
    if (this.#begun) return
    this.#begun = true
    const known = this.#history.observations()
    for (const shadow of this.#shadows) shadow.begin(known)
  }

  /** The context has changed, perhaps to another optimizer; the one before may forget the experiment. */
  #renew(): void {
    void this.close()
    this.#opensWith = this.#history.submission.context
    this.#suggester = suggesterOf(this.#bus, this.#history.submission)
    this.#failures = 0
    this.#vainSessions = 0
    this.#tookMs = 0
    this.#muteSince = null
    this.problem = null
  }

  /** The experiment is over: the optimizer may forget it. */
  async close(): Promise<void> {
    const session = this.#session
    this.#session = null
    if (session !== null) await this.#forget(session)
  }

  async #forget(session: Session): Promise<void> {
    try {
      await session.close()
    } catch (error) {
      // It forgets the experiment by itself in time; nothing depends on its having heard.
      this.#logger.debug({ code: codeOf(error) }, 'the optimizer was gone before it was closed')
    }
  }

  /** This driver has nothing more to do with the experiment. */
  drop(): void {
    this.#closed = true
    for (const shadow of this.#shadows) void shadow.close()
    this.#wanted = 0
  }

  get #isOpening(): boolean {
    return this.#history.state === 'opening' && !this.#closed
  }

  get #isSearching(): boolean {
    return this.#history.state === 'searching' && !this.#closed
  }

  async #openOnce(): Promise<void> {
    try {
      this.#meanwhile = []
      const history = this.#history.observations()
      const logged = this.#history.length
      const suggester = this.#suggester
      const open = () => Session.open(suggester, history, logged, this.#bus.maxPayload)
      const session = this.#muteSince === null ? await open() : await this.#firstToOpen(open)
      // Swapped meanwhile: the next one is opened instead.
      if (!this.#isOpening || suggester !== this.#suggester) return
      this.#session = session
      this.#openedAt = this.#clock.elapsed()
      for (const [observation, at] of this.#meanwhile.splice(0)) session.observe(observation, at)
      // One that answers `open` alone is still the reason why nothing is suggested.
      if (this.#vainSessions < 2) this.problem = null
      const { instance, adaptive, notes } = session
      for (const note of notes) this.#logger.info({ experiment: this.#history.submission.experiment }, note)
      const said = notes.length === 0 ? {} : { notes: [...notes] }
      const event = { type: 'optimizer.opened' as const, at: this.#clock.now(), instance, adaptive, ...said }
      this.#decide({ kind: 'commit', event })
    } catch (error) {
      if (!opensAgain(error) && !isRetryable(error)) return this.#fail(error)
      if (opensAgain(error)) this.#vainSessions = 0
      this.#inVain(opensAgain(error) ? this.#suggester.unavailable() : error)
    }
  }

  /** The one before is mute, and perhaps whoever is asked now: others of the name are asked meanwhile, and the first to answer is taken. */
  #firstToOpen(open: () => Promise<Session>): Promise<Session> {
    return new Promise((resolve, reject) => {
      let taken: Session | undefined
      let left = opensAtOnce
      const openOnce = async (): Promise<void> => {
        try {
          const session = await open()
          if (taken === undefined) resolve((taken = session))
          else if (session.instance !== taken.instance) await this.#forget(session)
        } catch (error) {
          left = codeOf(error) === 'BUS_TIMEOUT' ? left - 1 : 0
          if (left === 0) reject(error)
        }
      }
      const tryOnce = (number: number): void => {
        if (taken !== undefined || left === 0) return
        if (number < opensAtOnce) this.#clock.setTimeout(() => tryOnce(number + 1), nextOpenMs)
        void openOnce()
      }
      tryOnce(1)
    })
  }

  async #ask(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    // Everything that this turn asks for joins one request (I1).
    await Promise.resolve()
    try {
      while (this.#wanted > 0 && this.#session !== null && this.#isSearching) await this.#askOnce(this.#session)
    } finally {
      this.#asking = false
    }
  }

  async #askOnce(session: Session): Promise<void> {
    const first = this.#history.configurations
    // What is beyond that is asked for next: placement wants it still.
    const left = this.#history.submission.context.trials - first
    const wanted = Math.min(this.#wanted, left, suggestionsAtMost)
    this.#wanted = 0
    if (wanted <= 0) return
    const observed = this.#observed
    const askedAt = this.#clock.elapsed()
    this.#askedAt = askedAt
    // Asked at once after it was opened again, it is silent still.
    if (askedAt - this.#openedAt > promptMs) this.#muteSince = null
    this.#muteSince ??= askedAt
    let answer
    try {
      answer = await this.#whileItLives(session, session.suggest(first, wanted))
    } catch (error) {
      this.#askedAt = null
      if (session === this.#session && !this.#closed) await this.#unanswered(session, error, wanted)
      return
    }
    this.#askedAt = null
    this.#muteSince = null
    if (session !== this.#session || this.#closed) return
    this.#tookMs = this.#clock.elapsed() - askedAt
    // What was wanted meanwhile was counted without these: more would be suggested by less than is known once they have run.
    this.#wanted = Math.max(0, this.#wanted - answer.suggestions.length)
    if (answer.suggestions.length > 0 || answer.exhausted) {
      this.#failures = 0
      this.#vainSessions = 0
      this.problem = null
    }
    for (const suggestion of answer.suggestions) this.#adopt(suggestion)
    if (answer.exhausted) {
      const event = { type: 'optimizer.exhausted' as const, at: this.#clock.now(), told: answer.told }
      this.#decide({ kind: 'commit', event })
    } else if (answer.waiting && observed === this.#observed) {
      if (this.#history.queued.size + this.#history.held.size === 0)
        return this.#fail(this.#suggester.misbehaved('it waits for results, and nothing runs'))
      this.#resting = true
    }
  }

  /** Shadows are asked for their proposal once it is in the log. */
  #adopt(suggestion: Suggestion): void {
    const number = this.#history.configurations
    // Whoever does not look at results is told of none: that is no reason to keep them from others.
    const known = this.#history.length
    const told = this.adaptive ? (suggestion.told ?? known) : known
    this.#decide({ kind: 'adopt', suggestion })
    const pending = this.#history.observation(number)
    if (pending === undefined) return
    for (const shadow of this.#shadows) shadow.suggested(pending, told)
  }

  /** The question, or the news that the process that it was put to is gone: whatever comes first. */
  async #whileItLives<T>(session: Session, question: Promise<T>): Promise<T> {
    let over = false
    const gone = new Promise<never>((_, reject) => {
      const knock = async (): Promise<void> => {
        if (over) return
        try {
          await session.knock()
        } catch (error) {
          // One that is busy with the question may answer late, or not at all; one that nobody listens for is gone.
          if (codeOf(error) === 'BUS_NO_RESPONDERS') return reject(error)
        }
        this.#clock.setTimeout(() => void knock(), knockMs)
      }
      this.#clock.setTimeout(() => void knock(), knockMs)
    })
    try {
      return await Promise.race([question, gone])
    } finally {
      over = true
    }
  }

  async #unanswered(session: Session, error: unknown, wanted: number): Promise<void> {
    const isLost = opensAgain(error)
    if (!isLost && !isRetryable(error)) return this.#fail(error)
    if (isLost) {
      this.#vainSessions += 1
      const forgot = codeOf(error) === 'EXPERIMENT_UNKNOWN'
      if (forgot && this.#vainSessions > forgetsAtMost)
        return this.#fail(this.#suggester.misbehaved(`it forgot the experiment ${forgetsAtMost} times in a row`))
      // The first loss is nothing to speak of: another instance may be there.
      if (this.#vainSessions > 1) this.#inVain(this.#vainly(session, error))
      this.#decide({ kind: 'optimizerLost' })
      return
    }
    this.#inVain(error)
    await this.#pause()
    this.#wanted = Math.max(this.#wanted, wanted)
  }

  /** What to say of a suggester that opens the experiment and goes no further. */
  #vainly({ instance }: Session, error: unknown): unknown {
    if (codeOf(error) === 'EXPERIMENT_UNKNOWN') return error
    if (codeOf(error) !== 'BUS_NO_RESPONDERS') return this.#suggester.unavailable()
    return this.#suggester.misbehaved(`it says that it is the instance ${instance}, and nobody answers as that one`)
  }

  #inVain(error: unknown): void {
    this.#failures += 1
    const { code, message, remedy } = toProblem(error)
    const since = this.problem?.code === code ? this.problem.since : (this.#muteSince ?? this.#clock.elapsed())
    this.problem = { code, message: remedy === undefined ? message : `${message}; ${remedy}`, since }
  }

  #pause(): Promise<void> {
    // To find out that nobody is there costs next to nothing, and whoever comes should not wait for long.
    const isAbsent = this.problem?.code === this.#suggester.unavailable().code
    const ms = isAbsent ? firstPauseMs : Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(this.#failures - 1, 8))
    return new Promise((resolve) => {
      this.#clock.setTimeout(resolve, ms)
    })
  }

  #fail(error: unknown): void {
    const { stack, ...fault } = toProblem(error)
    this.#logger.error({ code: fault.code, stack }, fault.message)
    this.#decide({ kind: 'fail', problem: fault })
  }
}
