/** Hears what the trials of an experiment report, and has the pruner judge them: a built-in here, a user's own on the bus. */
import {
  canonical,
  codeOf,
  type LogEvent,
  type Metrics,
  type PayloadOf,
  type Plugin,
  type PrunerState,
  type Seen,
  type metrics,
} from '../../../protocol/index.ts'
import type { Clock, Logger } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import {
  beginningOf,
  createPruner,
  isServed,
  pointsKeptFor,
  proposalFor,
  watchedMetrics,
  type ReportedTrial,
} from '../../../src/pruners/index.ts'
import type { History } from '../../../src/history/index.ts'
import { PrunerHealth } from './health.ts'
import { MetricBook } from './metric-book.ts'
import { ServedPruner, type Surroundings } from './served-pruner.ts'
import { refill, type Recalled } from './telemetry.ts'

/** Between two tries to read back, in ms. */
const retryMs = 1000
/** A pruner that has been asked for so long when a trial ends does not keep up. */
const lateMs = 1000

export type PruningDecision =
  | Prune
  /** People should know. `pruner`: what the note says of the pruner itself. */
  | { readonly kind: 'note'; readonly note: string; readonly pruner?: PrunerState; readonly code?: string }

interface Prune {
  readonly kind: 'prune'
  readonly trial: number
  readonly attempt: number
  readonly step: number
  /** The report that the decision rests on. */
  readonly seen?: Seen
}

export class Pruning {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #history: History
  readonly #decide: (decision: PruningDecision) => void
  #plugin: Plugin | null
  #book: MetricBook
  #served: ServedPruner | null
  #health: PrunerHealth
  /** A sentence for people once a pruner that waited may stop trials; null: there is none, or it was said. */
  #begins: ((history: readonly ReportedTrial[]) => string | undefined) | null
  /** A sentence for people once a pruner would help where there is none; null: it would not, or it was said. */
  #proposes: ReturnType<typeof proposalFor>
  /** The view that the pruner judges by; null: it asks for itself. */
  #watched: ReadonlySet<string> | null
  /** Earlier reports are being read back for another pruner: until then nothing is judged, for it would know too little. */
  #following = false
  /** Nothing that it looks at was reported yet. */
  #silent = true
  #recalled: Recalled[] = []
  #saidSilent = false
  #saidLate = false
  #closed = false

