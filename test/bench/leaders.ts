/**
 * A cluster of three whose leader of the log is killed with -9 every ten seconds, during a search and a training. JetStream itself misses
 * a leader that vanished for 4 to 9 s, and nothing is kept meanwhile (`logPause`); workers go on with what they have. A pause is a time
 * in which nobody makes progress: of a search, no trial runs on any worker; of a training, no step is taken. Beside it stands how long the
 * slot stood idle that was worst off.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodePayload, log, metrics, subjectFor, type LogEvent } from '../../protocol/index.ts'
import { violationsOf } from '../chaos/checks.ts'
import { experimentOf, type Size } from '../chaos/experiments.ts'
import { Overheard } from '../chaos/overhear.ts'
import { submitted, unequal } from '../chaos/run.ts'
import { startWorld, type World } from '../chaos/world.ts'
import type { ContextName } from '../chaos/plan.ts'
import type { BenchOptions, Report } from './main.ts'
import { median, round } from './statistics.ts'

const everyMs = 10_000
const defaultKills = 6
const underWayMs = 1_000
/** A trial takes so long: a few times the time in which one is handed over. */
const trialMs = 5_000

interface Disturbed {
  /** When leaders were killed, in ms since 1970. */
  readonly kills: readonly number[]
  readonly events: readonly LogEvent[]
  /** When a metric came, in ms since 1970. */
  readonly points: readonly number[]
  /** When something new was in the log. */
  readonly entries: readonly number[]
  readonly violations: readonly string[]
}

async function disturbed(
  world: World,
  name: ContextName,
  size: Size,
  most: number,
  say: (line: string) => void,
): Promise<Disturbed> {
  const { bus, servers } = world
  const id = `leaders-${name}`
  const { expected, module, context } = experimentOf(name, id, world.folder, size)
  await world.whole(120_000)
  const overheard = new Overheard(bus, world.raw, id)
  const events: LogEvent[] = []
  const points: number[] = []
  const entries: number[] = []
  const kills: number[] = []
  const over = new AbortController()
  const heard = bus.subscribe(subjectFor(metrics, { worker: '*', experiment: id, trial: '*' }), () => {
    points.push(Date.now())
    overheard.moved()
  })
  await submitted(world, module, context, id)
  const killing = (async () => {
    while (kills.length < most) {
      await sleep(everyMs, undefined, { signal: over.signal })
      const leader = await servers.leader(bus)
      kills.push(Date.now())
      say(`${name}: leader ${leader} is killed (${kills.length} of ${most})`)
      await servers.kill(leader)
      await sleep(1_000)
      await servers.start(leader)
    }
  })().catch((error: unknown) => {
    if (!over.signal.aborted) throw error
  })
  for await (const entry of bus.streams.follow('log', subjectFor(log, { experiment: id }), { signal: over.signal })) {
    const batch = decodePayload(log, entry.data, entry.subject).events
    events.push(...batch)
    entries.push(Date.now())
    for (const event of batch) overheard.logged(event)
    if (batch.at(-1)?.type === 'experiment.ended') break
  }
  over.abort()
  await killing
  heard.unsubscribe()
  await world.whole(120_000)
  const violations = [...(await violationsOf(bus, expected, events, overheard)), ...(await unequal(world))]
  overheard.stop()
  return { kills, events, points, entries, violations }
}

interface Span {
  readonly from: number
  readonly to: number
}

/** When trials ran, by worker. */
function spansOf(events: readonly LogEvent[]): Map<string, Span[]> {
  const byWorker = new Map<string, Span[]>()
  for (const event of events) {
    if (event.type !== 'trial.ended' || event.startedAt === null) continue
    const own = byWorker.get(event.worker) ?? []
    own.push({ from: event.startedAt, to: event.endedAt })
    byWorker.set(event.worker, own)
  }
  return byWorker
}

/** Times between spans in which none of them is. */
function gapsIn(spans: readonly Span[]): Span[] {
  const gaps: Span[] = []
  let until: number | undefined
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    if (until !== undefined && from > until) gaps.push({ from: until, to: from })
    until = Math.max(until ?? to, to)
  }
  return gaps
}

/** After each kill, the longest of these before the next one. */
const longestAfter = (kills: readonly number[], gaps: readonly Span[]): number[] =>
  kills.map((kill) =>
    Math.max(0, ...gaps.filter(({ from, to }) => to > kill && from < kill + everyMs).map(({ from, to }) => to - from)),
  )

/** The times between two of these. */
const between = (times: readonly number[]): Span[] => gapsIn(times.map((at) => ({ from: at, to: at })))

export async function leaders(say: (line: string) => void, { kills = defaultKills }: BenchOptions): Promise<Report> {
  const world = await startWorld({ cluster: true })
  try {
    const stepMs = trialMs / 4
    const search = await disturbed(
      world,
      'search',
      { trials: Math.ceil((kills * everyMs * 3) / trialMs), stepMs },
      kills,
      say,
    )
    const epochs = Math.ceil((kills * everyMs) / 1000)
    const training = await disturbed(world, 'training', { epochs }, kills, say)
    const spans = [...spansOf(search.events).values()]
    const pauses = longestAfter(search.kills, gapsIn(spans.flat()))
    const idle = longestAfter(search.kills, spans.flatMap(gapsIn))
    // From the kill until something is kept again: what was under way when it came counts as before.
    const kept = search.kills.map((kill) => (search.entries.find((at) => at > kill + underWayMs) ?? NaN) - kill)
    const steps = longestAfter(training.kills, between(training.points))
    return {
      figures: {
        searchKills: search.kills.length,
        trialMs,
        searchPauseMedianMs: round(median(pauses), 0),
        searchPauseMaxMs: round(Math.max(...pauses), 0),
        searchIdlestSlotMedianMs: round(median(idle), 0),
        searchIdlestSlotMaxMs: round(Math.max(...idle), 0),
        logPauseMedianMs: round(median(kept), 0),
        trainingKills: training.kills.length,
        trainingPauseMedianMs: round(median(steps), 0),
        trainingPauseMaxMs: round(Math.max(...steps), 0),
        violations: [...search.violations, ...training.violations].join('; ') || 'none',
      },
      bars: { searchPauseMedianMs: '<= 3000', trainingPauseMedianMs: '<= 3000', violations: 'none' },
    }
  } finally {
    await world.stop()
  }
}
