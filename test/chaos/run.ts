/** One run: an experiment, the faults of its plan, and what was wrong afterwards. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  bundleBucket,
  codeOf,
  decodePayload,
  log,
  metrics,
  subjectFor,
  submit,
  type LogEvent,
} from '../../protocol/index.ts'
import { loadExperiment } from '../../src/bundle/index.ts'
import { maggy } from '../support/cli.ts'
import { replicaDigest } from '../support/cluster.ts'
import { ask, connectNats } from '../../src/bus/index.ts'
import { withComponents } from '../../src/client/index.ts'
import type { ContextOf } from '../../src/experiment/index.ts'
import type { Result } from '../../src/store/index.ts'
import { provideHost } from '../../src/train/index.ts'
import { violationsOf } from './checks.ts'
import { experimentOf, type Size } from './experiments.ts'
import { Faults } from './faults.ts'
import { Overheard } from './overhear.ts'
import { faultText, type Fault, type Plan } from './plan.ts'
import { isRunner } from './processes.ts'
import type { World } from './world.ts'

export interface FaultOutcome {
  readonly fault: Fault
  /** The longest time in which nothing went on, from when it came until whoever was hurt was there again; null: it did not come. */
  readonly stillMs: number | null
  /** From when it came until whoever was hurt was there again: how long it lasted, and a start anew. */
  readonly againMs: number | null
}

export interface RunOutcome {
  readonly violations: readonly string[]
  readonly faults: readonly FaultOutcome[]
  readonly ms: number
}

/** An experiment that does not end so long after its last fault stands still. */
const endMs = 300_000
const wholeMs = 240_000
const orphanMs = 10_000
/** After a violation so many are shown. */
const lastEvents = 30

export interface RunOptions {
  /** Whether the command line and the replicas are looked at, too: it takes seconds. */
  readonly thorough: boolean
  readonly size?: Size
  readonly say: (line: string) => void
}

export async function runPlan(
  world: World,
  plan: Plan,
  id: string,
  { thorough, size, say }: RunOptions,
): Promise<RunOutcome> {
  const { bus, folder } = world
  const began = performance.now()
  const { expected, module, context } = experimentOf(plan.context, id, folder, size)
  const overheard = new Overheard(bus, world.raw, id)
  const events: LogEvent[] = []
  const moves: number[] = []
  const over = new AbortController()
  const faults = new Faults(world)
  const due = plan.faults.map((fault): Due => ({ fault, at: null, again: null, work: null }))
  const points = bus.subscribe(subjectFor(metrics, { worker: '*', experiment: id, trial: '*' }), () => {
    moves.push(performance.now())
    overheard.moved()
  })

  const failures: unknown[] = []
  const strike = async (one: Due): Promise<void> => {
    try {
      await sleep(one.fault.afterMs)
      await faults.apply(one.fault, () => {
        one.at = performance.now()
        say(`    ${faultText(one.fault)}`)
      })
      one.again = performance.now()
    } catch (error) {
      failures.push(error)
    }
  }

  const follow = async (): Promise<void> => {
    const subject = subjectFor(log, { experiment: id })
    for await (const entry of bus.streams.follow('log', subject, { signal: over.signal })) {
      for (const event of decodePayload(log, entry.data, subject).events) {
        events.push(event)
        moves.push(performance.now())
        overheard.logged(event)
        for (const one of due) {
          const count = events.filter(({ type }) => type === one.fault.point).length
          if (one.work === null && event.type === one.fault.point && count === one.fault.nth) one.work = strike(one)
        }
        if (event.type === 'experiment.ended') return
      }
    }
  }
  const following = follow()
  const violations: string[] = []
  const mayLoseReports =
    world.servers.count === 1 &&
    plan.faults.some(({ kind, target }) => target === 'server' && (kind === 'kill' || kind === 'disk'))
  try {
    await world.whole(wholeMs)
    await submitted(world, module, context, id)
    const ended = await Promise.race([
      following.then(() => true),
      sleep(endMs, false, { signal: over.signal, ref: false }),
    ])
    for (const { work } of due) await work
    for (const failure of failures) violations.push(`a fault could not be carried out: ${String(failure)}`)
    if (!ended) {
      const last = events.at(-1)?.type ?? 'nothing'
      violations.push(`it stands still: ${events.length} events, the last is ${last}`, ...overheard.silent())
      say(`    ${new Date().toISOString()}: last said ${overheard.lastSaid}`)
    } else {
      // What was heard on the way is compared once the last acknowledgements are through.
      await world.whole(wholeMs)
      violations.push(
        ...(await violationsOf(bus, expected, events, overheard, { mayLoseReports })),
        ...(await orphans(world)),
      )
      if (thorough) violations.push(...(await shown(world, id, expected.trials)), ...(await unequal(world)))
    }
  } catch (error) {
    violations.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  } finally {
    over.abort()
    overheard.stop()
    points.unsubscribe()
    await following.catch(() => undefined) // what it failed with is in the race above
  }
  violations.push(...world.faults.splice(0))
  if (violations.length > 0) for (const event of events.slice(-lastEvents)) say(`    ${JSON.stringify(event)}`)
  const outcomes = due.map(({ fault, at, again }) => ({
    fault,
    stillMs: at === null || again === null ? null : longestPause(moves, at, again),
    againMs: at === null || again === null ? null : again - at,
  }))
  return { violations, faults: outcomes, ms: performance.now() - began }
}

