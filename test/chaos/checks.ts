/**
 * What must hold after a run, checked from outside: against the side file that the trials wrote, against acknowledgements that were
 * overheard, and against the log as it lies in the stream.
 */
import { existsSync, readFileSync } from 'node:fs'
import type { LogEvent } from '../../protocol/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import { readAllPoints, readResult, type Result } from '../../src/store/index.ts'
import type { SideLine } from './module.ts'
import type { Overheard } from './overhear.ts'
import { stepsAnEpoch, type Expected } from './experiments.ts'

/**
 * `mayLoseReports`: a server alone acknowledges metrics before they are on its disk, and may lose the last of them when it is killed or has
 * no room; what is there must be right all the same.
 */
export async function violationsOf(
  bus: Bus,
  expected: Expected,
  events: readonly LogEvent[],
  overheard: Overheard,
  { mayLoseReports = false }: { readonly mayLoseReports?: boolean } = {},
): Promise<string[]> {
  const { id, context } = expected
  const result = await readResult(bus, id)
  const found = [...ends(events), ...overheard.silent()]
  if (result.state !== 'done') found.push(`it ended as ${result.state}: ${JSON.stringify(result.problem)}`)
  if (result.holes !== undefined) found.push(`its log has holes: ${JSON.stringify(result.holes)}`)
  if (context === 'training') return [...found, ...trained(expected, result)]
  // Of a ring one member's result is the trial's; the others are only thanked.
  return [...found, ...overheard.gone(), ...(await counted(bus, expected, result, events, mayLoseReports))]
}

/** Exactly one final state of each trial, and each attempt assigned once. */
function ends(events: readonly LogEvent[]): string[] {
  const found: string[] = []
  const final = new Map<number, number>()
  const assigned = new Set<string>()
  for (const event of events) {
    if (event.type === 'trial.ended' && event.outcome.kind !== 'crashed' && event.outcome.kind !== 'returned')
      final.set(event.trial, (final.get(event.trial) ?? 0) + 1)
    if (event.type === 'trial.assigned') {
      const key = `${event.trial}/${event.attempt}`
      if (assigned.has(key)) found.push(`attempt ${key} was assigned twice`)
      assigned.add(key)
    }
  }
  for (const [trial, count] of final) if (count > 1) found.push(`trial ${trial} ended ${count} times`)
  const over = events.filter(({ type }) => type === 'experiment.ended').length
  if (over !== 1) found.push(`the experiment ended ${over} times`)
  return found
}

/** Counts, values and reports against the side file. */
async function counted(
  bus: Bus,
  { id, trials, side, steps }: Expected,
  result: Result,
  events: readonly LogEvent[],
  mayLoseReports: boolean,
): Promise<string[]> {
  const found: string[] = []
  const lines = sideLines(side)
  const begun = new Set<string>()
  for (const { kind, trial, attempt } of lines) {
    const key = `${trial}/${attempt}`
    if (kind === 'begin' && begun.has(key)) found.push(`attempt ${key} began twice`)
    if (kind === 'begin') begun.add(key)
  }
  if (result.counts.done !== trials || result.trials.length !== trials)
    found.push(`${trials} trials were asked for; counts are ${JSON.stringify(result.counts)}`)
  const all = await readAllPoints(bus, id)
  for (const { trial, metrics, state } of result.trials) {
    if (state !== 'done') continue
    const last = events.find(
      (event) => event.type === 'trial.ended' && event.trial === trial && event.outcome.kind === 'done',
    )
    const attempt = last?.type === 'trial.ended' ? last.attempt : NaN
    const end = lines.find((line) => line.kind === 'end' && line.trial === trial && line.attempt === attempt)
    if (end === undefined) found.push(`trial ${trial} is done by attempt ${attempt}, which did not come to its end`)
    else if (metrics['value'] !== end.value)
      found.push(`trial ${trial} has the value ${metrics['value']}, and returned ${end.value}`)
    const points = (all.get(trial) ?? []).filter((point) => point.attempt === attempt)
    const right = points.every(
      ({ index, values }, place) =>
        index > (points[place - 1]?.index ?? -1) && index < steps && values['value'] === (end?.value ?? 0) + index / 8,
    )
    if (!right || (points.length !== steps && !mayLoseReports))
      found.push(
        `trial ${trial} reported ${steps} times, and ${points.length} reports are there: ${points.map(({ index }) => index).join()}`,
      )
  }
  return found
}

/** The training's own books: all steps, no sample twice, replicas equal. */
function trained({ epochs }: Expected, { trials: [trial] }: Result): string[] {
  const { steps, twice, digest, digestSquared } = trial?.metrics ?? {}
  const found: string[] = []
  if (trial?.state !== 'done') return [`the training is ${trial?.state}: ${JSON.stringify(trial?.problem)}`]
  if (steps !== epochs * stepsAnEpoch) found.push(`${steps} steps were taken of ${epochs * stepsAnEpoch}`)
  if (twice !== 0) found.push(`${twice} samples counted twice`)
  if (digestSquared !== (digest ?? NaN) ** 2) found.push('the replicas differ')
  return found
}

function sideLines(file: string): SideLine[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as SideLine)
}
