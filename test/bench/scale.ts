/**
 * A thousand workers on one driver. Their connections, their conversations and the server are real; their runners compute nothing, and they
 * share a few processes.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { optimization, space } from 'maggy'
import pidusage from 'pidusage'
import { beat, bundleBucket, progress, stopExperiment, submit, type LogEvent } from '../../protocol/index.ts'
import { packageRoot } from '../../src/actor/index.ts'
import { ask, hear } from '../../src/bus/index.ts'
import { startSystem, type System } from '../support/system.ts'
import type { BenchOptions, Report } from './main.ts'
import { spentBy } from './processes.ts'
import type { Told } from './scale-workers.ts'
import { median, quantile, round } from './statistics.ts'

const perProcess = 250
const bundleBytes = 24 * 2 ** 20
const perSecond = 200
const steadySeconds = 30
const longTrials = 52_000
const hourMs = 3_600_000

type Ended = Extract<LogEvent, { type: 'trial.ended' }>

export async function scale(say: (line: string) => void, options: BenchOptions): Promise<Report> {
  const workers = Number(options.workers ?? 1000)
  const system = await startSystem()
  const fleet = new Fleet(say)
  let watch: NodeJS.Timeout | undefined
  try {
    const driver = await system.actor('driver')
    await system.actor('optimizer')
    const peak = { megabytes: 0 }
    watch = setInterval(() => {
      void pidusage(driver.pid).then(({ memory }) => (peak.megabytes = Math.max(peak.megabytes, memory / 2 ** 20)))
    }, 500)
    say(`${workers} workers start`)
    const began = performance.now()
    await fleet.start(system.server.url, workers)
    const presentSeconds = (performance.now() - began) / 1000

    const parts: Record<string, () => Promise<Figures>> = {
      steady: () => steadyLoad(system, driver.pid, workers),
      bundle: () => bundleRead(system, fleet, workers),
      history: async () => ({ historyCostRatio: round(await historyCost(system, driver.pid)) }),
      outage: () => outage(system, workers),
    }
    const wanted = options.only?.split(',') ?? Object.keys(parts)
    const figures: Record<string, number> = { workers, presentSeconds: round(presentSeconds, 1) }
    for (const name of wanted) {
      const part = parts[name]
      if (part === undefined) throw new Error(`scale has no part ${name}: ${Object.keys(parts).join(', ')}`)
      say(`${name} …`)
      peak.megabytes = 0
      Object.assign(figures, await part())
      figures[`${name}DriverMegabytes`] = round(peak.megabytes, 0)
    }
    return { figures, bars: Object.fromEntries(Object.entries(bars).filter(([name]) => name in figures)) }
  } finally {
    clearInterval(watch)
    fleet.stop()
    await system.stop()
  }
}

type Figures = Readonly<Record<string, number>>

const bars: Readonly<Record<string, string>> = {
  handoverMs: '<= 20',
  historyCostRatio: '<= 1.5',
  steadyDriverMegabytes: '<= 300',
  bundleDriverMegabytes: '<= 300',
  historyDriverMegabytes: '<= 300',
  outageDriverMegabytes: '<= 300',
  backSeconds: '<= 15',
  lost: '= 0',
  missing: '= 0',
}

/** All workers want the same code at once. Trials last until all have it: a worker that ended one early would take another's. */
async function bundleRead(system: System, fleet: Fleet, workers: number): Promise<Figures> {
  const began = performance.now()
  const { ended } = await submitted(system, 'bundle', { trials: 2 * workers, ms: hourMs, bytes: bundleBytes })
  await fleet.loaded(workers, bundleBytes)
  const seconds = (performance.now() - began) / 1000
  await ask(system.bus, stopExperiment, { experiment: 'bundle' }, { mode: 'cancel' }, { timeoutMs: 30_000 })
  await ended
  return {
    bundleSeconds: round(seconds, 1),
    bundleMegabytesPerSecond: round((workers * bundleBytes) / 2 ** 20 / seconds, 0),
  }
}

/** As many trials in a second as the workers can take, for half a minute. */
async function steadyLoad(system: System, driver: number, workers: number): Promise<Figures> {
  const ms = (workers / perSecond) * 1000
  const spent = () => Promise.all([spentBy(driver), spentBy(system.server.pid)])
  const before = await spent()
  const { ended } = await submitted(system, 'steady', { trials: perSecond * steadySeconds, ms, bytes: 1024 })
  const ends = endsOf(await ended)
  const after = await spent()
  const first = Math.min(...ends.map(({ startedAt }) => startedAt ?? Infinity))
  // All begin at once: it takes them a while to end one by one.
  const gaps = gapsOf(ends.filter(({ startedAt }) => (startedAt ?? 0) > first + 2 * ms))
  return {
    trialsPerSecond: round((ends.length / (Math.max(...ends.map(({ at }) => at)) - first)) * 1000, 1),
    handoverMs: round(median(gaps), 1),
    handover95Ms: round(quantile(gaps, 0.95), 1),
    driverCpuMs: round((after[0].own - before[0].own) / ends.length),
    serverCpuMs: round((after[1].own - before[1].own) / ends.length),
  }
}

