/** The logs of experiments as the bus keeps them: which there are, and what an entry holds. What it means is said in src/history. */
import { codeOf, decodePayload, log, paramsFrom, problem, subjectFor } from '../../protocol/index.ts'
import type { Bus, Entry } from '../bus/index.ts'
import type { LogEntry } from '../history/index.ts'

export interface ReadEntry {
  /** In the stream. */
  readonly sequence: number
  /** undefined: it is damaged, or of a version that this one cannot read. */
  readonly entry: LogEntry | undefined
}

/** The ids of all experiments that have a log. */
export async function experimentIds(bus: Bus): Promise<string[]> {
  const subjects = await bus.streams.subjects('log', subjectFor(log, { experiment: '*' }))
  return subjects.flatMap((subject) => paramsFrom(log, subject)?.experiment ?? []).sort()
}

/** The subject of an experiment's log. Throws EXPERIMENT_UNKNOWN for what can be no id. */
export function logSubject(experiment: string): string {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(experiment)) throw problem('EXPERIMENT_UNKNOWN', { experiment })
  return subjectFor(log, { experiment })
}

/** The log as far as it goes, entry by entry. */
export async function* readLog(bus: Bus, experiment: string): AsyncIterable<ReadEntry> {
  for await (const entry of bus.streams.read('log', logSubject(experiment))) yield entryOf(entry)
}

/** The content of an entry of the stream. */
export function entryOf({ sequence, subject, data, rotten }: Entry): ReadEntry {
  if (rotten === true) return { sequence, entry: undefined }
  try {
    return { sequence, entry: decodePayload(log, data, subject) }
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    return { sequence, entry: undefined }
  }
}
