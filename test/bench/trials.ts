/** How fast trials go through: the objective costs nothing, every event is synced before it counts. */
import { join } from 'node:path'
import { optimization, space } from 'maggy'
import type { LogEvent } from '../../protocol/index.ts'
import { packageRoot } from '../../src/actor/index.ts'
import { startSystem } from '../support/system.ts'
import type { BenchOptions, Report } from './main.ts'
import { familyOf, spentBy } from './processes.ts'
import { median, quantile, round } from './statistics.ts'

export const moduleFile = (name: string): string => join(packageRoot(), 'test/bench/modules', `${name}.ts`)

type Ended = Extract<LogEvent, { type: 'trial.ended' }>
const endsOf = (events: readonly LogEvent[]): Ended[] => events.filter((event) => event.type === 'trial.ended')

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

export async function trials(
  say: (line: string) => void,
  { secured = false, trials: count = 10_000, slots = '1' }: BenchOptions = {},
): Promise<Report> {
  const system = await startSystem({ secured })
  try {
    const driver = await system.actor('driver')
    const optimizer = await system.actor('optimizer')
    const workers = await system.workers(2, '--slots', slots)
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
      say(`${id}: ${count} trials of ${seconds} s on 2 workers of ${slots} slots`)
      await system.submit(moduleFile('noop'), context(count, seconds), id)
      return endsOf(await system.ended(id))
    }
    // What Node compiles while it runs is compiled once.
    await run('warm-up', 3000, 0)
    const parts = {
      server: [system.server.pid],
      driver: [driver.pid],
      optimizer: [optimizer.pid],
      workers: workers.map(({ pid }) => pid),
      runners: (await Promise.all(workers.map(({ pid }) => familyOf(pid)))).flatMap(([, ...runners]) => runners),
    }
    const spent = () => Promise.all(Object.values(parts).map(spentBy))
    const before = await spent()
    const noop = await run('noop', count, 0)
    const after = await spent()
    const costs = after.map((ms, index) => (ms - (before[index] ?? 0)) / noop.length)
    const span = Math.max(...noop.map(({ at }) => at)) - Math.min(...noop.map(({ startedAt }) => startedAt ?? 0))
    const gaps = gapsOf(noop)
    const second = await run('one-second', 20 * Number(slots), 1)
    return {
      figures: {
        trials: noop.length,
        trialsPerSecond: round((noop.length / span) * 1000, 1),
        /** Of all processes, and of each kind: what a trial costs, in ms of processor time. */
        cpuMs: round(costs.reduce((sum, cost) => sum + cost, 0)),
        ...Object.fromEntries(Object.keys(parts).map((part, index) => [`${part}CpuMs`, round(costs[index] ?? 0)])),
        ...(slots === '1' ? { gapMedianMs: round(median(gaps), 3), gap95Ms: round(quantile(gaps, 0.95), 3) } : {}),
        utilization: round(utilizationOf(second, 2 * Number(slots)), 4),
        // What ended before on the same worker was in another slot, perhaps.
        ...(slots === '1' ? { gapOneSecondMs: round(median(gapsOf(second)), 3) } : {}),
      },
      bars: {
        trialsPerSecond: '>= 1500',
        utilization: '>= 0.99',
        ...(slots === '1' ? { gapMedianMs: '<= 5' } : {}),
      },
    }
  } finally {
    await system.stop()
  }
}
