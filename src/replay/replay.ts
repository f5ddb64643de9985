/**
 * Takes the decisions of an experiment again, from its log: what was suggested, which trials were stopped, when it was over. Each is
 * taken on what it rested on at the time (the log says so), so that it does not matter how many workers there were, or who died.
 */
import type { Bus } from '../bus/index.ts'
import {
  codeOf,
  describe,
  problem,
  type Fidelity,
  type LogEvent,
  type Plugin,
  type Submission,
} from '../../protocol/index.ts'
import { History, seedOf, type Observed } from '../history/index.ts'
import { createPruner, isServed, pointsKeptFor } from '../pruners/index.ts'
import { Pruning } from './pruning.ts'
import { builtinRespondent, otherRespondent, type Proposed, type Respondent } from './respondent.ts'
import type { ReplaySource } from './source.ts'

/** A decision that comes out otherwise than the log has it. */
export interface Difference {
  /** The number of the event in the log. */
  readonly event: number
  readonly what: string
  readonly trial?: number
  readonly logged: unknown
  readonly again: unknown
}

export interface Replay {
  readonly experiment: string
  /** Decisions that were taken again. */
  readonly decisions: number
  readonly differences: readonly Difference[]
  /** Decisions that cannot be taken again, by the reason. */
  readonly untaken: Readonly<Record<string, number>>
  /** The optimizer that was asked instead of the experiment's own. */
  readonly optimizer?: string
  /** The log has a hole: differences behind it may come of what is missing. */
  readonly fault?: string
}

/** Another optimizer to ask instead, and the bus, for those that are served. */
export interface Instead {
  readonly bus: Bus
  readonly plugin: Plugin
}

type Suggested = Extract<LogEvent, { type: 'trial.suggested' }>

/** Rejects with EXPERIMENT_UNKNOWN; with `instead`, with OPTIMIZER_UNAVAILABLE, OPTIMIZER_UNFIT and OPTION_INVALID. */
export async function replay(source: ReplaySource, instead?: Instead): Promise<Replay> {
  const { experiment, entries, fault } = source
  const first = entries[0]?.events[0]
  if (first?.type !== 'experiment.accepted') throw problem('EXPERIMENT_UNKNOWN', { experiment })
  const { submission } = first
  const respondent =
    instead === undefined
      ? builtinRespondent(submission)
      : await otherRespondent(instead.bus, submission, instead.plugin)
  const replaying = new Replaying(new History(submission), respondent, source, instead !== undefined)
  try {
    for (const entry of entries) {
      replaying.at(entry.first)
      for (const event of entry.events) await replaying.take(event)
    }
  } finally {
    await respondent?.close()
  }
  const { decisions, differences, untaken } = replaying
  const other = instead === undefined ? {} : { optimizer: instead.plugin.name }
  return {
    experiment,
    decisions,
    differences,
    untaken: Object.fromEntries(untaken),
    ...other,
    ...(fault === undefined ? {} : { fault }),
  }
}

class Replaying {
  decisions = 0
  readonly differences: Difference[] = []
  readonly untaken = new Map<string, number>()
  readonly #history: History
  #respondent: Respondent | undefined
  /** Whether the one that suggested looked at results. If not, the log does not say which were known: another one is told of all. */
  #adaptive = true
  /** All that the one who is asked was told, in order: the next one is told it too. */
  readonly #told: Observed[] = []
  #pruning: Pruning | null
  readonly #pointsOf: ReplaySource['pointsOf']
  /** Another optimizer is asked: its suggestions alone matter. */
  readonly #instead: boolean
  /** Outcomes of trials that are not told yet, with the number of events by which each is known. */
  #untold: { readonly known: number; readonly observation: Observed }[] = []

  constructor(history: History, respondent: Respondent | undefined, { pointsOf }: ReplaySource, instead: boolean) {
    this.#history = history
    this.#respondent = respondent
    this.#instead = instead
    this.#pointsOf = pointsOf
    this.#pruning = this.#prunerOf()
  }

  /** The number of the next event, where the log says it. */
  at(first: number | undefined): void {
    if (first !== undefined) this.#history.length = first
  }

