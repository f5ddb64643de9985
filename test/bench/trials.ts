/** How fast trials go through: the objective costs nothing, every event is synced before it counts. */
import { join } from 'node:path'
import { optimization, space } from 'maggy'
import type { LogEvent } from '../../protocol/index.ts'
import { packageRoot, type Child } from '../../src/actor/index.ts'
import { startTestCluster, type TestCluster } from '../support/cluster.ts'
import { startSystem, type System } from '../support/system.ts'
import type { BenchOptions, Report } from './main.ts'
import { spentBy } from './processes.ts'
import { median, quantile, round, sum } from './statistics.ts'

export const moduleFile = (name: string): string => join(packageRoot(), 'test/bench/modules', `${name}.ts`)

type Ended = Extract<LogEvent, { type: 'trial.ended' }>
/** What was handed back has not begun. */
const endsOf = (events: readonly LogEvent[]): Ended[] =>
  events.filter((event) => event.type === 'trial.ended').filter(({ outcome }) => outcome.kind === 'done')

/** Milliseconds between the end of a trial and the start of the next on the same worker. */
function gapsOf(ends: readonly Ended[]): number[] {
  const workers = [...new Set(ends.map(({ worker }) => worker))]
  return workers.flatMap((name) => {
    const mine = ends.filter(({ worker }) => worker === name)
    const inOrder = mine.toSorted((a, b) => a.endedAt - b.endedAt)
    return inOrder.slice(1).map(({ startedAt }, index) => (startedAt ?? 0) - (inOrder[index]?.endedAt ?? 0))
  })
}

/** Share of the workers' time, between the first start and the last end, in which a trial ran. */
function utilizationOf(ends: readonly Ended[], workers: number): number {
  const starts = ends.map(({ startedAt }) => startedAt ?? 0)
  const span = Math.max(...ends.map(({ endedAt }) => endedAt)) - Math.min(...starts)
  const busy = ends.reduce((sum, { startedAt, endedAt }) => sum + endedAt - (startedAt ?? endedAt), 0)
  return busy / (span * workers)
}

/** How often it is said how far the start of many runners has come. */
const sayMs = 5000

/** Two workers, once all their runners have started: with tfjs each takes about a second of a core. */
async function startWorkers(system: System, slots: number, say: (line: string) => void): Promise<Child[]> {
  const begun = performance.now()
  const saying = setInterval(() => {
    const seconds = ((performance.now() - begun) / 1000).toFixed(0)
    say(`${2 * slots} runners start: ${seconds} s so far`)
  }, sayMs)
  try {
    return await system.workers(2, '--slots', String(slots))
  } finally {
    clearInterval(saying)
  }
}

interface Course {
  readonly count: number
  readonly slots: number
  readonly secured: boolean
  /** Trials of a second, too. */
  readonly withSeconds: boolean
}

