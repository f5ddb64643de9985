/**
 * A log as those read it who do not write it: the history that its driver holds, and beside it what only a reader asks for (who drove
 * it, when it began and ended, how busy the slots were, whether something is missing). Pure, and nothing of it is decided here: what
 * became of a trial the history says.
 */
import type { LogEvent } from '../../protocol/index.ts'
import { trialStateOf, type TrialState } from './final.ts'
import { History } from './history.ts'
import { LogOrder, type LogEntry } from './log-order.ts'
import { SlotUse } from './slot-use.ts'
import type { TrialSnapshot } from './trial.machine.ts'

export type ExperimentState = 'running' | 'paused' | 'stopping' | 'done' | 'stopped' | 'failed'

const readersState: Readonly<Record<string, ExperimentState>> = {
  paused: 'paused',
  halted: 'paused',
  concluding: 'stopping',
  stopping: 'stopping',
  cancelling: 'stopping',
  givingUp: 'stopping',
  failing: 'stopping',
  endingStopped: 'stopping',
  endingFailed: 'stopping',
  done: 'done',
  stopped: 'stopped',
  failed: 'failed',
}

export class Reading {
  readonly experiment: string
  readonly order = new LogOrder()
  readonly slots = new SlotUse()
  /** null: the experiment's beginning has not been read, so nothing is known of it. */
  history: History | null = null
  driver: string | null = null
  /** Milliseconds since 1970-01-01T00:00Z. */
  startedAt: number | null = null
  endedAt: number | null = null

  constructor(experiment: string) {
    this.experiment = experiment
  }

  get state(): ExperimentState {
    return readersState[this.history?.state ?? ''] ?? 'running'
  }

  /** Whether the experiment has ended, and nobody has resumed it. */
  get over(): boolean {
    return this.history?.ended === true
  }

  /** Takes in an entry of the log, in order; undefined: it cannot be read. `seen` is told of each event after it was taken in. */
  take(entry: LogEntry | undefined, seen?: (event: LogEvent) => void): void {
    if (entry === undefined) return this.order.damaged()
    this.order.take(entry)
    if (this.history !== null) this.history.length = this.order.next - entry.events.length
    for (const event of entry.events) {
      this.apply(event)
      seen?.(event)
    }
  }

  /** Takes in one event, in the order of the log. */
  apply(event: LogEvent): void {
    if (event.type === 'experiment.accepted' && this.history === null) {
      this.history = new History(event.submission)
      this.startedAt = event.at
    }
    if (this.history === null) return
    this.history.apply(event)
    this.slots.apply(event)
    if (event.type === 'experiment.adopted') this.driver = event.driver
    if (!this.over) this.endedAt = null
    else if (event.type === 'experiment.ended') this.endedAt ??= event.at
  }

  /** How a trial stands. */
  trial(number: number): TrialReading | undefined {
    const snapshot = this.history?.trial(number)
    return snapshot === undefined ? undefined : readingOf(snapshot, this.history?.waiting.has(number) === true)
  }
}

/** The trial as a whole, seen from its log. */
export interface TrialReading {
  readonly state: TrialState
  /** Attempts that were handed to a worker and not handed back. */
  readonly attempts: number
  /** The attempt that counts, or the last one; null: there is none yet. */
  readonly attempt: number | null
  readonly worker: string | null
  readonly startedAt: number | null
  readonly endedAt: number | null
  /** How many metric points the attempt that counts reported. */
  readonly points: number
  /** In an ablation: of its model. */
  readonly parameters: number | undefined
  readonly context: TrialSnapshot['context']
}

function readingOf({ value, context }: TrialSnapshot, waits: boolean): TrialReading {
  const { end } = context
  const attempt = end?.attempt ?? context.attempt
  return {
    state: trialStateOf(value, waits),
    attempts: context.attempt - context.returned,
    attempt: attempt === 0 ? null : attempt,
    worker: end?.worker ?? context.worker,
    startedAt: end?.startedAt ?? context.assignedAt,
    endedAt: end?.endedAt ?? null,
    points: end?.points ?? 0,
    parameters: end?.parameters,
    context,
  }
}