  async take(event: LogEvent): Promise<void> {
    if (event.type === 'optimizer.opened') this.#adaptive = event.adaptive
    if (event.type === 'trial.suggested') await this.#suggested(event)
    else if (event.type === 'optimizer.exhausted') await this.#exhausted(event)
    else if (!this.#instead) this.#driversOwn(event)
    const before = this.#history.submission
    this.#apply(event)
    if (this.#history.submission.context !== before.context) await this.#changed(before)
  }

  #apply(event: LogEvent): void {
    const history = this.#history
    const reopens = event.type === 'experiment.resumed' || event.type === 'experiment.changed'
    const before = reopens ? this.#settledTrials() : []
    const known = 'trial' in event ? this.#settledBeside(event.trial) : []
    const wasSettled = 'trial' in event && history.settled(event.trial)
    history.apply(event)
    for (const trial of before) if (!history.settled(trial)) this.#note(trial)
    if (!('trial' in event)) return
    if (!wasSettled && history.settled(event.trial)) this.#note(event.trial)
    this.#pruning?.moved(event.trial, history)
    // Repeats that were dropped with one that was pruned.
    for (const trial of this.#settledBeside(event.trial)) {
      if (trial !== event.trial && !known.includes(trial)) this.#note(trial)
    }
  }

  #settledBeside(trial: number): number[] {
    const { repeats } = this.#history
    const first = this.#history.configurationOf(trial) * repeats
    return Array.from({ length: repeats }, (_, repeat) => first + repeat).filter((one) => this.#history.settled(one))
  }

  #settledTrials(): number[] {
    return [...this.#history.trials.keys()].filter((trial) => this.#history.settled(trial))
  }

  /** The outcome of a trial is known from here on. */
  #note(trial: number): void {
    this.#pruning?.moved(trial, this.#history)
    const observation = this.#history.observation(this.#history.configurationOf(trial))
    if (observation !== undefined) this.#untold.push({ known: this.#history.length, observation })
  }

