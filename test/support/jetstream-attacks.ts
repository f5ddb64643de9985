/**
 * Attacks on the edges of JetStream and of the server, by what it has learnt lately: batches, schedules, time to live, counters, mirrors, traces.
 * Some are tried by every role that may write anything into a stream.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { headers as natsHeaders, type MsgHdrs, type NatsConnection } from 'nats'
import { encode, type Role } from '../../protocol/index.ts'
import { heard, intrude, settled, stolen, stolenBy, type Attack } from './intruder.ts'
import type { Secured } from './secured.ts'

const evil = encode({ evil: true })
const others = ['worker', 'runner', 'client', 'optimizer', 'ablator', 'board'] as const
const victim = { role: 'worker' as const, name: 'victim', subject: 'maggy.*.call.worker.victim.assign' }
const assignOfVictim = 'maggy.v1.call.worker.victim.assign'
/** What a runner may write: its worker's output, which a stream keeps. */
const own = `maggy.v1.worker.${stolen}.output.e.0`

const withHeaders = (values: Readonly<Record<string, string>>): MsgHdrs => {
  const made = natsHeaders()
  for (const [name, value] of Object.entries(values)) made.set(name, value)
  return made
}

/** Somebody's request to the server; undefined: refused, or not answered. */
async function asked(
  attacker: NatsConnection,
  subject: string,
  payload: string | Uint8Array = '',
  more: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  try {
    const { data } = await attacker.request(subject, payload, { timeout: 400, headers: withHeaders(more) })
    return new TextDecoder().decode(data)
  } catch {
    return undefined
  }
}

const met = new WeakMap<Secured, Promise<NatsConnection[]>>()
/** Somebody of each role but drivers; they go with the server. */
async function everybody(secured: Secured): Promise<NatsConnection[]> {
  const known = met.get(secured) ?? Promise.all(others.map((role) => intrude(secured, role, stolenBy(role))))
  met.set(secured, known)
  return await known
}

/** Whether any role but drivers is answered on a subject, with what is no error. */
const answered = (name: string, subject: string, payload: object | string = ''): Attack => ({
  name,
  run: async (secured) => {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    const answers = await Promise.all((await everybody(secured)).map((attacker) => asked(attacker, subject, text)))
    return answers.some((answer) => answer !== undefined && !answer.includes('"error"'))
  },
})

/** Whether a subject can be heard by any role but drivers, while drivers and the store are at work. */
const overheard = (name: string, subject: string): Attack => ({
  name,
  run: async (secured) => {
    let got = 0
    const attackers = await everybody(secured)
    const listening = attackers.map((attacker) =>
      attacker.subscribe(subject, { callback: (error) => void (error ?? (got += 1)) }),
    )
    await Promise.all(attackers.map((attacker) => attacker.flush()))
    const driver = await secured.connect('driver', 'd')
    await driver.blobs.put('maggy-checkpoints', 'overheard', randomBytes(100))
    await driver.streams.subjects('log', 'maggy.v1.log.*')
    await settled(...attackers)
    for (const one of listening) one.unsubscribe()
    await driver.close()
    return got > 0
  },
})

/** A message with headers into the stream that keeps a runner's output, and whether somebody hears it elsewhere. */
const delivered = (name: string, how: Readonly<Record<string, string>>, waitMs = 0): Attack => ({
  name,
  run: (secured) =>
    heard(secured, victim, async (attacker) => {
      await asked(attacker, own, evil, how)
      // As long as the server would take.
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    }),
})

/** What is kept of a driver's entry and of the attacker's own, after an attack on what the stream keeps. */
const keptStays = (
  name: string,
  attack: (attacker: NatsConnection) => Promise<unknown>,
  by: Role = 'runner',
): Attack => ({
  name,
  run: async (secured) => {
    const subject = 'maggy.v1.worker.innocent.output.e.0'
    const writer = await secured.connect('runner', 'innocent')
    const driver = await secured.connect('driver', 'd')
    await writer.streams.record(subject, encode({ attempt: 1, lines: [] }), { id: randomUUID() })
    const before = (await driver.streams.last('telemetry', subject))?.sequence
    const attacker = await intrude(secured, by, stolenBy(by))
    await attack(attacker)
    await settled(attacker)
    await attacker.close()
    const after = (await driver.streams.last('telemetry', subject))?.sequence
    await writer.close()
    await driver.close()
    return before === undefined || before !== after
  },
})

