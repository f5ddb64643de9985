/**
 * The log of an experiment, folded into how its trials stand. Pure: the same events give the same history, wherever they are read.
 * I1 The first final outcome of a trial counts; what comes after it is ignored.
 * I2 An attempt is spent once, whether it was first lost and then said to have crashed, or the other way round.
 */
import {
  problem,
  type Ablated,
  type Conclusion,
  type Fidelity,
  type Hparams,
  type LogEvent,
  type Metrics,
  type Problem,
  type Submission,
} from '../../protocol/index.ts'
import { verdict, type AttemptEnd, type FinalState } from '../history/index.ts'

export type TrialState = 'queued' | 'running' | FinalState
export type ExperimentState = 'running' | 'stopping' | 'done' | 'stopped' | 'failed'

/** A trial as the log tells it. */
interface TrialHistory {
  readonly trial: number
  readonly hparams: Hparams
  readonly seed: number
  readonly fidelity: Fidelity | undefined
  /** In an ablation: what it does without. */
  readonly ablated: Ablated | undefined
  /** In an ablation: of its model. */
  parameters: number | undefined
  state: TrialState
  metrics: Metrics
  /** Attempts that were handed to a worker and not handed back. */
  attempts: number
  /** The attempt that counts, or the last one. */
  attempt: number | null
  worker: string | null
  startedAt: number | null
  endedAt: number | null
  /** How many metric points the attempt reported. */
  points: number
  /** Where several train it together: how many at most. */
  members: number | undefined
  problem: Problem | undefined
  readonly spent: Set<number>
  /** Attempts that are out with workers: several where these train together. */
  readonly out: Set<number>
}

/** How busy a slot was: milliseconds from its first assignment to its last end, and of these with an attempt. */
interface SlotUse {
  first: number
  last: number
  busyMs: number
}

/** An experiment as the log tells it so far. */
export interface History {
  readonly experiment: string
  submission: Submission | undefined
  state: ExperimentState
  driver: string | undefined
  startedAt: number | null
  endedAt: number | null
  problem: Problem | undefined
  /** The stop rule that was met. */
  conclusion: Conclusion | null
  readonly trials: Map<number, TrialHistory>
  readonly slots: Map<string, SlotUse>
  /** The slot of each attempt that is out with a worker. */
  readonly out: Map<string, string>
}

/** The history of an experiment of which nothing is known yet. */
export function emptyHistory(experiment: string): History {
  return {
    experiment,
    submission: undefined,
    state: 'running',
    driver: undefined,
    startedAt: null,
    endedAt: null,
    problem: undefined,
    conclusion: null,
    trials: new Map(),
    slots: new Map(),
    out: new Map(),
  }
}

/** Takes one event into the history, in the order of the log. */
export function apply(history: History, event: LogEvent): void {
  switch (event.type) {
    case 'experiment.accepted':
      history.submission = event.submission
      history.startedAt = event.at
      return
    case 'experiment.adopted':
      history.driver = event.driver
      return
    case 'trial.suggested':
      if (!history.trials.has(event.trial)) history.trials.set(event.trial, suggested(event))
      return
    case 'trial.assigned':
      assigned(history, event)
      return
    case 'trial.ended':
    case 'trial.lost':
      ended(history, event)
      return
    case 'experiment.stopping':
      history.state = 'stopping'
      history.conclusion = event.reason ?? null
      return
    case 'experiment.resumed':
      history.state = 'running'
      history.endedAt = null
      history.problem = undefined
      history.conclusion = null
      return
    case 'experiment.failing':
      history.problem = event.problem
      return
    case 'experiment.ended':
      history.state = event.state
      history.endedAt = event.at
      return
    case 'ring.formed': {
      const trial = history.trials.get(event.trial)
      if (trial !== undefined) trial.members = Math.max(trial.members ?? 0, event.members.length)
      return
    }
    case 'optimizer.opened':
    case 'optimizer.exhausted':
    case 'trial.stopping':
  }
}

