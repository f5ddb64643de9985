/** A cluster of real nats-servers on loopback, each in a folder of its own: members may be killed, frozen, started again, and lose their disks. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectNats, type Bus } from '../../src/bus/index.ts'
import { startServer, type RunningServer } from '../../src/server/index.ts'
import { endServer, freePort } from './server.ts'

export interface TestCluster {
  /** The addresses of all members, with commas, the token in each. */
  readonly url: string
  readonly token: string
  readonly names: readonly string[]
  /** The client port of a member. */
  port(member: number): number
  /** 0: it does not run. */
  pid(member: number): number
  /** kill -9, and gone when it resolves. */
  kill(member: number): Promise<void>
  /** SIGTERM: it hands its leaderships over. */
  terminate(member: number): Promise<void>
  start(member: number): Promise<void>
  /** Everything that the member has kept goes. */
  loseDisk(member: number): Promise<void>
  /** The member that leads a stream; undefined: none does. */
  leader(bus: Bus, stream: string): Promise<number | undefined>
  /** `member`: to this one alone. */
  connect(name?: string, member?: number): Promise<Bus>
  stop(): Promise<void>
}

export interface StreamInfo {
  readonly config: { readonly num_replicas: number; readonly persist_mode?: string }
  readonly state: { readonly messages: number; readonly last_seq: number }
  readonly cluster?: {
    readonly leader?: string
    readonly replicas?: readonly {
      readonly name: string
      readonly current: boolean
      readonly offline?: boolean
      readonly lag?: number
    }[]
  }
}

/** What the servers say of a stream. */
export async function streamInfo(bus: Bus, stream: string): Promise<StreamInfo> {
  const data = await bus.request(`$JS.API.STREAM.INFO.${stream}`, new Uint8Array(), { timeoutMs: 2_000 })
  return JSON.parse(new TextDecoder().decode(data)) as StreamInfo
}

/** A hash of all that one member has of a stream: a direct get is answered by the member that is asked, where it has a copy. */
export async function replicaDigest(bus: Bus, stream: string): Promise<string> {
  const hash = createHash('sha256')
  const { state } = await streamInfo(bus, stream)
  for (let seq = 1; seq <= state.last_seq; seq += 1) {
    const ask = new TextEncoder().encode(JSON.stringify({ seq }))
    const data = await bus.request(`$JS.API.DIRECT.GET.${stream}`, ask, { timeoutMs: 5_000 })
    hash.update(`${seq}:${data.length}:`).update(data)
  }
  return hash.digest('hex')
}

export interface ClusterOptions {
  readonly members?: number
  /** What the routes of a member go through, by the peer port of the other (a proxy); default: nothing. */
  readonly via?: (from: number, to: number, peerPort: number) => Promise<number>
  readonly folder?: string
  /** Whether clients learn of the other members' addresses. Default: they do. */
  readonly advertise?: boolean
}

const triesToStart = 3

/** Resolves when all members run and know each other. A port that was free may be somebody else's a moment later: then others are taken. */
export async function startTestCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  for (let left = triesToStart; ; left -= 1) {
    try {
      return await startOnce(options)
    } catch (error) {
      if (left === 1) throw error
    }
  }
}

async function startOnce({ members = 3, via, folder, advertise = true }: ClusterOptions = {}): Promise<TestCluster> {
  const root = folder ?? (await mkdtemp(join(tmpdir(), 'maggy-cluster-')))
  const token = randomBytes(12).toString('base64url')
  const all = [...Array(members).keys()]
  const ports = await Promise.all(all.map(() => freePort()))
  const peerPorts = await Promise.all(all.map(() => freePort()))
  const names = all.map((member) => `n${member}`)
  const servers: (RunningServer | undefined)[] = all.map(() => undefined)
  const folderOf = (member: number): string => join(root, names[member] ?? '')

  const start = async (member: number): Promise<void> => {
    const routes = await Promise.all(
      all
        .filter((other) => other !== member)
        .map(async (other) => (await via?.(member, other, peerPorts[other] ?? 0)) ?? peerPorts[other]),
    )
    servers[member] = await startServer({
      port: ports[member] ?? 0,
      token,
      data: folderOf(member),
      cluster: {
        name: 'test',
        member: names[member] ?? '',
        peerPort: peerPorts[member] ?? 0,
        advertise,
        routes: routes.map((port) => `127.0.0.1:${port}`).join(','),
      },
    })
  }
  const end = async (member: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    const server = servers[member]
    servers[member] = undefined
    if (server !== undefined) await endServer(server, signal)
  }
  const url = ports.map((port) => `nats://${token}@127.0.0.1:${port}`).join(',')
  const connect = async (name = 'test', member?: number): Promise<Bus> =>
    connectNats({ server: member === undefined ? url : (url.split(',')[member] ?? ''), name })
  const starts = await Promise.allSettled(all.map((member) => start(member)))
  const failed = starts.find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') {
    await Promise.all(all.map((member) => end(member, 'SIGKILL')))
    throw failed.reason
  }
  return {
    url,
    token,
    names,
    port: (member) => ports[member] ?? 0,
    pid: (member) => servers[member]?.pid ?? 0,
    kill: (member) => end(member, 'SIGKILL'),
    terminate: (member) => end(member, 'SIGTERM'),
    start,
    loseDisk: (member) => rm(folderOf(member), { recursive: true, force: true }),
    async leader(bus, stream) {
      const member = names.indexOf((await streamInfo(bus, stream)).cluster?.leader ?? '')
      return member === -1 ? undefined : member
    },
    connect,
    async stop() {
      await Promise.all(all.map((member) => end(member, 'SIGKILL')))
      if (folder === undefined) await rm(root, { recursive: true, force: true })
    },
  }
}