interface Due {
  readonly fault: Fault
  at: number | null
  again: number | null
  work: Promise<void> | null
}

/** The longest time without a move that has a part between two times; what was of it before them does not count. */
function longestPause(moves: readonly number[], from: number, to: number): number {
  const pauses = moves.map((end, place) => {
    const begin = Math.max(from, moves[place - 1] ?? from)
    return begin < to ? end - begin : 0
  })
  return Math.max(0, ...pauses)
}

/** Runners whose worker has gone; a moment is theirs to notice it. */
async function orphans(world: World): Promise<string[]> {
  for (const until = performance.now() + orphanMs; ; await sleep(200)) {
    const workers = new Set([...world.actors.values()].map(({ child }) => child?.pid))
    const left = world.processes().filter((one) => isRunner(one) && !workers.has(one.parent))
    if (left.length === 0) return []
    if (performance.now() > until) return left.map(({ pid, command }) => `${pid} is an orphan: ${command}`)
  }
}

/** Submits until a driver has accepted it. */
export async function submitted(
  { bus }: Pick<World, 'bus'>,
  module: string,
  context: ContextOf,
  id: string,
): Promise<void> {
  const { experiment, bundle: made } = await loaded(module)
  const { code, sha256, module: name } = made
  await bus.blobs.put(bundleBucket, sha256, code)
  const bundle = { sha256, bytes: code.length, module: name }
  const whole = await withComponents(experiment, context)
  for (;;) {
    try {
      await ask(bus, submit, {}, submission(id, whole, bundle), { timeoutMs: 5_000 })
      return
    } catch (error) {
      const code = codeOf(error) ?? ''
      if (!['BUS_TIMEOUT', 'BUS_NO_RESPONDERS', 'BUS_DISCONNECTED', 'BUS_NO_LEADER'].includes(code)) throw error
      await sleep(200)
    }
  }
}

const modules = new Map<string, ReturnType<typeof loadExperiment>>()

/** Bundled once. */
async function loaded(module: string): ReturnType<typeof loadExperiment> {
  provideHost(await import('../../src/index.ts'))
  const known = modules.get(module) ?? loadExperiment(module)
  modules.set(module, known)
  return await known
}

const submission = (
  experiment: string,
  { context }: ContextOf,
  bundle: { readonly sha256: string; readonly bytes: number; readonly module: string },
) => ({ experiment, name: 'chaos', contextName: 'chaos', context, bundle })

/** What the command line says of it is the same. */
async function shown({ servers, folder }: World, id: string, trials: number): Promise<string[]> {
  const env = { MAGGY_SERVER: servers.url, MAGGY_KNOWN_SERVERS: '' }
  const { stdout, stderr, code } = await maggy(['show', id, '--json', '--all'], { env, cwd: folder })
  const { stdout: list } = await maggy(['ls', '--json'], { env, cwd: folder })
  if (code !== 0) return [`maggy show ended with ${code}: ${stderr}`]
  const { result } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { readonly result: Result }
  const { state, counts } = result
  const listed = list.split('\n').filter((line) => line.includes(`"${id}"`) && line.includes('"done"'))
  return [
    ...(state === 'done' && counts.done === trials ? [] : [`maggy show says ${state}, ${JSON.stringify(counts)}`]),
    ...(listed.length === 1 ? [] : [`maggy ls says of it: ${listed.join(' ') || 'nothing'}`]),
  ]
}

/** What each member of the cluster has of the log is the same. */
export async function unequal({ servers }: World): Promise<string[]> {
  if (servers.count === 1) return []
  const digests = await Promise.all(
    Array.from({ length: servers.count }, async (_, member) => {
      const one = await connectNats({
        server: `nats://${servers.token}@127.0.0.1:${servers.port(member)}`,
        name: 'reader',
      })
      const digest = await replicaDigest(one, 'MAGGY_LOG')
      await one.close()
      return digest
    }),
  )
  return new Set(digests).size === 1 ? [] : [`the replicas of the log differ: ${digests.join(' ')}`]
}
