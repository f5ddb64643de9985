/** Streams on a cluster of three real servers: leaders that vanish, members that lose their disks, entries that have rotted. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectRaw, headers } from 'nats'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  bundleBucket,
  checkpointBucket,
  codeOf,
  decodePayload,
  isProblem,
  log,
  metrics,
  streams,
  subjectFor,
  type LogEvent,
} from '../../protocol/index.ts'
import { spawnActor } from '../../src/actor/index.ts'
import { connectNats, type Bus, type Entry, type Fault } from '../../src/bus/index.ts'
import { violationsOf } from '../chaos/checks.ts'
import { experimentOf, type Size } from '../chaos/experiments.ts'
import { Overheard } from '../chaos/overhear.ts'
import type { ContextName } from '../chaos/plan.ts'
import { submitted } from '../chaos/run.ts'
import { replicaDigest, startTestCluster, streamInfo, type TestCluster } from '../support/cluster.ts'
import { allowSteps } from '../support/pace.ts'
import { freePort, startTestServer } from '../support/server.ts'

let cluster: TestCluster
let bus: Bus
const faults: Fault[] = []
beforeAll(async () => {
  cluster = await startTestCluster()
  bus = await connectNats({ server: cluster.url, onFault: (fault) => faults.push(fault) })
})
afterAll(async () => {
  await bus.close()
  await cluster.stop()
})

const logStream = streams.log.name
const all = [logStream, streams.telemetry.name, `OBJ_${bundleBucket}`, `OBJ_${checkpointBucket}`]
const copies = async () =>
  await Promise.all(all.map(async (stream) => (await streamInfo(bus, stream)).config.num_replicas))

const unanswered = ['BUS_TIMEOUT', 'BUS_NO_RESPONDERS', 'BUS_NO_LEADER', 'BUS_DISCONNECTED'] as const

/** Appends, as the writer of a log does: until it is known to be kept. */
async function append(subject: string, value: number, expectedLast: number): Promise<number> {
  for (;;) {
    try {
      return await bus.streams.append(subject, Uint8Array.of(value), { expectedLast, id: `${subject}-${value}` })
    } catch (error) {
      if (!isProblem(error, ...unanswered)) throw error
      await delay(50)
    }
  }
}

/** undefined: while its members choose a leader, nobody answers. */
async function infoIfAny(stream: string) {
  try {
    return await streamInfo(bus, stream)
  } catch (error) {
    if (!isProblem(error, ...unanswered)) throw error
    return undefined
  }
}

async function current(stream: string): Promise<void> {
  for (;;) {
    const group = (await infoIfAny(stream))?.cluster
    const replicas = group?.replicas ?? []
    if (group?.leader !== undefined && replicas.length === 2 && replicas.every((one) => one.current)) return
    await delay(50)
  }
}

/** All that has three copies has them. */
async function replicated(): Promise<void> {
  for (const stream of all) if (stream !== streams.telemetry.name) await current(stream)
}

async function valuesOf(subject: string): Promise<number[]> {
  const values: number[] = []
  for await (const { data } of bus.streams.read('log', subject)) values.push(data[0] ?? -1)
  return values
}

const connectUnderneath = async () =>
  await connectRaw({
    servers: cluster.url.split(',').map((url) => url.split('@')[1] ?? ''),
    token: cluster.token,
    maxReconnectAttempts: -1,
  })

const expectReplicasEqual = async (): Promise<void> => {
  await current(logStream)
  const members = await Promise.all([0, 1, 2].map((member) => cluster.connect('reader', member)))
  const digests = await Promise.all(members.map((member) => replicaDigest(member, logStream)))
  expect(new Set(digests).size).toBe(1)
  await Promise.all(members.map((member) => member.close()))
}

test('one copy becomes three when it is asked for, of all but metrics that are kept asynchronously, and three are never made one', async () => {
  await bus.streams.ensure({ replicas: 1 })
  expect(await copies()).toEqual([1, 1, 1, 1])
  expect((await streamInfo(bus, streams.telemetry.name)).config.persist_mode).toBe('async')
  expect(await bus.streams.ensure({ replicas: 3, telemetryReplicas: 3 }).catch(codeOf)).toBe('BUS_TOO_FEW_SERVERS')
  await bus.streams.ensure({ replicas: 3 })
  expect(await copies()).toEqual([3, 1, 3, 3])
  expect(faults.map(({ problem }) => problem.code)).toContain('BUS_TOO_FEW_SERVERS')
  await bus.streams.ensure({ replicas: 1 })
  expect(await copies()).toEqual([3, 1, 3, 3])
})

test('a leader is killed among appends, and a member loses its disk: each entry and blob is there once, and the one in its place has all of it', async () => {
  const subject = subjectFor(log, { experiment: 'killed' })
  await current(logStream)
  const blob = new Uint8Array(1_000_000).map((_, i) => i % 241)
  for (const bucket of [bundleBucket, checkpointBucket]) await bus.blobs.put(bucket, 'kept', blob)
  const values = Array.from({ length: 60 }, (_, value) => value)
  let last = 0
  let killed: Promise<unknown> = Promise.resolve()
  let victim = 0
  for (const value of values) {
    if (value === 20) {
      victim = (await cluster.leader(bus, logStream)) ?? 0
      killed = cluster.kill(victim)
    }
    last = await append(subject, value, last)
  }
  await killed
  await cluster.loseDisk(victim)
  await cluster.start(victim)
  expect(await valuesOf(subject)).toEqual(values)
  await expectReplicasEqual()
  // Another one goes: from now on most of the copies count the new one in.
  await replicated()
  const other = (victim + 1) % 3
  await cluster.terminate(other)
  const replaced = await cluster.connect('reader', victim)
  for (const bucket of [bundleBucket, checkpointBucket])
    expect(Buffer.compare((await replaced.blobs.get(bucket, 'kept')) ?? new Uint8Array(), blob)).toBe(0)
  expect(await append(subject, 60, last)).toBeGreaterThan(last)
  await replaced.close()
  await cluster.start(other)
})

