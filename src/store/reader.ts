/** Reads what the bus keeps of experiments: their logs, and their trials' metrics and output. Needs no driver. */
import type { TSchema } from 'typebox'
import {
  decodePayload,
  isProblem,
  metrics,
  output,
  paramsFrom,
  problem,
  subjectFor,
  type MetricPoint,
  type PayloadOf,
} from '../../protocol/index.ts'
import { experimentIds, logSubject, readLog } from '../archive/index.ts'
import type { Bus, Entry } from '../bus/index.ts'
import { Reading } from '../history/index.ts'
import { LogHolders } from './log-holders.ts'
import { outlineOf, summarize, type Outline, type Result } from './results.ts'

/** A metric point with its place: the attempt that reported it, and its index within that attempt. */
export interface KeptPoint extends MetricPoint {
  readonly attempt: number
  readonly index: number
}
/** A line that user code printed or logged. */
export type OutputLine = PayloadOf<typeof output>['lines'][number] & { readonly attempt: number }

/** The experiment whose log was written to last. Rejects with EXPERIMENT_UNKNOWN when there is none. */
export async function latestExperiment(bus: Bus): Promise<string> {
  let latest = { sequence: 0, id: 'yet' }
  for (const id of await experimentIds(bus)) {
    const sequence = (await bus.streams.last('log', logSubject(id)))?.sequence ?? 0
    if (sequence > latest.sequence) latest = { sequence, id }
  }
  if (latest.sequence === 0) throw problem('EXPERIMENT_UNKNOWN', { experiment: latest.id })
  return latest.id
}

/** One experiment's log so far. Rejects with EXPERIMENT_UNKNOWN; with LOG_HOLE if its beginning is gone. */
export async function readExperiment(bus: Bus, experiment: string): Promise<Reading> {
  const reading = new Reading(experiment)
  for await (const { entry } of readLog(bus, experiment)) reading.take(entry)
  refuseUnknown(reading)
  return reading
}

/** Throws EXPERIMENT_UNKNOWN or LOG_HOLE for a log that says nothing of its experiment. */
export function refuseUnknown({ experiment, history, order }: Reading): void {
  if (history !== null) return
  if (order.next > 0 || order.holes > 0) throw problem('LOG_HOLE', { experiment, fault: 'its beginning is gone' })
  throw problem('EXPERIMENT_UNKNOWN', { experiment })
}

/** One experiment's result so far. Rejects as readExperiment does. */
export async function readResult(bus: Bus, experiment: string): Promise<Result> {
  return summarize(await readExperiment(bus, experiment))
}

/** One experiment so far, without its trials. Rejects as readResult does. */
export async function readOutline(bus: Bus, experiment: string): Promise<Outline> {
  return outlineOf(await readExperiment(bus, experiment))
}

/** All metrics of a trial by attempt and index, what was kept twice once; said by the workers that had the attempts. */
export async function readPoints(bus: Bus, experiment: string, trial: number): Promise<KeptPoint[]> {
  const points = new Map<string, KeptPoint>()
  const holders = new LogHolders(bus, experiment)
  const filter = subjectFor(metrics, { worker: '*', experiment, trial: String(trial) })
  for await (const entry of bus.streams.read('telemetry', filter)) {
    const batch = await believed(metrics, entry, holders)
    if (batch !== undefined) keep(points, batch)
  }
  return inOrder(points)
}

/** All metrics of an experiment by trial, read in one pass: for many trials, where a pass for each would be too much. */
export async function readAllPoints(bus: Bus, experiment: string): Promise<Map<number, KeptPoint[]>> {
  const points = new Map<number, Map<string, KeptPoint>>()
  const holders = new LogHolders(bus, experiment)
  const filter = subjectFor(metrics, { worker: '*', experiment, trial: '*' })
  for await (const entry of bus.streams.read('telemetry', filter)) {
    const batch = await believed(metrics, entry, holders)
    const trial = Number(paramsFrom(metrics, entry.subject)?.trial)
    if (batch === undefined) continue
    let own = points.get(trial)
    if (own === undefined) points.set(trial, (own = new Map()))
    keep(own, batch)
  }
  return new Map([...points].map(([trial, own]) => [trial, inOrder(own)]))
}

/**
 * Reads the kept reports of trials, from the beginning and then on as more comes, until `signal` aborts. A point may come twice; an
 * entry that does not count has none.
 */
export async function* followPoints(
  bus: Bus,
  experiment: string,
  signal: AbortSignal,
): AsyncIterable<{ readonly sequence: number; readonly trial: number; readonly points: readonly KeptPoint[] }> {
  const filter = subjectFor(metrics, { worker: '*', experiment, trial: '*' })
  const holders = new LogHolders(bus, experiment)
  for await (const entry of bus.streams.follow('telemetry', filter, { signal })) {
    const batch = await believed(metrics, entry, holders)
    const points = batch?.points.map((point, offset) => {
      return { ...point, attempt: batch.attempt, index: batch.first + offset }
    })
    yield { sequence: entry.sequence, trial: Number(paramsFrom(metrics, entry.subject)?.trial), points: points ?? [] }
  }
}

function keep(points: Map<string, KeptPoint>, { attempt, first, points: said }: PayloadOf<typeof metrics>): void {
  for (const [offset, point] of said.entries()) {
    const index = first + offset
    points.set(`${attempt}/${index}`, { ...point, attempt, index })
  }
}

const inOrder = (points: Map<string, KeptPoint>): KeptPoint[] =>
  [...points.values()].sort((a, b) => a.attempt - b.attempt || a.index - b.index)

/** A trial's output, in the order in which it was kept. */
export async function* readOutput(
  bus: Bus,
  experiment: string,
  trial: number,
  holders = new LogHolders(bus, experiment),
): AsyncIterable<OutputLine> {
  for await (const entry of bus.streams.read('telemetry', outputSubject(experiment, trial)))
    yield* await linesOf(entry, holders)
}

/** The trials that printed something. */
export async function trialsWithOutput(bus: Bus, experiment: string): Promise<ReadonlySet<number>> {
  const subjects = await bus.streams.subjects('telemetry', outputSubject(experiment, undefined))
  return new Set(subjects.map((subject) => Number(paramsFrom(output, subject)?.trial)))
}

/** Where a trial's output lies; without a trial, that of all. */
export function outputSubject(experiment: string, trial: number | undefined): string {
  return subjectFor(output, { worker: '*', experiment, trial: trial === undefined ? '*' : String(trial) })
}

/** The lines of an entry of output, if the worker that says them has the attempt. */
export async function linesOf(entry: Entry, holders: LogHolders): Promise<readonly OutputLine[]> {
  const batch = await believed(output, entry, holders)
  return batch?.lines.map((line) => ({ ...line, attempt: batch.attempt })) ?? []
}

/** The kept checkpoint of an attempt; undefined: it cannot be read, or another worker has the attempt. */
async function believed<C extends typeof metrics | typeof output>(
  conversation: C,
  { subject, data, rotten }: Entry,
  holders: LogHolders,
): Promise<PayloadOf<C> | undefined> {
  if (rotten === true) return undefined
  const { worker = '', trial } = paramsFrom(conversation, subject) ?? {}
  try {
    const payload = decodePayload<TSchema>(conversation, data, subject) as PayloadOf<C>
    return (await holders.holds(worker, Number(trial), payload.attempt)) ? payload : undefined
  } catch (error) {
    if (!isProblem(error, 'MESSAGE_INVALID', 'MESSAGE_MALFORMED', 'MESSAGE_TOO_LARGE')) throw error
    return undefined
  }
}
