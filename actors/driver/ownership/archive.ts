/** Reads experiments' logs: which are unfinished, and all that one of them holds. */
import { decodePayload, log, paramsFrom, subjectFor, type LogEvent, type Submission } from '../../../protocol/index.ts'
import type { Bus } from '../../../src/bus/index.ts'

export interface ArchivedExperiment {
  readonly submission: Submission
  readonly events: readonly LogEvent[]
  /** The last sequence on the log's subject. */
  readonly last: number
}

/** The whole log of an experiment, or undefined if there is none. */
export async function readLog(bus: Bus, experiment: string): Promise<ArchivedExperiment | undefined> {
  const events: LogEvent[] = []
  let last = 0
  for await (const { sequence, subject, data } of bus.streams.read('log', subjectFor(log, { experiment }))) {
    events.push(...decodePayload(log.payload, data, subject).events)
    last = sequence
  }
  const [first] = events
  if (first?.type !== 'experiment.accepted') return undefined
  return { submission: first.submission, events, last }
}

/** The experiments that have a log here. */
export async function experimentsIn(bus: Bus): Promise<string[]> {
  const subjects = await bus.streams.subjects('log', subjectFor(log, { experiment: '*' }))
  return subjects.flatMap((subject) => paramsFrom(log, subject)?.experiment ?? [])
}

/** The last event of an experiment's log. */
export async function lastEvent(bus: Bus, experiment: string): Promise<LogEvent | undefined> {
  const subject = subjectFor(log, { experiment })
  const entry = await bus.streams.last('log', subject)
  return entry === undefined ? undefined : decodePayload(log.payload, entry.data, subject).events.at(-1)
}