function suggested(event: Extract<LogEvent, { type: 'trial.suggested' }>): TrialHistory {
  return {
    trial: event.trial,
    hparams: event.hparams,
    seed: event.seed,
    fidelity: event.fidelity,
    ablated: event.ablated,
    parameters: undefined,
    state: 'queued',
    metrics: {},
    attempts: 0,
    attempt: null,
    worker: null,
    startedAt: null,
    endedAt: null,
    points: 0,
    members: undefined,
    problem: undefined,
    spent: new Set(),
    out: new Set(),
  }
}

function assigned(history: History, event: Extract<LogEvent, { type: 'trial.assigned' }>): void {
  const slot = `${event.worker}/${event.slot}`
  history.out.set(`${event.trial}/${event.attempt}`, slot)
  const trial = history.trials.get(event.trial)
  if (trial === undefined || isFinal(trial.state)) return
  const shared = history.submission !== undefined && 'ring' in history.submission.context
  if (!shared) trial.out.clear()
  trial.out.add(event.attempt)
  trial.state = 'running'
  trial.attempts = Math.max(trial.attempts, event.attempt)
  trial.attempt = event.attempt
  trial.worker = event.worker
  trial.startedAt = event.at
}

function ended(history: History, event: AttemptEnd): void {
  const ran = event.type === 'trial.ended' ? event : undefined
  if (ran !== undefined) use(history, ran)
  const trial = history.trials.get(event.trial)
  trial?.out.delete(event.attempt)
  if (trial === undefined || isFinal(trial.state)) return // I1
  if (trial.spent.has(event.attempt) && (ran === undefined || ran.outcome.kind === 'crashed')) return // I2
  const policy = history.submission?.context.policy ?? { maxAttempts: Infinity }
  const said = verdict(event, trial.spent.size, policy, trial.out.size)
  switch (said.kind) {
    case 'ignore':
    case 'goOn':
      return
    case 'return':
      trial.attempts = Math.max(0, trial.attempts - 1)
      if (trial.attempt === event.attempt) trial.state = 'queued'
      return
    case 'retry':
      trial.spent.add(event.attempt)
      trial.problem = lastProblem(event)
      if (trial.attempt === event.attempt) trial.state = 'queued'
      return
    case 'final':
      trial.state = said.state
      trial.metrics = said.metrics
      trial.attempt = event.attempt
      trial.worker = event.worker
      trial.startedAt = ran?.startedAt ?? trial.startedAt
      trial.endedAt = ran?.endedAt ?? event.at
      trial.points = ran?.points ?? 0
      trial.parameters = ran?.outcome.kind === 'done' ? ran.outcome.parameters : undefined
      trial.problem = said.problem
  }
}

/** Why the trial has to be tried again, for those who watch. */
function lastProblem(event: AttemptEnd): Problem | undefined {
  if (event.type === 'trial.ended') return event.outcome.kind === 'crashed' ? event.outcome.problem : undefined
  const { code, message, remedy } = problem('WORKER_LOST', { worker: event.worker })
  return { code, message, remedy }
}

function use(history: History, event: Extract<LogEvent, { type: 'trial.ended' }>): void {
  const key = `${event.trial}/${event.attempt}`
  const slot = history.out.get(key)
  history.out.delete(key)
  if (slot === undefined || event.startedAt === null) return
  const used = history.slots.get(slot)
  const busyMs = Math.max(0, event.endedAt - event.startedAt)
  if (used === undefined) history.slots.set(slot, { first: event.startedAt, last: event.endedAt, busyMs })
  else {
    used.first = Math.min(used.first, event.startedAt)
    used.last = Math.max(used.last, event.endedAt)
    used.busyMs += busyMs
  }
}

/** Whether nothing can follow on a trial's state. */
export function isFinal(state: TrialState): state is FinalState {
  return state !== 'queued' && state !== 'running'
}
