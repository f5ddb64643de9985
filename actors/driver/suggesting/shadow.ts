/**
 * An optimizer that is asked the same questions on the side. What it proposes is kept in the log, and not tried.
 * I1 It is told what the one that suggests had been told, and asked in the same order: a replay with it comes to the same proposals.
 * I2 Nobody waits for it: what it is to do lies in a queue, and where that is full it is not asked. When it is absent, slow or wrong, the
 *    search goes on, and a note says so.
 */
import {
  codeOf,
  describe,
  sentenceAtMost,
  type LogEvent,
  type Plugin,
  type Submission,
} from '../../../protocol/index.ts'
import { newId, type Clock } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import type { Observed } from '../../../src/history/index.ts'
import { isRetryable, opensAgain, pagesOf } from './session.ts'
import { suggesterOf, type Suggester } from './suggester.ts'

/** Questions that may wait. */
const mostWaiting = 64
/** One that was not there is looked for again after so long, in ms. */
const retryMs = 5000

type Work =
  | { readonly kind: 'settled'; readonly known: number; readonly observation: Observed }
  | { readonly kind: 'asked'; readonly told: number; readonly pending: Observed }

export class Shadow {
  readonly #name: string
  readonly #suggester: Suggester
  readonly #clock: Clock
  readonly #pageBytes: number
  readonly #commit: (event: LogEvent) => void
  readonly #queue: Work[] = []
  /** All that it was told, by trial: a session that is opened again begins with it. */
  readonly #told = new Map<number, Observed>()
  /** Trials that have settled since the last suggestion. */
  #untold: Extract<Work, { kind: 'settled' }>[] = []
  #instance: string | null = null
  #working = false
  #waiting = 0
  /** In elapsed time. */
  #absentUntil = -Infinity
  #over = false

  constructor(
    where: { bus: Bus; clock: Clock },
    submission: Submission,
    plugin: Plugin,
    commit: (event: LogEvent) => void,
  ) {
    this.#name = plugin.name
    this.#clock = where.clock
    this.#pageBytes = where.bus.maxPayload / 4
    this.#commit = commit
    // A name of its own: the optimizer may have the experiment itself open.
    this.#suggester = suggesterOf(where.bus, { ...submission, experiment: newId('shadow') }, plugin)
  }

  /** Trials that were known when this driver took the experiment up. */
  begin(history: readonly Observed[]): void {
    for (const observation of [...history, ...this.#suggester.warmStart]) this.#told.set(observation.trial, observation)
  }

  /** A trial has ended; so many events of the log are there then. */
  settled(observation: Observed, known: number): void {
    if (!this.#over) this.#do({ kind: 'settled', known, observation })
  }

  /** A trial was suggested by the one that suggests, who knew so many events of the log. */
  suggested(pending: Observed, told: number): void {
    if (this.#over) return
    this.#waiting += 1
    this.#do({ kind: 'asked', told, pending })
  }

  async close(): Promise<void> {
    this.#over = true
    const instance = this.#instance
    this.#instance = null
    // It forgets by itself in time; nothing depends on its having heard.
    if (instance !== null) await this.#suggester.observe(instance, [], true).catch(() => undefined)
  }

  #do(work: Work): void {
    this.#queue.push(work)
    if (!this.#working) void this.#work()
  }

  async #work(): Promise<void> {
    this.#working = true
    for (let work = this.#queue.shift(); work !== undefined && !this.#over; work = this.#queue.shift()) {
      if (work.kind === 'settled') this.#untold.push(work)
      else await this.#ask(work)
    }
    this.#working = false
  }

  async #ask({ told, pending }: Extract<Work, { kind: 'asked' }>): Promise<void> {
    this.#waiting -= 1
    const news = this.#untold.filter(({ known }) => known <= told).map(({ observation }) => observation)
    this.#untold = this.#untold.filter(({ known }) => known > told)
    try {
      const isAsked = this.#isThere(this.#waiting)
      if (isAsked) await this.#tell(news)
      for (const observation of news) this.#told.set(observation.trial, observation)
      if (isAsked) await this.#propose(pending.trial)
      // From here on it goes by what is really tried.
      if (isAsked && this.#instance !== null) await this.#suggester.observe(this.#instance, [pending], false)
      else this.#instance = null
    } catch (error) {
      for (const observation of news) this.#told.set(observation.trial, observation)
      this.#failed(error)
    }
    this.#told.set(pending.trial, pending)
  }

  /** Whether it is asked now; what it is not told meanwhile, it hears when it is opened again. */
  #isThere(waiting: number): boolean {
    if (waiting <= mostWaiting) return this.#clock.elapsed() >= this.#absentUntil
    this.#note(`the shadow ${this.#name} is slow: it is not asked about every trial`)
    return false
  }

  async #tell(news: readonly Observed[]): Promise<void> {
    if (this.#instance === null) {
      const [first = [], ...more] = pagesOf([...this.#told.values()], this.#pageBytes)
      const { instance } = await this.#suggester.open(first)
      for (const page of more) await this.#suggester.observe(instance, page, false)
      this.#instance = instance
    }
    if (news.length === 0) return
    for (const page of pagesOf(news, this.#pageBytes)) await this.#suggester.observe(this.#instance, page, false)
  }

  async #propose(trial: number): Promise<void> {
    if (this.#instance === null) return
    const { suggestions } = await this.#suggester.suggest(this.#instance, trial, 1)
    const [suggestion] = suggestions
    if (suggestion === undefined || this.#over) return
    const { hparams } = suggestion
    this.#commit({ type: 'shadow.proposed', at: this.#clock.now(), trial, optimizer: this.#name, hparams })
  }

  #failed(error: unknown): void {
    this.#instance = null
    this.#absentUntil = this.#clock.elapsed() + retryMs
    if (this.#over || codeOf(error) === 'BUS_DISCONNECTED') return
    if (opensAgain(error)) this.#note(`the shadow ${this.#name} does not answer: it is not asked about every trial`)
    else if (isRetryable(error)) this.#note(`the shadow ${this.#name} is busy: it is not asked about every trial`)
    else {
      this.#note(`the shadow ${this.#name} is not asked any more: ${describe(error)}`)
      this.#over = true
    }
  }

  #note(note: string): void {
    this.#commit({ type: 'experiment.noted', at: this.#clock.now(), note: note.slice(0, sentenceAtMost) })
  }
}
