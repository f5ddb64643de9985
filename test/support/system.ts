/** The whole system as real processes: a nats-server that syncs, a driver, an optimizer, an ablator, workers. For benches and system tests. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  announce,
  decodePayload,
  log,
  metrics,
  subjectFor,
  submit,
  type LogEvent,
  type Submission,
} from '../../protocol/index.ts'
import { spawnActor, type Child } from '../../src/actor/index.ts'
import { bundleBucket } from '../../protocol/index.ts'
import { bundleModule } from '../../src/bundle/index.ts'
import type { Role } from '../../protocol/index.ts'
import { accessTo } from '../../src/access/index.ts'
import { Authority, mainTenant } from '../../src/auth/index.ts'
import { ask, connectNats, hear, type Bus } from '../../src/bus/index.ts'
import type { ContextOf } from '../../src/experiment/index.ts'
import { startServer, type RunningServer } from '../../src/server/index.ts'
import type { TestCluster } from './cluster.ts'

export interface System {
  /** Throws on a cluster, which has several. */
  readonly server: RunningServer
  /** kill -9 of nats-server, and a new one on the same port and data. */
  killServer(): Promise<void>
  readonly bus: Bus
  /** What nats-server has said. */
  readonly log: readonly string[]
  /** A file of credentials for somebody; undefined: the system is not secured. */
  creds(role: Role, name: string): Promise<string | undefined>
  /** Starts an actor against this system's server. */
  actor(name: 'driver' | 'optimizer' | 'ablator' | 'worker', ...args: string[]): Promise<Child>
  /** Starts workers and waits until they have announced themselves. */
  workers(count: number, ...args: string[]): Promise<Child[]>
  /** Bundles a module, submits it, and resolves once it is accepted. */
  submit(module: string, context: ContextOf, id: string): Promise<Submission>
  /** The events of an experiment, as they are kept, until it has ended. */
  events(experiment: string, signal?: AbortSignal): AsyncGenerator<LogEvent>
  /** All of them, once it has ended. */
  ended(experiment: string): Promise<LogEvent[]>
  stop(): Promise<void>
}

interface SystemOptions {
  /** Under an authority, by TLS: each actor comes with credentials of its own, `bus` with a driver's and submissions with a client's. */
  readonly secured?: boolean
  /** In the place of a server of its own. It is not stopped with the system. */
  readonly cluster?: TestCluster | undefined
}