/** What trials cost on one server, or on a cluster. */
async function measured(say: (line: string) => void, course: Course, cluster?: TestCluster) {
  const { count, slots, secured } = course
  const system = await startSystem({ secured, cluster })
  try {
    const driver = await system.actor('driver', ...(cluster === undefined ? [] : ['--replicas', '3']))
    const optimizer = await system.actor('optimizer')
    const workers = await startWorkers(system, slots, say)
    const context = (count: number, seconds: number) =>
      optimization({
        optimizer: 'random',
        space: { x: space.double(-5, 10) },
        hparams: { seconds },
        trials: count,
        metric: 'value',
        direction: 'minimize',
      })
    const run = async (id: string, count: number, seconds: number) => {
      const where = cluster === undefined ? '' : ', three copies of the log on a cluster of three'
      say(`${id}: ${count} trials of ${seconds} s on 2 workers of ${slots} slots${where}`)
      await system.submit(moduleFile('noop'), context(count, seconds), id)
      return endsOf(await system.ended(id))
    }
    // What Node compiles while it runs is compiled once, in each runner.
    await run('warm-up', Math.max(3000, 200 * slots), 0)
    const servers = cluster === undefined ? [system.server.pid] : [0, 1, 2].map((member) => cluster.pid(member))
    const spent = async () => {
      const families = await Promise.all(workers.map(({ pid }) => spentBy(pid)))
      return {
        server: sum((await Promise.all(servers.map(spentBy))).map(({ own }) => own)),
        driver: (await spentBy(driver.pid)).own,
        optimizer: (await spentBy(optimizer.pid)).own,
        workers: sum(families.map(({ own }) => own)),
        runners: sum(families.map(({ byOthers }) => byOthers)),
      }
    }
    const before = await spent()
    const noop = await run('noop', count, 0)
    const after = await spent()
    const parts = ['server', 'driver', 'optimizer', 'workers', 'runners'] as const
    const costs = parts.map((part) => (after[part] - before[part]) / noop.length)
    const span = Math.max(...noop.map(({ at }) => at)) - Math.min(...noop.map(({ startedAt }) => startedAt ?? 0))
    return {
      noop,
      seconds: course.withSeconds ? await run('one-second', 20 * slots, 1) : [],
      trialsPerSecond: round((noop.length / span) * 1000, 1),
      /** Of all processes, and of each kind: what a trial costs, in ms of processor time. */
      cpuMs: round(sum(costs)),
      costs: Object.fromEntries(parts.map((part, index) => [`${part}CpuMs`, round(costs[index] ?? 0)])),
    }
  } finally {
    await system.stop()
  }
}

/** On one server. */
async function alone(say: (line: string) => void, course: Course): Promise<Figures> {
  const { noop, seconds, trialsPerSecond, cpuMs, costs } = await measured(say, { ...course, withSeconds: true })
  const gaps = gapsOf(noop)
  // With several slots, what ended before on the same worker was in another one, perhaps.
  const isPlain = course.slots === 1
  return {
    trials: noop.length,
    trialsPerSecond,
    cpuMs,
    ...costs,
    ...(isPlain ? { gapMedianMs: round(median(gaps), 3), gap95Ms: round(quantile(gaps, 0.95), 3) } : {}),
    utilization: round(utilizationOf(seconds, 2 * course.slots), 4),
    ...(isPlain ? { gapOneSecondMs: round(median(gapsOf(seconds)), 3) } : {}),
  }
}

/** On a cluster of three on this host, which all keep the log. */
async function replicated(say: (line: string) => void, course: Course): Promise<Figures> {
  const cluster = await startTestCluster()
  try {
    const { trialsPerSecond, cpuMs, costs } = await measured(say, course, cluster)
    const serversCpuMs = costs['serverCpuMs'] ?? 0
    return {
      replicatedTrialsPerSecond: trialsPerSecond,
      replicatedCpuMs: cpuMs,
      replicatedServersCpuMs: serversCpuMs,
    }
  } finally {
    await cluster.stop()
  }
}

type Figures = Readonly<Record<string, number>>
const forms: Readonly<Record<string, (say: (line: string) => void, course: Course) => Promise<Figures>>> = {
  alone,
  replicated,
}

const bars: Readonly<Record<string, string>> = {
  trialsPerSecond: '>= 1500',
  utilization: '>= 0.99',
  gapMedianMs: '<= 5',
}

export async function trials(
  say: (line: string) => void,
  { secured = false, trials: count = 10_000, slots = '1', only }: BenchOptions = {},
): Promise<Report> {
  const course = { count, slots: Number(slots), secured, withSeconds: false }
  // A cluster of the tests has no authority.
  const names = only?.split(',') ?? (secured ? ['alone'] : Object.keys(forms))
  const figures: Record<string, number> = {}
  for (const name of names) {
    const form = forms[name]
    if (form === undefined) throw new Error(`trials has no part ${name}: ${Object.keys(forms).join(', ')}`)
    Object.assign(figures, await form(say, course))
  }
  return { figures, bars: Object.fromEntries(Object.entries(bars).filter(([name]) => name in figures)) }
}
