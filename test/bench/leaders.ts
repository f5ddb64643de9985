/**
 * A cluster of three whose leader of the log is killed with -9 every ten seconds, during a search and a training. JetStream itself misses
 * a leader that vanished for 4 to 9 s, and nothing is kept meanwhile; workers go on with what they have.
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
/** A trial takes so long: a few times the time in which one is handed over. */
const trialMs = 5_000

interface Disturbed {
  /** When leaders were killed, in ms since 1970. */
  readonly kills: readonly number[]
  readonly events: readonly LogEvent[]
  /** When a metric came, in ms since 1970. */
  readonly points: readonly number[]
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
    overheard.moved()
    if (batch.at(-1)?.type === 'experiment.ended') break
  }
  over.abort()
  await killing
  heard.unsubscribe()
  await world.whole(120_000)
  const violations = [...(await violationsOf(bus, expected, events, overheard)), ...(await unequal(world))]
  overheard.stop()
  return { kills, events, points, violations }
}

/** After each kill, the longest time that a slot stood idle between two trials. */
function idleTimes({ kills, events }: Disturbed): number[] {
  const byWorker = new Map<string, { readonly from: number; readonly to: number }[]>()
  for (const event of events) {
    if (event.type !== 'trial.ended' || event.startedAt === null) continue
    const own = byWorker.get(event.worker) ?? []
    own.push({ from: event.startedAt, to: event.endedAt })
    byWorker.set(event.worker, own)
  }
  const gaps = [...byWorker.values()].flatMap((attempts) => {
    const sorted = attempts.sort((a, b) => a.from - b.from)
    return sorted
      .slice(1)
      .map(({ from }, place) => ({ at: sorted[place]?.to ?? from, ms: from - (sorted[place]?.to ?? from) }))
  })
  return kills.map((kill) =>
    Math.max(0, ...gaps.filter(({ at, ms }) => at + ms > kill && at < kill + everyMs).map(({ ms }) => ms)),
  )
}

/** After each kill, the longest time between two of these. */
function longestGaps(kills: readonly number[], times: readonly number[]): number[] {
  const sorted = [...times].sort((a, b) => a - b)
  const gaps = sorted.map((at, place) => ({ at, ms: place === 0 ? 0 : at - (sorted[place - 1] ?? at) }))
  return kills.map((kill) =>
    Math.max(0, ...gaps.filter(({ at, ms }) => at > kill && at - ms < kill + everyMs).map(({ ms }) => ms)),
  )
}

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
    const idle = idleTimes(search)
    const kept = longestGaps(
      search.kills,
      search.events.map(({ at }) => at),
    )
    const steps = longestGaps(training.kills, training.points)
    return {
      figures: {
        searchKills: search.kills.length,
        searchIdleMedianMs: round(median(idle), 0),
        searchIdleMaxMs: round(Math.max(...idle), 0),
        // The events of the log carry the time at which they were decided.
        logQuietMedianMs: round(median(kept), 0),
        trainingKills: training.kills.length,
        trainingPauseMedianMs: round(median(steps), 0),
        trainingPauseMaxMs: round(Math.max(...steps), 0),
        violations: [...search.violations, ...training.violations].join('; ') || 'none',
      },
      bars: { searchIdleMedianMs: '<= 3000', trainingPauseMedianMs: '<= 3000', violations: 'none' },
    }
  } finally {
    await world.stop()
  }
}
