/** Reads experiments' logs: all that one of them holds, and its last event. */
import { log, subjectFor, type LogEvent, type Submission } from '../../../protocol/index.ts'
import { entryOf, readLog } from '../../../src/archive/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import { History, LogOrder, type LogEntry } from '../../../src/history/index.ts'

export interface ArchivedExperiment {
  readonly submission: Submission
  readonly entries: readonly LogEntry[]
  /** The last sequence on the log's subject. */
  readonly last: number
  /** The number of the next event. */
  readonly next: number
  /** The driver that adopted it last. */
  readonly owner: string | undefined
  readonly order: LogOrder
}

/** The whole log of an experiment, or undefined if there is none. */
export async function readArchive(bus: Bus, experiment: string): Promise<ArchivedExperiment | undefined> {
  const entries: LogEntry[] = []
  const order = new LogOrder()
  let last = 0
  for await (const { sequence, entry } of readLog(bus, experiment)) {
    if (entry === undefined) order.damaged()
    else {
      order.take(entry)
      entries.push(entry)
    }
    last = sequence
  }
  const first = entries[0]?.events[0]
  if (first?.type !== 'experiment.accepted') return undefined
  const adopted = entries.flatMap(({ events }) => events).findLast(({ type }) => type === 'experiment.adopted')
  const owner = adopted?.type === 'experiment.adopted' ? adopted.driver : undefined
  return { submission: first.submission, entries, last, owner, next: order.next, order }
}

/** The state that a log leads to. */
export function historyOf({ submission, entries }: ArchivedExperiment): History {
  const history = new History(submission)
  for (const { events } of entries) for (const event of events) history.apply(event)
  return history
}

/** The last event of an experiment's log. */
export async function lastEvent(bus: Bus, experiment: string): Promise<LogEvent | undefined> {
  const entry = await bus.streams.last('log', subjectFor(log, { experiment }))
  return entry === undefined ? undefined : entryOf(entry).entry?.events.at(-1)
}