/** nats-server is killed and started again while trials run. */
async function outage(system: System, workers: number): Promise<Figures> {
  const { ended } = await submitted(system, 'outage', { trials: workers * 2, ms: 5000, bytes: 1024 })
  await sleep(3000)
  await system.killServer()
  const restarted = performance.now()
  const back = await backAgain(system, workers)
  const events = await ended
  return {
    backSeconds: round((back - restarted) / 1000, 1),
    lost: events.filter(({ type }) => type === 'trial.lost').length,
    missing: workers * 2 - endsOf(events).filter(({ outcome }) => outcome.kind === 'done').length,
  }
}

/** The processes with the workers in them. */
class Fleet {
  readonly #children: ChildProcess[] = []
  readonly #say: (line: string) => void
  readonly #present = new Set<string>()
  readonly #loaded = new Map<string, number>()
  #wake: () => void = () => undefined

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  async start(server: string, workers: number): Promise<void> {
    const main = join(packageRoot(), 'dist/test/bench/scale-workers.js')
    for (let first = 0; first < workers; first += perProcess) {
      const count = Math.min(perProcess, workers - first)
      const child = fork(main, [server, String(first), String(count)])
      child.on('message', (told: Told) => this.#hear(told))
      this.#children.push(child)
    }
    await this.#until(() => this.#present.size >= workers)
  }

  /** Resolves when so many workers have read code of so many bytes. */
  async loaded(workers: number, bytes: number): Promise<void> {
    await this.#until(() => [...this.#loaded.values()].filter((read) => read === bytes).length >= workers)
  }

  stop(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }

  #hear(told: Told): void {
    if (told.type === 'present') this.#present.add(told.worker)
    else if (told.type === 'loaded') this.#loaded.set(told.worker, told.bytes)
    else this.#say(`${told.worker}: ${told.text}`)
    this.#wake()
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (this.#wake = resolve))
  }
}

interface Wanted {
  readonly trials: number
  readonly ms: number
  readonly bytes: number
  /** Trials under way at once. */
  readonly parallel?: number
}

/** Submits an experiment whose code nobody runs; gives its log, which is there once it has ended. */
async function submitted(
  system: System,
  id: string,
  { trials, ms, bytes, parallel }: Wanted,
): Promise<{ readonly ended: Promise<LogEvent[]> }> {
  const code = randomBytes(bytes)
  const sha256 = createHash('sha256').update(code).digest('hex')
  await system.bus.blobs.put(bundleBucket, sha256, code)
  const { context } = optimization({
    optimizer: 'random',
    space: { x: space.double(0, 1) },
    hparams: { ms },
    trials,
    ...(parallel === undefined ? {} : { parallel }),
    metric: 'value',
    direction: 'maximize',
  })
  const bundle = { sha256, bytes, module: 'nothing.ts' }
  const submission = { experiment: id, name: 'scale', contextName: 'scale', context, bundle }
  await ask(system.bus, submit, {}, submission, { timeoutMs: 30_000 })
  return { ended: system.ended(id) }
}

const endsOf = (events: readonly LogEvent[]): Ended[] => events.filter((event) => event.type === 'trial.ended')

/** Milliseconds between the end of a trial and the start of the next on the same worker. */
function gapsOf(ends: readonly Ended[]): number[] {
  const gaps: number[] = []
  const endedAt = new Map<string, number>()
  for (const end of ends.toSorted((a, b) => a.endedAt - b.endedAt)) {
    const before = endedAt.get(end.worker)
    if (before !== undefined && end.startedAt !== null) gaps.push(end.startedAt - before)
    endedAt.set(end.worker, end.endedAt)
  }
  return gaps
}

/** What the driver spends on a trial when there are 50,000 before it, to what it spends on one when there are 1,000. */
async function historyCost(system: System, driver: number): Promise<number> {
  const seen: { readonly done: number; readonly ms: number }[] = []
  const subscription = hear(system.bus, progress, { experiment: 'long' }, ({ counts }) => {
    void spentBy(driver).then(({ own }) => seen.push({ done: counts.done, ms: own }))
  })
  // Of few at once: else 16 wait in each slot before the first has ended, and what they cost is not counted with the first thousands.
  const long = await submitted(system, 'long', { trials: longTrials, ms: 0, bytes: 1024, parallel: 64 })
  await long.ended
  subscription.unsubscribe()
  const spentAt = (trials: number): { readonly done: number; readonly ms: number } => {
    const first = seen.find(({ done }) => done >= trials)
    if (first === undefined) throw new Error(`nobody said that ${trials} trials were done`)
    return first
  }
  const costBetween = (first: number, last: number): number => {
    const [from, to] = [spentAt(first), spentAt(last)]
    return (to.ms - from.ms) / (to.done - from.done)
  }
  // Wide windows: beats cost by the second, and not by the trial.
  return costBetween(longTrials - 7000, longTrials - 2000) / costBetween(1000, 6000)
}

/** When so many workers have been heard again. */
function backAgain(system: System, workers: number): Promise<number> {
  const heard = new Set<string>()
  return new Promise((resolve) => {
    const subscription = hear(system.bus, beat, { worker: '*' }, (_, { worker }) => {
      heard.add(worker)
      if (heard.size < workers) return
      subscription.unsubscribe()
      resolve(performance.now())
    })
  })
}
