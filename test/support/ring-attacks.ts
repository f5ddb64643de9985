/** Attacks on a ring that is at work, by the runner of a worker that has no part in it. */
import type { NatsConnection } from 'nats'
import { decode, encode, type RingPlan } from '../../protocol/index.ts'
import { systemClock } from '../../src/actor/index.ts'
import { createRing, passOf, ringDefaults } from '../../src/ring/index.ts'
import { createRingRecord } from '../../actors/worker/ring/record.ts'
import { intrude, settled, stolen, type Attack } from './intruder.ts'
import type { Secured } from './secured.ts'

const ring = 'e-0'
const members = ['ringer-0', 'ringer-1']
const key = new Uint8Array(16).fill(42)
/** Recognized in whatever carries it: 12345.678 in every place. */
const weights = new Float32Array(64).fill(12_345.678)
const bytes = Buffer.from(weights.buffer)
const mark = bytes.subarray(0, 32)

/** Two members reduce the mark a few times, while somebody intrudes. Returns what came of the last reduction. */
async function atWork(
  secured: Secured,
  intrusion: (attacker: NatsConnection) => Promise<void>,
): Promise<Float32Array | undefined> {
  const plan: Omit<RingPlan, 'rank'> = {
    ...ringDefaults,
    generation: 1,
    key,
    members: members.map((worker) => ({ worker, slot: 0 })),
    algorithm: 'direct',
  }
  const buses = await Promise.all(members.map((name) => secured.connect('runner', name)))
  const rings = buses.map((bus, rank) => createRing({ bus, ring, plan: { ...plan, rank }, clock: systemClock }))
  const attacker = await intrude(secured, 'runner', stolen)
  try {
    await Promise.all(buses.map((bus) => bus.flush()))
    let last: Float32Array | undefined
    const reduce = async (step: number): Promise<void> => {
      const outcomes = await Promise.all(rings.map((one) => one.allReduce(step, weights, 1)))
      const values = outcomes.map((one) => (one.kind === 'done' ? one.value.vector : undefined))
      last = values.every((one) => one !== undefined) ? values[0] : undefined
    }
    const attack = intrusion(attacker)
    await attacker.flush()
    await reduce(0)
    await attack
    await reduce(1)
    await settled(attacker, attacker)
    return last
  } finally {
    for (const one of rings) one.abandon()
    await attacker.close()
    await Promise.all(buses.map((bus) => bus.close()))
  }
}

/** Whether somebody hears the weights on a subject. */
const overheard = (subject: string): Attack['run'] => {
  return async (secured) => {
    const got: Buffer[] = []
    await atWork(secured, async (attacker) => {
      attacker.subscribe(subject, { callback: (error, { data }) => void (error ?? got.push(Buffer.from(data))) })
      await attacker.flush()
    })
    return got.some((data) => data.includes(mark))
  }
}

/** What a question of the attacker's is answered: the code of the refusal, or the answer. */
async function asked(attacker: NatsConnection, what: string, payload: object): Promise<string | Buffer> {
  const inbox = `_INBOX.runner.${stolen}.runner.${members[0]}.x`
  const answered = new Promise<string | Buffer>((resolve) => {
    attacker.subscribe(`${inbox}.*`, {
      max: 1,
      callback: (_, { data }) => {
        const answer = decode(new Uint8Array(data)) as { error?: { code: string } }
        resolve(answer.error?.code ?? Buffer.from(data))
      },
    })
  })
  attacker.publish(`maggy.v1.worker.${stolen}.ring.${ring}.to.${members[0]}.${what}`, encode(payload), {
    reply: `${inbox}.1`,
  })
  return await answered
}

/** Whether a question is answered with anything but a refusal. */
const question =
  (what: string, payload: object): Attack['run'] =>
  async (secured) => {
    let answer: string | Buffer = ''
    await atWork(secured, async (attacker) => {
      answer = await asked(attacker, what, payload)
    })
    return answer !== 'RING_OUTSIDER'
  }

const chunk = {
  generation: 1,
  step: 1,
  phase: 'reduce',
  hop: 0,
  index: 0,
  from: 1,
  length: 64,
  weight: 1,
  checksum: 0,
  data: new Uint8Array(128),
}

export const ringAttacks: readonly Attack[] = [
  {
    name: "another ring's weights read: its chunks, as all that are sent",
    run: overheard('maggy.*.worker.*.ring.*.to.*.*.*.chunk'),
  },
  {
    name: "another ring's weights read: the chunks to one member",
    run: overheard(`maggy.*.worker.*.ring.${ring}.to.${members[0]}.*.*.chunk`),
  },
  {
    name: "another ring's weights read: the shards that are told to all",
    run: overheard('maggy.*.worker.*.ring.*.*.shard'),
  },
  { name: "another ring's weights read: the answers", run: overheard(`_INBOX.runner.${members[0]}.>`) },
  { name: "another ring's weights asked for", run: question('1.0.fetch', { step: 0, index: 0 }) },
  { name: 'a member of another ring probed', run: question('1.0.probe', {}) },
  { name: "a chunk put into another ring, in the attacker's own name", run: question('1.0.chunk', chunk) },
  {
    name: "another ring's sums changed: a shard told to all in the attacker's own name",
    run: async (secured) => {
      const last = await atWork(secured, async (attacker) => {
        for (const step of [0, 1])
          attacker.publish(
            `maggy.v1.worker.${stolen}.ring.${ring}.1.shard`,
            encode({ from: 1, step, index: 0, sealed: new Uint8Array(300) }),
          )
        await attacker.flush()
      })
      return last === undefined || last.some((value) => value !== weights[0])
    },
  },
  {
    name: "another ring's record of losses asked for, with a pass of the attacker's own making",
    run: async (secured) => {
      const bus = await secured.connect('runner', members[0] ?? '')
      const worker = members[0] ?? ''
      const record = createRingRecord(bus, { worker, ring }, () => ({ generation: 1, key }))
      record.serve()
      await bus.flush()
      const attacker = await intrude(secured, 'runner', stolen)
      const answer = await asked(attacker, 'recall', {
        pass: passOf(new Uint8Array(16), { ring, worker: stolen }),
        from: 0,
      })
      record.close()
      await attacker.close()
      await bus.close()
      return answer !== 'RING_OUTSIDER'
    },
  },
]