export async function startSystem({ secured = false, cluster }: SystemOptions = {}): Promise<System> {
  const data = await mkdtemp(join(tmpdir(), 'maggy-system-'))
  const authority = secured
    ? await Authority.init(join(data, 'authority'), { hosts: [], port: 4222, days: 1 })
    : undefined
  const said: string[] = []
  const start = (change: { readonly port: number; readonly token?: string }) =>
    startServer({
      ...change,
      data: join(data, 'server'),
      onLog: (line) => said.push(line),
      ...(authority === undefined ? {} : { auth: join(data, 'authority', 'server') }),
    })
  let own = cluster === undefined ? await start({ port: 0 }) : undefined
  const serverNow = (): RunningServer => {
    if (own === undefined) throw new Error('a cluster has several servers')
    return own
  }
  const url = cluster?.url ?? serverNow().url
  const creds = async (role: Role, name: string): Promise<string | undefined> =>
    await authority?.addUser(role, name, { tenant: mainTenant, days: 1 })
  const accessOf = async (role: Role) => accessTo({ creds: await creds(role, `test-${role}`) }, [role])
  const bus = await connectNats({ server: url, name: 'test', ...(await accessOf('driver')) })
  const client = secured ? await connectNats({ server: url, name: 'test', ...(await accessOf('client')) }) : bus
  let actors = 0
  await bus.streams.ensure()
  const children: Child[] = []

  const actor: System['actor'] = async (name, ...args) => {
    const file = await creds(name, `${name}-${(actors += 1)}`)
    const shown = file === undefined ? [] : ['--creds', file]
    const common = ['--server', url, '--log-level', 'warn', ...shown]
    // A worker is ready once all its runners are, and they take their time on a machine that has other work.
    const slots = args.includes('--slots') ? Number(args[args.indexOf('--slots') + 1]) : 1
    const readyTimeoutMs = 60_000 + 10_000 * slots
    const child = await spawnActor(name, [...common, ...args], { stdio: 'ignore', readyTimeoutMs })
    children.push(child)
    return child
  }

  async function* events(experiment: string, signal = new AbortController().signal): AsyncGenerator<LogEvent> {
    const subject = subjectFor(log, { experiment })
    const over = new AbortController()
    const both = AbortSignal.any([signal, over.signal])
    try {
      for await (const entry of client.streams.follow('log', subject, { signal: both })) {
        const batch = decodePayload(log, entry.data, subject).events
        for (const event of batch) yield event
        if (batch.at(-1)?.type === 'experiment.ended') return
      }
    } finally {
      over.abort()
    }
  }

  return {
    get server() {
      return serverNow()
    },
    bus,
    log: said,
    creds,
    actor,
    events,
    async killServer() {
      const { pid, port, token, ended } = serverNow()
      process.kill(pid, 'SIGKILL')
      await ended
      own = await start({ port, ...(token === undefined ? {} : { token }) })
    },
    async workers(count, ...args) {
      const seen = new Set<string>()
      const all = new Promise<void>((resolve) => {
        const subscription = hear(bus, announce, { worker: '*' }, (_, { worker }) => {
          seen.add(worker)
          if (seen.size < count) return
          subscription.unsubscribe()
          resolve()
        })
      })
      await bus.flush()
      const started = await Promise.all(Array.from({ length: count }, () => actor('worker', ...args)))
      await all
      return started
    },
    async submit(module, { context }, id) {
      const { code, sha256, module: name } = await bundleModule(module)
      await bus.blobs.put(bundleBucket, sha256, code)
      const bundle = { sha256, bytes: code.length, module: name }
      const submission = { experiment: id, name: 'test', contextName: 'test', context, bundle }
      await ask(client, submit, {}, submission, { timeoutMs: 30_000 })
      return submission
    },
    async ended(experiment) {
      const kept: LogEvent[] = []
      for await (const event of events(experiment)) kept.push(event)
      return kept
    },
    async stop() {
      await Promise.all(children.map((child) => child.stop(3000)))
      if (client !== bus) await client.close()
      await bus.close()
      await own?.stop()
      await rm(data, { recursive: true, force: true })
    },
  }
}

/** Resolves when an event of the log fits; rejects if the experiment ends without. */
export async function until<E extends LogEvent['type']>(
  system: System,
  experiment: string,
  type: E,
  fits: (event: Extract<LogEvent, { type: E }>) => boolean = () => true,
): Promise<Extract<LogEvent, { type: E }>> {
  const over = new AbortController()
  try {
    for await (const event of system.events(experiment, over.signal)) {
      if (event.type !== type) continue
      const typed = event as Extract<LogEvent, { type: E }>
      if (fits(typed)) return typed
    }
  } finally {
    over.abort()
  }
  throw new Error(`${experiment} ended without ${type}`)
}

/** Resolves once a trial has reported this step, or a later one. */
export async function untilStep(system: System, experiment: string, step: number, trial = 0): Promise<void> {
  const over = new AbortController()
  const subject = subjectFor(metrics, { worker: '*', experiment, trial: String(trial) })
  try {
    for await (const entry of system.bus.streams.follow('telemetry', subject, { signal: over.signal })) {
      const { points } = decodePayload(metrics, entry.data, entry.subject)
      if (points.some((point) => point.step >= step)) return
    }
  } finally {
    over.abort()
  }
  throw new Error(`${experiment} never came to step ${step}`)
}