test('a blob is written and read while a member hands over and comes back', async () => {
  const data = new Uint8Array(3_000_000).map((_, i) => i % 251)
  const putting = bus.blobs.put(bundleBucket, 'b', data)
  const victim = (await cluster.leader(bus, `OBJ_${bundleBucket}`)) ?? 0
  await cluster.terminate(victim)
  await putting
  expect(Buffer.compare((await bus.blobs.get(bundleBucket, 'b')) ?? new Uint8Array(), data)).toBe(0)
  await cluster.start(victim)
})

test('an entry that does not have its checksum is marked and named; one without any is taken as it is', async () => {
  const subject = subjectFor(log, { experiment: 'rotten' })
  await current(logStream)
  const raw = await connectUnderneath()
  const wrong = headers()
  wrong.set('Maggy-Sum', '00000000')
  await raw.request(subject, Uint8Array.of(1), { timeout: 10_000 })
  await raw.request(subject, Uint8Array.of(2), { headers: wrong, timeout: 10_000 })
  await raw.close()
  const read: Entry[] = []
  for await (const entry of bus.streams.read('log', subject)) read.push(entry)
  expect(read.map(({ data, rotten }) => [data[0], rotten])).toEqual([
    [1, undefined],
    [2, true],
  ])
  expect(faults.map(({ kind, problem }) => `${kind}: ${problem.message}`)).toContainEqual(
    expect.stringMatching(/^store: .*rotten.*entry \d+ of MAGGY_LOG does not have its checksum also on the leader/),
  )
})

describe('actors at work', () => {
  let folder: string
  let raw: Awaited<ReturnType<typeof connectRaw>>
  let children: Awaited<ReturnType<typeof spawnActor>>[] = []
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maggy-cluster-'))
    raw = await connectUnderneath()
    const common = ['--server', cluster.url, '--log-level', 'error']
    const roles = ['driver', 'optimizer', 'worker', 'worker', 'worker'] as const
    children = await Promise.all(
      roles.map((role) => spawnActor(role, role === 'worker' ? [...common, '--threads', '1'] : common)),
    )
  })
  afterAll(async () => {
    await Promise.all(children.map((child) => child.stop(3000)))
    await raw.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** An experiment of chaos, with its events as they come. */
  async function begun(name: ContextName, size: Size) {
    const { expected, module, context } = experimentOf(name, `replaced-${name}`, folder, size)
    const overheard = new Overheard(bus, raw, expected.id)
    bus.subscribe(subjectFor(metrics, { worker: '*', experiment: expected.id, trial: '*' }), () => overheard.moved())
    const events: LogEvent[] = []
    let heard = (): void => undefined
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await new Promise<void>((resolve) => (heard = resolve))
    }
    await submitted({ bus }, module, context, expected.id)
    const { signal } = new AbortController()
    const follow = async (): Promise<void> => {
      const subject = subjectFor(log, { experiment: expected.id })
      for await (const entry of bus.streams.follow('log', subject, { signal })) {
        for (const event of decodePayload(log, entry.data, subject).events) {
          events.push(event)
          overheard.logged(event)
        }
        heard()
        if (events.at(-1)?.type === 'experiment.ended') return
      }
    }
    const ended = follow()
    const count = (type: LogEvent['type']): number => events.filter((event) => event.type === type).length
    return {
      /** Resolves when so many events of this type are in the log. */
      until: (type: LogEvent['type'], times = 1) => until(() => count(type) >= times),
      goesOn: () => count('experiment.ended') === 0,
      async violations(may: { readonly mayLoseReports?: boolean } = {}) {
        await ended
        overheard.stop()
        return await violationsOf(bus, expected, events, overheard, may)
      },
    }
  }

  test('the leader of the log vanishes with its disk during a search and a training, and another takes its place: nothing is lost', async () => {
    await replicated()
    const pace = join(folder, 'pace')
    allowSteps(pace, 3)
    const search = await begun('search', { trials: 12, stepMs: 50, pace })
    await search.until('trial.ended', 2)
    const victim = (await cluster.leader(bus, logStream)) ?? 0
    // Of metrics there is one copy, made in the first test: it is gone if it lay there.
    const mayLoseReports = (await cluster.leader(bus, streams.telemetry.name)) === victim
    const training = await begun('training', { epochs: 12 })
    await training.until('ring.formed')
    allowSteps(pace, 12)
    await cluster.kill(victim)
    expect([training.goesOn(), search.goesOn()]).toEqual([true, true])
    await cluster.loseDisk(victim)
    await cluster.start(victim)
    expect(await Promise.all([training.violations(), search.violations({ mayLoseReports })])).toEqual([[], []])
    await expectReplicasEqual()
  })
})

describe('addresses', () => {
  test('the first of several may be of no server: the next one is greeted, and connected to', async () => {
    const dead = await freePort()
    const greeted: string[] = []
    const other = await connectNats({
      server: `nats://127.0.0.1:${dead},nats://127.0.0.1:${cluster.port(1)}`,
      token: () => cluster.token,
      greeted: (_, { name }) => void greeted.push(name),
    })
    expect(greeted).toEqual(['test'])
    await other.close()
  })

  test('one server alone keeps no three copies, and says so', async () => {
    const server = await startTestServer()
    const alone = await server.connect()
    expect(await alone.streams.ensure({ replicas: 3 }).catch(codeOf)).toBe('BUS_TOO_FEW_SERVERS')
    await alone.close()
    await server.stop()
  })
})