  async #suggested(event: Suggested): Promise<void> {
    const { repeats } = this.#history
    const trial = this.#history.configurationOf(event.trial)
    const logged = proposalOf(event, repeats)
    const respondent = this.#respondent
    if (respondent === undefined) {
      this.#cannot('made by an optimizer or ablator that is not built in (maggy replay --optimizer NAME asks it)')
      return this.#observe(undefined, [pendingOf(event, repeats)])
    }
    const known = this.#history.length
    const told = this.#instead && !this.#adaptive ? known : (event.told ?? (respondent.adaptive ? undefined : known))
    if (told === undefined) this.#cannot('the log does not say which results were known')
    else {
      await this.#tell(respondent, told)
      const again = await answerOf(respondent, trial)
      this.#compare(event, 'suggestion', logged, again)
    }
    // From here on it goes by what was really tried.
    await this.#observe(respondent, [pendingOf(event, repeats)])
    const seed = seedOf(this.#history.submission.context, event.trial, event.ablated)
    if (!this.#instead && seed !== event.seed) this.#differs(event, 'seed', event.seed, seed)
  }

  async #exhausted(event: Extract<LogEvent, { type: 'optimizer.exhausted' }>): Promise<void> {
    const respondent = this.#respondent
    if (respondent === undefined)
      return this.#cannot(
        'made by an optimizer or ablator that is not built in (maggy replay --optimizer NAME asks it)',
      )
    if (event.told === undefined) return this.#cannot('the log does not say which results were known')
    await this.#tell(respondent, event.told)
    this.#compare(event, 'suggestion', 'has no more', await answerOf(respondent, this.#history.configurations))
  }

  /** The context is another from here on: whoever suggests is opened anew with all that was known, and so is the pruner. */
  async #changed(before: Submission): Promise<void> {
    const history = this.#history
    const { submission } = history
    if (canonical(submission.context.pruner) !== canonical(before.context.pruner)) this.#pruning = this.#prunerOf()
    // Another optimizer, which is asked instead, goes on with the context that it was opened with.
    if (this.#instead) return
    await this.#respondent?.close()
    this.#respondent = builtinRespondent(submission)
    await this.#respondent?.observe(this.#told)
  }

  /** The pruner of the context as it is, with all that settled before it. */
  #prunerOf(): Pruning | null {
    const { pruner, objectives } = this.#history.submission.context
    if (pruner === null || isServed(pruner)) return null
    const pruning = new Pruning(createPruner(pruner, objectives), this.#pointsOf, pointsKeptFor(pruner))
    for (const trial of this.#settledTrials()) pruning.settledBefore(trial, this.#history)
    return pruning
  }

  async #observe(respondent: Respondent | undefined, observations: readonly Observed[]): Promise<void> {
    this.#told.push(...observations)
    await respondent?.observe(observations)
  }

  /** Tells what had settled in the first `told` events of the log. */
  async #tell(respondent: Respondent, told: number): Promise<void> {
    const known = this.#untold.filter((each) => each.known <= told)
    if (known.length === 0) return
    this.#untold = this.#untold.filter((each) => each.known > told)
    await this.#observe(
      respondent,
      known.map(({ observation }) => observation),
    )
  }

  /** Decisions of the driver itself, or of its pruner. */
  #driversOwn(event: LogEvent): void {
    const history = this.#history
    switch (event.type) {
      case 'trial.stopping':
        this.#stopped(event)
        return
      case 'experiment.stopping': {
        const { reason, at } = event
        if (reason === undefined) return
        const due = history.deadline !== null && history.deadline <= at ? 'time' : history.conclusion
        this.#compare(event, 'stop rule', reason, reason === 'time' ? due : history.conclusion)
        return
      }
      case 'experiment.failing':
        if (event.problem.code === 'EXPERIMENT_GIVEN_UP' || event.problem.code === 'NOTHING_DONE')
          this.#compare(event, 'giving up', true, history.state === 'givingUp')
        return
      case 'experiment.ended': {
        const state = endings[history.state] ?? 'goes on'
        const single = history.submission.context.objectives.length === 1
        const logged = single ? { state: event.state, best: event.best } : { state: event.state }
        this.#compare(event, 'end', logged, single ? { state, best: history.best } : { state })
        return
      }
      default:
    }
  }

  #stopped(event: Extract<LogEvent, { type: 'trial.stopping' }>): void {
    if (event.reason !== 'pruned') return
    if (event.with !== undefined) {
      const { trial, with: by } = event
      return this.#compare(
        event,
        'repeat',
        { trial, with: by },
        this.#history.needless.find((one) => one.trial === trial),
      )
    }
    if (this.#pruning === null) return this.#cannot('made by a pruner that is served')
    const judged = this.#pruning.judge(event, this.#history)
    if (judged.kind === 'unknown') return this.#cannot(judged.reason)
    const logged = { kind: 'stop', step: event.step }
    this.#compare(event, 'pruner', logged, judged)
  }

  #cannot(reason: string): void {
    this.untaken.set(reason, (this.untaken.get(reason) ?? 0) + 1)
  }

  #compare(event: LogEvent, what: string, logged: unknown, again: unknown): void {
    this.decisions += 1
    if (canonical(logged) !== canonical(again)) this.#differs(event, what, logged, again)
  }

  #differs(event: LogEvent, what: string, logged: unknown, again: unknown): void {
    const trial = 'trial' in event ? { trial: event.trial } : {}
    this.differences.push({ event: this.#history.length, what, ...trial, logged, again })
  }
}

const endings: Readonly<Record<string, string>> = {
  endingDone: 'done',
  endingStopped: 'stopped',
  endingFailed: 'failed',
}

function proposalOf({ hparams, fidelity, ablated }: Suggested, repeats: number): Proposed {
  if (ablated === undefined) {
    return { hparams, ...(fidelity === undefined ? {} : { fidelity: suggestedFidelity(fidelity, repeats) }) }
  }
  return { hparams, without: ablated.components.map(({ name }) => name), repeat: ablated.repeat }
}

/** Whoever suggests knows configurations, and no repeats of them. */
function suggestedFidelity({ from, ...fidelity }: Fidelity, repeats: number): Fidelity {
  return { ...fidelity, from: from === null ? null : from / repeats }
}

function pendingOf({ trial, hparams, fidelity, ablated }: Suggested, repeats: number): Observed {
  return {
    trial: trial / repeats,
    hparams,
    state: 'pending',
    metrics: {},
    step: null,
    ...(fidelity === undefined ? {} : { fidelity: suggestedFidelity(fidelity, repeats) }),
    ...(ablated === undefined ? {} : { ablated }),
  }
}

/** Whoever is asked may find that the question makes no sense: that is an answer too. */
async function answerOf(respondent: Respondent, trial: number): Promise<unknown> {
  try {
    return await respondent.suggest(trial)
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    return `refuses: ${describe(error)}`
  }
}

/** The same text for the same value, in whatever order its fields stand. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )
}