  constructor({ bus, clock, logger }: Surroundings, history: History, decide: (decision: PruningDecision) => void) {
    this.#bus = bus
    this.#clock = clock
    this.#logger = logger
    this.#history = history
    this.#decide = decide
    this.#plugin = history.submission.context.pruner
    ;({ book: this.#book, served: this.#served, health: this.#health, watched: this.#watched } = this.#made())
    this.#begins = beginningOf(this.#plugin, history.submission.context.objectives)
    this.#proposes = proposalFor(history.submission.context)
  }

  #made() {
    const plugin = this.#plugin
    const { submission } = this.#history
    const { objectives } = submission.context
    const health = new PrunerHealth(this.#history, this.#clock)
    const local = createPruner(plugin, objectives)
    // A served one only answers on the bus: what stands for it here says nothing about it.
    const pruner = plugin === null ? null : isServed(plugin) ? local : health.guarded(local)
    const book = new MetricBook(pruner, this.#history.repeats, pointsKeptFor(plugin))
    const served = !isServed(plugin)
      ? null
      : new ServedPruner({ bus: this.#bus, clock: this.#clock, logger: this.#logger }, submission, {
          reported: (trial) => this.#book.reported(trial),
          attempt: (trial) => this.#history.trial(trial)?.context.attempt ?? 0,
          judged: (trial, attempt, verdict) => {
            this.#health.judges()
            this.#sayHealth()
            if (verdict === 'stop') this.#stopAsTold(trial, attempt)
          },
          failed: (error) => {
            this.#health.fails(error)
            this.#sayHealth()
          },
        })
    const watched = plugin === null || isServed(plugin) ? null : watchedMetrics(plugin, objectives)
    return { book, served, health, watched }
  }

  /** Another pruner judges from here on, if there is another. */
  #renew(plugin: Plugin | null): void {
    this.#plugin = plugin
    this.#served?.drop()
    ;({ book: this.#book, served: this.#served, health: this.#health, watched: this.#watched } = this.#made())
    this.#begins = beginningOf(plugin, this.#history.submission.context.objectives)
    this.#proposes = null
    this.#silent = true
    this.#saidSilent = false
    this.#saidLate = false
  }

  /** The context has changed: if that gave it another pruner, what was reported is read back for it. */
  follow(): void {
    const { pruner } = this.#history.submission.context
    if (sameAs(pruner, this.#plugin)) return
    this.#renew(pruner)
    if (this.#book.prunes) void this.#readBack(this.#book)
  }

  async #readBack(book: MetricBook): Promise<void> {
    this.#following = true
    while (book === this.#book && !this.#closed) {
      try {
        const recalled = await refill(this.#bus, book, this.#history)
        if (book !== this.#book) return
        this.#recalled = recalled
        this.#silent = book.isEmpty
        this.#following = false
        return this.judgeRecalled()
      } catch (error) {
        const { experiment } = this.#history.submission
        this.#logger.warn({ experiment, code: codeOf(error) }, 'metrics could not be read back for another pruner')
        await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, retryMs))
      }
    }
  }

  /**
   * Reads back what was reported before this driver was there. What the pruner says of it is decided by `judgeRecalled`. `first`: what
   * this driver is about to write, another pruner perhaps.
   */
  async recall(first: readonly LogEvent[] = []): Promise<void> {
    const changed = first.findLast((event) => event.type === 'experiment.changed' && event.change.pruner !== undefined)
    const given = changed?.type === 'experiment.changed' ? changed.change.pruner : undefined
    const pruner = given === undefined ? this.#history.submission.context.pruner : given
    if (!sameAs(pruner, this.#plugin)) this.#renew(pruner)
    if (!this.#book.prunes) return
    this.#recalled = await refill(this.#bus, this.#book, this.#history)
    this.#silent = this.#book.isEmpty
  }

  /** Reports that were read back are judged once the experiment is this driver's. */
  judgeRecalled(): void {
    this.#sayHealth()
    for (const { trial, attempt, step, seen } of this.#recalled.splice(0)) this.#stop(trial, attempt, step, seen)
  }

  hear(trial: number, batch: PayloadOf<typeof metrics>): void {
    const state = this.#history
    if (state.trial(trial) === undefined || !state.counts(trial, batch.attempt) || state.settled(trial)) return
    if (this.#following) return
    this.#silent &&= !batch.points.some(({ values }) => this.#watches(values))
    const heard = this.#book.hear(trial, batch, state.shared)
    this.#sayHealth()
    if (heard.kind === 'gap') void this.#fillGap(trial)
    else if (heard.kind === 'stop') this.#stop(trial, batch.attempt, heard.step, heard.seen)
    else this.#served?.note(trial)
  }

  /** A trial begins anew. */
  restart(trial: number, attempt: number): void {
    this.#book.restart(trial, attempt)
  }

  settle(trial: number, state: 'done' | 'pruned' | 'failed' | 'cancelled'): void {
    const last = this.#book.last(trial)
    this.#book.settle(trial, state, this.#history.trial(trial)?.context.metrics ?? {})
    if (state !== 'done' || this.#following || last === null) return
    this.#sayLate(trial)
    this.#sayBeginning()
    this.#propose(trial, last.metrics)
  }

  /** Said once: the question may stay open until the search is over, and nobody would learn that nothing was judged. */
  #sayLate(trial: number): void {
    const silentMs = this.#served?.silentMs ?? 0
    if (this.#saidLate || this.#closed || silentMs < lateMs) return
    this.#saidLate = true
    const { experiment, context } = this.#history.submission
    const pruner = context.pruner?.name ?? 'none'
    const seconds = (silentMs / 1000).toFixed(1)
    const note = `trial ${trial} has ended while the pruner ${pruner} owed an answer for ${seconds} s: it stops what it has judged before the end only; see the log of its process`
    this.#logger.warn({ experiment, pruner }, note)
    this.#decide({ kind: 'note', note })
  }

  /** Said once in the log: a driver that takes the experiment over finds it there. */
  #sayBeginning(): void {
    const said = this.#begins?.(this.#book.all)
    if (said === undefined) return
    this.#begins = null
    if (this.#history.notes.some((note) => note.startsWith(said))) return
    this.#decide({ kind: 'note', note: `${said} (${this.#history.suggested} trials are suggested)` })
  }

  /** Said once, too; the log does not take a note twice. */
  #propose(trial: number, last: Metrics): void {
    const end = this.#history.trial(trial)?.context.end
    const said = end ? this.#proposes?.(end.points, last) : undefined
    if (said === undefined) return
    this.#proposes = null
    this.#decide({ kind: 'note', note: said })
  }

  /** How many points of a trial the pruner may have seen, for the log; nothing where no decision rests on it. */
  heard(trial: number): { heard?: number } {
    const heard = this.#served === null && !this.#history.shared ? this.#book.heard(trial) : undefined
    return heard === undefined ? {} : { heard }
  }

  /** The last report of a trial. */
  last(trial: number): { step: number; metrics: Metrics } | null {
    return this.#book.last(trial)
  }

  /** Said once: a pruner that hears nothing stops nothing. */
  noteSilence({ outcome }: Extract<LogEvent, { type: 'trial.ended' }>): void {
    const { experiment, context } = this.#history.submission
    const pruner = context.pruner?.name ?? 'none'
    if (!this.#silent || this.#saidSilent || pruner === 'none') return
    if (outcome.kind !== 'done') return
    this.#saidSilent = true
    const wanted = this.#watched === null ? 'anything' : [...this.#watched].join(', ')
    const note = `a trial ended without a report of ${wanted}, so the pruner ${pruner} has nothing to judge: call reporter.report in train`
    this.#logger.warn({ experiment, pruner }, note)
    this.#decide({ kind: 'note', note })
  }

  #watches(values: Metrics): boolean {
    const watched = this.#watched
    return watched === null || Object.keys(values).some((metric) => watched.has(metric))
  }

  close(): void {
    this.#closed = true
    this.#served?.drop()
  }

  /** A pruner that begins to fail, or judges again, is said in the log, and so on every screen and in the result. */
  #sayHealth(): void {
    const news = this.#closed ? null : this.#health.news()
    if (news === null) return
    const { experiment, context } = this.#history.submission
    this.#logger.warn({ experiment, pruner: context.pruner?.name, code: news.code }, news.note)
    const code = news.code === undefined ? {} : { code: news.code }
    this.#decide({ kind: 'note', note: news.note, pruner: news.pruner, ...code })
  }

  #stopAsTold(trial: number, attempt: number): void {
    if (this.#closed || !this.#history.counts(trial, attempt)) return
    this.#stop(trial, attempt, this.#book.last(trial)?.step ?? 0)
  }

  #stop(trial: number, attempt: number, step: number, seen?: Seen): void {
    if (this.#closed) return
    const basis = seen === undefined || this.#history.shared ? {} : { seen }
    this.#decide({ kind: 'prune', trial, attempt, step, ...basis })
  }

  async #fillGap(trial: number): Promise<void> {
    try {
      const stops = await refill(this.#bus, this.#book, this.#history, trial)
      this.#sayHealth()
      for (const { attempt, step, seen } of stops) this.#stop(trial, attempt, step, seen)
    } catch (error) {
      // The next batch finds the same gap and asks again.
      const { experiment } = this.#history.submission
      this.#logger.warn({ experiment, trial, code: codeOf(error) }, 'metrics could not be read back')
    }
  }
}

/** The order of names does not matter to msgpack, nor here. */
const sameAs = (one: Plugin | null, other: Plugin | null): boolean => canonical(one) === canonical(other)
