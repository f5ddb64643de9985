/**
 * What a driver and its bus carry as a system grows: real drivers, workers and optimizers on the in-memory bus in simulated time, trials of
 * ten seconds with a report each second. Messages and bytes are counted; processor time is that of this process, which does the work of
 * all of them.
 */
import Table from 'cli-table3'
import type { LogEvent } from '../../protocol/index.ts'
import { World } from '../simulation/world.ts'
import type { BenchOptions, Report } from './main.ts'
import { median, quantile, round } from './statistics.ts'

interface Size {
  readonly workers: number
  readonly experiments: number
  readonly drivers: number
}

const sizes: readonly Size[] = [
  { workers: 10, experiments: 1, drivers: 1 },
  { workers: 100, experiments: 1, drivers: 1 },
  { workers: 100, experiments: 100, drivers: 1 },
  { workers: 1000, experiments: 1, drivers: 1 },
  { workers: 1000, experiments: 100, drivers: 1 },
  { workers: 1000, experiments: 100, drivers: 4 },
]
const large: readonly Size[] = [
  { workers: 1000, experiments: 1000, drivers: 1 },
  { workers: 10_000, experiments: 1, drivers: 1 },
  { workers: 10_000, experiments: 1000, drivers: 8 },
]
const steps = 10
const stepMs = 1000
/** Each worker runs so many trials. */
const rounds = 2

interface Measured extends Size {
  readonly trials: number
  readonly messagesPerTrial: number
  readonly bytesPerTrial: number
  readonly appendsPerTrial: number
  /** To and from the driver that has the most of them, in a second. */
  readonly driverMessagesPerSecond: number
  /** Beats and announcements alone, of all, in a second. */
  readonly beatsPerSecond: number
  readonly handoverMs: number
  readonly handover95Ms: number
  readonly cpuMsPerTrial: number
}

const byTheClock = /\.(beat|announce|rollcall|progress)$/

async function measure({ workers, experiments, drivers }: Size): Promise<Measured> {
  let messages = 0
  let beats = 0
  let bytes = 0
  const byDriver = new Map<string, number>()
  const world = new World({
    pace: () => ({ steps, stepMs }),
    transit: ({ subject, from, to, data }) => {
      if (byTheClock.test(subject)) beats += 1
      else messages += 1
      bytes += data?.length ?? 0
      for (const name of [from, to]) if (name.startsWith('d')) byDriver.set(name, (byDriver.get(name) ?? 0) + 1)
      return 'arrives'
    },
  })
  const starting = world.open()
  await world.run(10, () => false)
  await starting
  for (let n = 0; n < drivers; n += 1) void world.start('driver', `d${n}`)
  void world.start('optimizer', 'o')
  for (let n = 0; n < workers; n += 1) void world.start('worker', `w${n}`)
  await world.run(5000)
  messages = 0
  beats = 0
  bytes = 0
  byDriver.clear()
  const trials = Math.max(1, Math.round((workers * rounds) / experiments))
  const ids = Array.from({ length: experiments }, (_, n) => `e${n}`)
  const began = world.clock.now()
  const cpu = process.cpuUsage()
  for (const experiment of ids) world.submit(submissionOf(experiment, trials))
  const limitMs = 600_000
  if (!(await world.run(limitMs, () => ids.every((id) => world.ended(id)))))
    throw new Error(`${workers} workers and ${experiments} experiments did not end within ${limitMs} ms`)
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (world.clock.now() - began) / 1000
  const all = trials * experiments
  const gaps = gapsOf(ids.flatMap((id) => world.logs.get(id) ?? []))
  const { entries, faults } = world
  await world.close()
  if (faults.length > 0) throw new Error(faults[0])
  return {
    workers,
    experiments,
    drivers,
    trials: all,
    messagesPerTrial: round(messages / all, 1),
    bytesPerTrial: round(bytes / all, 0),
    appendsPerTrial: round(entries / all),
    driverMessagesPerSecond: round(Math.max(...byDriver.values()) / seconds, 0),
    beatsPerSecond: round(beats / seconds, 0),
    handoverMs: round(median(gaps), 0),
    handover95Ms: round(quantile(gaps, 0.95), 0),
    cpuMsPerTrial: round((user + system) / 1000 / all),
  }
}

const submissionOf = (experiment: string, trials: number) => ({
  experiment,
  name: 'sizing',
  contextName: 'sizing',
  context: {
    kind: 'optimization' as const,
    optimizer: { name: 'random', options: {} },
    pruner: null,
    space: { x: { type: 'double' as const, low: 0, high: 1 } },
    trials,
    objectives: [{ metric: 'value', direction: 'maximize' as const }],
    hparams: {},
    seed: 1,
    policy: { trialTimeoutMs: null, graceMs: 1000, maxAttempts: 3, maxFailed: null, parallel: null, labels: {} },
  },
  bundle: { sha256: 'a'.repeat(64), bytes: 1, module: 'sizing.ts' },
})

/** Milliseconds between the end of a trial and the start of the next on the same worker. */
function gapsOf(events: readonly LogEvent[]): number[] {
  const ends = events.filter((event) => event.type === 'trial.ended').toSorted((a, b) => a.endedAt - b.endedAt)
  const endedAt = new Map<string, number>()
  const gaps: number[] = []
  for (const end of ends) {
    const before = endedAt.get(end.worker)
    if (before !== undefined && end.startedAt !== null) gaps.push(end.startedAt - before)
    endedAt.set(end.worker, end.endedAt)
  }
  return gaps
}

const nameOf = ({ workers, experiments, drivers }: Size): string => `${workers}x${experiments}x${drivers}`

/** `only`: sizes by their names, of the large ones too. */
function sizesFor({ long = false, only }: BenchOptions): readonly Size[] {
  const all = [...sizes, ...large]
  if (only === undefined) return long ? all : sizes
  return only.split(',').map((name) => {
    const size = all.find((one) => nameOf(one) === name)
    if (size === undefined) throw new Error(`sizing has no size ${name}: ${all.map(nameOf).join(', ')}`)
    return size
  })
}

export async function sizing(say: (line: string) => void, options: BenchOptions): Promise<Report> {
  const rows: Measured[] = []
  for (const size of sizesFor(options)) {
    say(`${size.workers} workers, ${size.experiments} experiments, ${size.drivers} drivers`)
    const row = await measure(size)
    rows.push(row)
    say(JSON.stringify(row))
  }
  const head = Object.keys(rows[0] ?? {}) as (keyof Measured)[]
  const table = new Table({ head: [...head], style: { head: [], border: [] } })
  for (const row of rows) table.push(head.map((name) => String(row[name])))
  say(table.toString())
  return {
    figures: Object.fromEntries(
      rows.flatMap((measured) => {
        const { workers: _, experiments: __, drivers: ___, ...row } = measured
        return Object.entries(row).map(([name, value]) => [`${nameOf(measured)}.${name}`, value])
      }),
    ),
    bars: {},
  }
}