/** Whether anything at all comes to a subject of the victim's. */
async function anythingHeard(
  secured: Secured,
  attack: (attacker: NatsConnection) => Promise<unknown>,
): Promise<boolean> {
  const listening = await intrude(secured, victim.role, victim.name)
  const attacker = await intrude(secured, 'runner', stolen)
  let got = 0
  listening.subscribe(victim.subject, { callback: (error) => void (error ?? (got += 1)) })
  await listening.flush()
  await attack(attacker)
  await settled(attacker, listening, attacker, listening)
  await attacker.close()
  await listening.close()
  return got > 0
}

const log = 'MAGGY_LOG'
const republished = { src: '>', dest: assignOfVictim }
const made = { name: 'MINE', subjects: ['mine.>'], storage: 'memory', num_replicas: 1 }

export const jetStreamAttacks: readonly Attack[] = [
  {
    name: "everybody's code purged: a header that replaces all of a bucket, by a client",
    run: async (secured) => {
      const driver = await secured.connect('driver', 'd')
      await driver.blobs.put('maggy-bundles', 'kept', new Uint8Array(100).fill(1))
      const attacker = await intrude(secured, 'client', stolenBy('client'))
      for (const what of ['all', 'sub']) {
        await asked(attacker, '$O.maggy-bundles.M.eA==', evil, { 'Nats-Rollup': what })
        await asked(attacker, '$O.maggy-bundles.C.x', evil, { 'Nats-Rollup': what })
      }
      await attacker.close()
      const found = await driver.blobs.get('maggy-bundles', 'kept')
      await driver.close()
      return found === undefined
    },
  },
  delivered('code on another worker: output with a schedule and a target', {
    'Nats-Schedule': '@at 2020-01-01T00:00:00Z',
    'Nats-Schedule-Target': assignOfVictim,
  }),
  delivered(
    'code on another worker: output that is to be said every second elsewhere',
    { 'Nats-Schedule': '@every 1s', 'Nats-Schedule-Target': assignOfVictim, 'Nats-Schedule-TTL': '1m' },
    1_500,
  ),
  {
    name: 'code on another worker: a bundle with a schedule and a target, by a client',
    run: (secured) =>
      heard(
        secured,
        victim,
        async (attacker) => {
          const how = { 'Nats-Schedule': '@at 2020-01-01T00:00:00Z', 'Nats-Schedule-Target': assignOfVictim }
          await asked(attacker, '$O.maggy-bundles.C.y', evil, how)
        },
        'client',
      ),
  },
  {
    name: "noise on another worker's subject: a header that asks for a trace of one's own output there",
    run: (secured) =>
      anythingHeard(secured, async (attacker) => {
        await asked(attacker, own, evil, { 'Nats-Trace-Dest': assignOfVictim })
        await asked(attacker, own, evil, { 'Nats-Trace-Dest': assignOfVictim, 'Nats-Trace-Only': 'true' })
        const traced = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
        await asked(attacker, own, evil, { ...traced, 'Nats-Trace-Dest': assignOfVictim })
      }),
  },
  {
    name: "another worker's metrics forged: one's own output with the headers by which a stored message names its subject",
    run: async (secured) => {
      const driver = await secured.connect('driver', 'd')
      const attacker = await intrude(secured, 'runner', stolen)
      const innocent = 'maggy.v1.worker.innocent.metrics.forged.0'
      const subject = `maggy.v1.worker.${stolen}.metrics.forged.0`
      await asked(attacker, subject, evil, { 'Nats-Subject': innocent, 'Nats-Sequence': '1', 'Nats-Stream': log })
      await attacker.close()
      const subjects: string[] = []
      // A forged sequence would have it read for ever.
      const most = 5
      for await (const entry of driver.streams.read('telemetry', 'maggy.v1.worker.*.metrics.forged.0'))
        if (subjects.push(entry.subject) > most) break
      await driver.close()
      return subjects.length !== 1 || subjects[0] !== subject
    },
  },
  {
    name: "others' metrics hidden: an entry with the status by which the server ends an answer",
    run: async (secured) => {
      const driver = await secured.connect('driver', 'd')
      const attacker = await intrude(secured, 'runner', stolen)
      const writer = await secured.connect('runner', 'innocent')
      for (const [code, text] of [
        [404, 'Message Not Found'],
        [204, 'EOB'],
        [503, 'No Responders'],
      ] as const) {
        const how = natsHeaders(code, text)
        how.set('Nats-Num-Pending', '0')
        const subject = `maggy.v1.worker.${stolen}.metrics.hidden.0`
        await attacker.request(subject, '', { headers: how, timeout: 400 }).catch(() => undefined)
      }
      await attacker.close()
      await writer.streams.record('maggy.v1.worker.innocent.metrics.hidden.0', evil, { id: randomUUID() })
      const subjects: string[] = []
      for await (const entry of driver.streams.read('telemetry', 'maggy.v1.worker.*.metrics.hidden.0'))
        subjects.push(entry.subject)
      await writer.close()
      await driver.close()
      return !subjects.includes('maggy.v1.worker.innocent.metrics.hidden.0')
    },
  },
  keptStays('a batch that is written as one', async (attacker) => {
    for (const [sequence, commit] of [
      ['1', ''],
      ['2', '1'],
    ] as const)
      await asked(attacker, own, evil, {
        'Nats-Batch-Id': 'b',
        'Nats-Batch-Sequence': sequence,
        ...(commit === '' ? {} : { 'Nats-Batch-Commit': commit }),
      })
  }),
  keptStays('a time to live of one second, and a marker of what was purged', (attacker) =>
    asked(attacker, own, '', { 'Nats-TTL': '1s', 'Nats-Marker-Reason': 'Purge', 'KV-Operation': 'PURGE' }),
  ),
  keptStays("a message in another's place: its sequence expected", (attacker) =>
    asked(attacker, 'maggy.v1.worker.innocent.output.e.0', evil, { 'Nats-Expected-Last-Sequence': '1' }),
  ),
  keptStays("another's record taken for a copy: an acknowledgement of a consumer that is forged", async (attacker) => {
    for (const ack of ['+ACK', '+TERM', '-NAK'])
      attacker.publish('$JS.ACK.MAGGY_TELEMETRY.c.1.1.1.1700000000000000000.0', ack)
  }),
  answered("the log's entries in one answer, by a batch of last ones", `$JS.API.DIRECT.GET.OBJ_maggy-checkpoints`, {
    multi_last: ['>'],
    batch: 100,
  }),
  answered('a stream of its own that says again what it takes', '$JS.API.STREAM.CREATE.MINE', {
    ...made,
    republish: republished,
  }),
  answered('a mirror of the log', '$JS.API.STREAM.CREATE.MINE', { ...made, subjects: [], mirror: { name: log } }),
  answered('a stream that takes from the log', '$JS.API.STREAM.CREATE.MINE', {
    ...made,
    sources: [{ name: log, subject_transforms: [{ src: '>', dest: assignOfVictim }] }],
  }),
  answered('the telemetry said again elsewhere', '$JS.API.STREAM.UPDATE.MAGGY_TELEMETRY', {
    name: 'MAGGY_TELEMETRY',
    republish: republished,
  }),
  answered('a consumer of output that delivers to another worker', '$JS.API.CONSUMER.CREATE.MAGGY_TELEMETRY', {
    stream_name: 'MAGGY_TELEMETRY',
    config: { deliver_subject: assignOfVictim, ack_policy: 'none', deliver_policy: 'all' },
  }),
  answered('the next message of a consumer', '$JS.API.CONSUMER.MSG.NEXT.MAGGY_LOG.c', { batch: 10 }),
  answered('a consumer paused', '$JS.API.CONSUMER.PAUSE.MAGGY_LOG.c', { pause_until: '2099-01-01T00:00:00Z' }),
  answered('a consumer unpinned', '$JS.API.CONSUMER.UNPIN.MAGGY_LOG.c', { group: 'g' }),
  answered('the leader of a stream put down', `$JS.API.STREAM.LEADER.STEPDOWN.${log}`),
  answered('the leader of all put down', '$JS.API.META.LEADER.STEPDOWN'),
  answered('a copy of the log removed', `$JS.API.STREAM.PEER.REMOVE.${log}`, { peer: 'x' }),
  answered('a server removed', '$JS.API.SERVER.REMOVE', { peer: 'x' }),
  answered('the account purged', '$JS.API.ACCOUNT.PURGE.main'),
  answered("names of the account's streams", '$JS.API.STREAM.NAMES'),
  answered("the server's connections", '$SYS.REQ.SERVER.PING.CONNZ'),
  answered('what the server says of itself', '$SYS.REQ.SERVER.PING.VARZ'),
  answered("the account's connections", '$SYS.REQ.ACCOUNT.PING.CONNZ'),
  answered('services that anybody may have', '$SRV.INFO'),
  overheard("what the store's streams take in", '$O.>'),
  overheard('what is asked of JetStream', '$JS.>'),
  overheard('events of JetStream', '$JS.EVENT.>'),
  overheard("the server's own events", '$SYS.ACCOUNT.>'),
  overheard('replies of services between accounts', '_R_.>'),
  overheard('what servers say to each other', '$NRG.>'),
  overheard('questions to services', '$SRV.>'),
  overheard('everything with three tokens', '*.*.*'),
  overheard('every inbox of drivers', '_INBOX.driver.>'),
  overheard('everything that servers answer', '_INBOX.*.*.server.>'),
]
