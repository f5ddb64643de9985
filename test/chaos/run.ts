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
import { experimentOf } from './experiments.ts'
import { Faults } from './faults.ts'
import { Overheard } from './overhear.ts'
import { faultText, type Fault, type Plan } from './plan.ts'
import type { World } from './world.ts'

export interface FaultOutcome {
  readonly fault: Fault
  /** From when it came until something went on; null: it did not come, or the experiment was over. */
  readonly recoveryMs: number | null
}

export interface RunOutcome {
  readonly violations: readonly string[]
  readonly faults: readonly FaultOutcome[]
  readonly ms: number
}

/** An experiment that does not end so long after its last fault stands still. */
const endMs = 300_000
const wholeMs = 120_000

export interface RunOptions {
  /** Whether the command line and the replicas are looked at, too: it takes seconds. */
  readonly thorough: boolean
  readonly say: (line: string) => void
}

export async function runPlan(
  world: World,
  plan: Plan,
  id: string,
  { thorough, say }: RunOptions,
): Promise<RunOutcome> {
  const { bus, folder } = world
  const began = performance.now()
  const { expected, module, context } = experimentOf(plan.context, id, folder)
  const overheard = new Overheard(bus, world.raw, id)
  const events: LogEvent[] = []
  const moves: number[] = []
  const over = new AbortController()
  const faults = new Faults(world)
  const due = plan.faults.map((fault) => ({ fault, at: null as number | null, work: null as Promise<void> | null }))
  const moved = (): void => {
    moves.push(performance.now())
    overheard.moved()
  }
  const points = bus.subscribe(subjectFor(metrics, { worker: '*', experiment: id, trial: '*' }), moved)

  const strike = (one: (typeof due)[number]): Promise<void> =>
    sleep(one.fault.afterMs).then(() =>
      faults.apply(one.fault, () => {
        one.at = performance.now()
        say(`    ${faultText(one.fault)}`)
      }),
    )

  const follow = async (): Promise<void> => {
    const subject = subjectFor(log, { experiment: id })
    for await (const entry of bus.streams.follow('log', subject, { signal: over.signal })) {
      for (const event of decodePayload(log, entry.data, subject).events) {
        events.push(event)
        moved()
        for (const one of due) {
          const count = events.filter(({ type }) => type === one.fault.point).length
          if (one.work === null && event.type === one.fault.point && count === one.fault.nth) one.work = strike(one)
        }
        if (event.type === 'experiment.ended') return
      }
    }
  }
  const following = follow()
  let violations: string[] = []
  try {
    await world.whole(wholeMs)
    await submitted(world, module, context, id)
    const ended = await Promise.race([
      following.then(() => true),
      sleep(endMs, false, { signal: over.signal, ref: false }),
    ])
    await Promise.all(due.flatMap(({ work }) => (work === null ? [] : [work])))
    if (!ended) {
      const last = events.at(-1)?.type ?? 'nothing'
      violations.push(`it stands still: ${events.length} events, the last is ${last}`, ...overheard.silent())
    } else {
      // What was heard on the way is compared once the last acknowledgements are through.
      await world.whole(wholeMs)
      violations = await violationsOf(bus, expected, events, overheard)
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
  const outcomes = due.map(({ fault, at }) => {
    const next = at === null ? undefined : moves.find((time) => time > at + 20)
    return { fault, recoveryMs: at === null || next === undefined ? null : next - at }
  })
  return { violations, faults: outcomes, ms: performance.now() - began }
}

/** Submits until a driver has accepted it. */
export async function submitted(world: World, module: string, context: ContextOf, id: string): Promise<void> {
  const { bus } = world
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
