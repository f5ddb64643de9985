/**
 * The system that chaos comes upon: a server or a cluster of three, two drivers, an optimizer and an ablator, three workers, as processes,
 * each actor behind links of its own. Whoever ends is started again, as a supervisor would do it.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectRaw, type NatsConnection } from 'nats'
import { ping } from '../../protocol/index.ts'
import { spawnActor, type Child } from '../../src/actor/index.ts'
import { ask, connectNats, type Bus } from '../../src/bus/index.ts'
import { streamInfo } from '../support/cluster.ts'
import { clockEnvironment, setClock } from './clock.ts'
import { startLink, type Link } from './link.ts'
import { markedWith, type Process } from './processes.ts'
import { startServers, type Servers } from './servers.ts'

export interface Actor {
  readonly name: string
  readonly role: 'driver' | 'optimizer' | 'ablator' | 'worker'
  readonly links: readonly Link[]
  /** The file that its clock follows, where it can be set. */
  readonly clock: string | undefined
  /** undefined: it has ended, and is being started again. */
  child: Child | undefined
}

export interface World {
  /** Of who looks on: past all links. */
  readonly bus: Bus
  /** The same, for what is between others. */
  readonly raw: NatsConnection
  readonly servers: Servers
  readonly actors: ReadonlyMap<string, Actor>
  readonly folder: string
  /** Processes of the actors, runners too. */
  processes(): readonly Process[]
  /** What ended unasked, or said that something is wrong with maggy itself. */
  readonly faults: string[]
  /** Resolves when all that should run does, and works; rejects with what does not after so long. */
  whole(ms: number): Promise<void>
  /** Ends everything. Gives processes of its own that are left. */
  stop(): Promise<readonly string[]>
}

export interface WorldOptions {
  readonly cluster: boolean
  /** Each server has a disk of 96 MiB of its own; needs the right to mount. */
  readonly smallDisk?: boolean
  /** libfaketime, which lets the clocks of actors be set. */
  readonly faketime?: string | undefined
}

const restartMs = 150
const mark = 'MAGGY_CHAOS'
/** Of one that has several, runners take what any of them hands over. */
const slotsOf = { 'worker-1': 1, 'worker-2': 1, 'worker-3': 3 } as const

export async function startWorld({ cluster, smallDisk = false, faketime }: WorldOptions): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'maggy-chaos-'))
  const servers = await startServers(folder, cluster, smallDisk)
  const bus = await connectNats({ server: servers.url, name: 'chaos' })
  const addresses = servers.url.split(',').map((url) => url.replace(/^.*@/, ''))
  const raw = await connectRaw({ servers: addresses, token: servers.token, maxReconnectAttempts: -1 })
  await bus.streams.ensure()
  const actors = new Map<string, Actor>()
  const faults: string[] = []
  const id = randomBytes(6).toString('hex')
  const processes = (): Process[] => markedWith(`${mark}=${id}`)
  const stopping = new AbortController()

  /** Started, and started again whenever it ends. */
  async function keep(actor: Actor, args: readonly string[]): Promise<void> {
    const server = actor.links.map(({ port }) => `nats://${servers.token}@127.0.0.1:${port}`).join(',')
    const common = ['--server', server, '--log-level', 'error', '--connect-timeout', '120']
    while (!stopping.signal.aborted) {
      try {
        const child = await spawnActor(actor.role, [...common, ...args], {
          env: {
            [mark]: id,
            MAGGY_KNOWN_SERVERS: '',
            ...(actor.clock === undefined || faketime === undefined ? {} : clockEnvironment(faketime, actor.clock)),
          },
          readyTimeoutMs: 180_000,
        })
        actor.child = child
        if (stopping.signal.aborted) await child.stop(5_000)
        const { code } = await child.exited
        if (code !== null && code !== 0 && code !== 143)
          faults.push(`${actor.name} ended with ${code}: ${child.stderrTail()}`)
      } catch (error) {
        // It was killed while it started, which is a fault like others.
        if (!stopping.signal.aborted) faults.push(...unexpected(actor.name, error))
      }
      actor.child = undefined
      if (!stopping.signal.aborted) await sleep(restartMs)
    }
  }

  const kept: Promise<void>[] = []
  async function add(name: string, role: Actor['role'], ...args: string[]): Promise<void> {
    const links = await Promise.all(
      Array.from({ length: servers.count }, (_, member) => startLink(servers.port(member))),
    )
    const clock = faketime === undefined ? undefined : join(folder, `${name}.clock`)
    if (clock !== undefined) await setClock(clock, 0)
    const actor: Actor = { name, role, links, clock, child: undefined }
    actors.set(name, actor)
    kept.push(keep(actor, args))
  }
  for (const name of ['driver-1', 'driver-2']) await add(name, 'driver', '--id', name)
  await add('suggester', 'optimizer', '--id', 'suggester')
  await add('ablator', 'ablator', '--id', 'ablator')
  for (const [name, slots] of Object.entries(slotsOf)) {
    await add(name, 'worker', '--id', name, '--slots', String(slots), '--threads', '1')
  }

  const lacking = async (): Promise<string | undefined> => {
    for (let member = 0; member < servers.count; member += 1) if (servers.pid(member) === 0) return `server ${member}`
    for (const { name, child } of actors.values()) if (child === undefined) return name
    if (servers.count > 1) {
      const { cluster: group } = await streamInfo(bus, 'MAGGY_LOG')
      if (group?.leader === undefined) return 'a leader of the log'
      const late = group.replicas?.find((one) => !one.current)
      if (late !== undefined) return `the replica on ${late.name}`
    }
    for (const { name, role } of actors.values())
      if (role === 'worker') await ask(bus, ping, { worker: name }, {}, { timeoutMs: 1_000 })
    return undefined
  }

  return {
    bus,
    raw,
    servers,
    actors,
    folder,
    faults,
    processes,
    async whole(ms) {
      for (const until = performance.now() + ms; ; await sleep(100)) {
        const missing = await lacking().catch((error: unknown) => String(error))
        if (missing === undefined) return
        if (performance.now() > until) throw new Error(`not whole after ${ms} ms: ${missing}`)
      }
    },
    async stop() {
      stopping.abort()
      for (const { links } of actors.values()) for (const link of links) link.heal()
      await Promise.all([...actors.values()].flatMap(({ child }) => (child === undefined ? [] : [child.stop(8_000)])))
      await Promise.all(kept)
      await bus.close()
      await raw.close()
      await servers.stop()
      await Promise.all([...actors.values()].flatMap(({ links }) => links.map((link) => link.stop())))
      await sleep(500)
      const left = processes()
      for (const { pid } of left) process.kill(pid, 'SIGKILL')
      await rm(folder, { recursive: true, force: true })
      return left.map(({ pid, command }) => `${pid}: ${command}`)
    },
  }
}

/** A start that a fault ended says so by its signal, or that no server was there. */
function unexpected(name: string, error: unknown): string[] {
  const said = error instanceof Error ? error.message : String(error)
  return /ended \((SIGKILL|SIGTERM|143|69)\)/.test(said) ? [] : [`${name} did not start: ${said}`]
}
