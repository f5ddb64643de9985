/**
 * What a kill -9 costs a search: each child of an embedded run, everything at once, and a lone driver that is started again.
 * A pause is the time from the kill until a trial that was assigned after it has begun. Each round is an embedded run of its own, and
 * each kill finds it whole: with a worker or its runner still on their way back from the kill before, two faults would be measured as one.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lagom, optimization, space } from 'maggy'
import { started } from '../../protocol/index.ts'
import { hear, type Bus } from '../../src/bus/index.ts'
import { openSession } from '../../src/client/index.ts'
import type { Child } from '../../src/actor/index.ts'
import { processesBelow } from '../support/processes.ts'
import { startSystem } from '../support/system.ts'
import type { BenchOptions, Report } from './main.ts'
import noop from './modules/noop.ts'
import { median, round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const seconds = 0.2
const workers = 2
const defaultRounds = 10

/** What is killed, by what its command line holds. */
const targets = {
  driver: ['actors/driver/main'],
  optimizer: ['actors/optimizer/main'],
  worker: ['actors/worker/main'],
  runner: ['runner-main'],
  server: ['nats-server'],
  everything: ['actors/', 'runner-main', 'nats-server'],
} as const
type Target = keyof typeof targets

const context = (trials: number) =>
  optimization({
    optimizer: 'random',
    space: { x: space.double(0, 1) },
    hparams: { seconds },
    trials,
    metric: 'value',
    direction: 'minimize',
  })

/** Kills with -9. For all targets but everything: one process. */
function kill(target: Target): void {
  const found = processesBelow(process.pid).filter(({ command }) =>
    targets[target].some((part) => command.includes(part)),
  )
  const chosen = target === 'everything' ? found : found.slice(0, 1)
  if (chosen.length === 0) throw new Error(`there is no ${target} to kill`)
  for (const { pid } of chosen) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      // A runner ends by itself when its worker is gone.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

interface Starts {
  /** When trials began, by the number of the trial. */
  readonly begun: ReadonlyMap<number, number>
  /** When one last began on a worker. */
  readonly lastOn: ReadonlyMap<string, number>
}

function watchStarts(bus: Bus, experiment: string): Starts {
  const begun = new Map<number, number>()
  const lastOn = new Map<string, number>()
  hear(bus, started, { worker: '*', experiment }, ({ trial }, { worker }) => {
    begun.set(trial, performance.now())
    lastOn.set(worker, performance.now())
  })
  return { begun, lastOn }
}

/** Resolves somewhere in the middle of a trial, once all workers run trials. */
async function whole({ lastOn }: Starts): Promise<void> {
  const since = performance.now()
  while ([...lastOn.values()].filter((at) => at > since).length < workers) await sleep(5)
  await sleep(Math.random() * seconds * 1000)
}

/** Resolves once a trial has begun that is newer than those that had been handed out before. */
async function nextStart({ begun }: Starts, after: number): Promise<number> {
  // One trial for each worker may wait in its slot already.
  const known = Math.max(-1, ...begun.keys()) + workers
  for (;;) {
    for (const [trial, at] of begun) if (trial > known && at > after) return at
    if (performance.now() - after > 120_000) throw new Error('no trial for two minutes after a kill')
    await sleep(5)
  }
}

/** An embedded run in which each child is killed once; milliseconds by target. */
async function embeddedRound(round: number, say: (line: string) => void): Promise<Map<Target, number>> {
  const data = await mkdtemp(join(tmpdir(), 'maggy-kills-'))
  const over = new AbortController()
  const id = `kills-${round}`
  const pauses = new Map<Target, number>()
  try {
    const running = lagom(noop, context(100_000), { workers, data, id, signal: over.signal })
    running.catch((error: unknown) => over.signal.aborted || say(`the run has ended: ${String(error)}`))
    await sleep(1000)
    const session = await openSession({ data, actors: [] })
    const starts = watchStarts(session.bus, id)
    for (const target of Object.keys(targets) as Target[]) {
      await whole(starts)
      const at = performance.now()
      kill(target)
      // The time of a trial that runs is no pause.
      pauses.set(target, (await nextStart(starts, at)) - at - seconds * 1000)
      say(`round ${round}: ${target} ${(pauses.get(target) ?? 0).toFixed(0)} ms`)
    }
    await session.close()
    over.abort(new Error('enough'))
    await running.catch((error: Error) => {
      if (error.message !== 'enough') throw error
    })
  } finally {
    await rm(data, { recursive: true, force: true })
  }
  return pauses
}

/** A driver by hand, killed and started again at once under the same id. */
async function loneDriver(
  rounds: number,
  say: (line: string) => void,
): Promise<{ pauses: number[]; complete: boolean }> {
  const system = await startSystem()
  try {
    let driver: Child = await system.actor('driver', '--id', 'lone')
    await system.actor('optimizer')
    await system.workers(workers)
    const starts = watchStarts(system.bus, 'lone')
    const trials = rounds * 60
    await system.submit(moduleFile('noop'), context(trials), 'lone')
    const pauses: number[] = []
    for (let round = 1; round <= rounds; round += 1) {
      await nextStart(starts, performance.now())
      const at = performance.now()
      process.kill(driver.pid, 'SIGKILL')
      await driver.exited
      driver = await system.actor('driver', '--id', 'lone')
      pauses.push((await nextStart(starts, at)) - at - seconds * 1000)
      say(`lone driver ${round} of ${rounds}: ${(pauses.at(-1) ?? 0).toFixed(0)} ms`)
    }
    const events = await system.ended('lone')
    const ended = new Set(events.flatMap((event) => (event.type === 'trial.ended' ? [event.trial] : [])))
    return { pauses, complete: ended.size === trials }
  } finally {
    await system.stop()
  }
}

export async function kills(say: (line: string) => void, options: BenchOptions): Promise<Report> {
  const rounds = options.kills ?? defaultRounds
  const all = new Map<Target, number[]>()
  for (let index = 1; index <= rounds; index += 1) {
    for (const [target, ms] of await embeddedRound(index, say)) all.set(target, [...(all.get(target) ?? []), ms])
  }
  const alone = await loneDriver(rounds, say)
  const medians = [...all].map(([target, times]) => [`${target}MedianMs`, round(median(times), 0)] as const)
  const longest = [...all].map(([target, times]) => [`${target}MaxMs`, round(Math.max(...times), 0)] as const)
  return {
    figures: {
      kills: rounds,
      ...Object.fromEntries(medians),
      ...Object.fromEntries(longest),
      loneDriverMedianMs: round(median(alone.pauses), 0),
      loneDriverMaxMs: round(Math.max(...alone.pauses), 0),
      loneDriverComplete: String(alone.complete),
    },
    bars: {
      driverMedianMs: '<= 1500',
      loneDriverMedianMs: '<= 1500',
      runnerMedianMs: '<= 500',
      everythingMedianMs: '<= 3000',
      loneDriverComplete: 'true',
    },
  }
}
