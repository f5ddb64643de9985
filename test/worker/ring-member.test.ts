/** A ring's checkpoint: read although the bus hiccups, and never replaced by a member that is out. */
import { afterEach, describe, expect, it } from 'vitest'
import { checkpointBucket, decode, encode, problem, ringCheckpointName, ringName } from '../../protocol/index.ts'
import { createMemoryNetwork, type Bus, type MemoryNetwork } from '../../src/bus/index.ts'
import { systemClock } from '../../src/actor/index.ts'
import { createRingCheckpoints, type RingCheckpoints } from '../../actors/worker/ring/index.ts'
import { serveStore } from '../../actors/driver/experiment/store.ts'
import { formGeneration, handledMember, joining, type HandledMember } from '../support/ring-members.ts'

const experiment = 'e'
const trial = 0
const name = ringCheckpointName(ringName(experiment, trial))
const empty = encode({ from: 0, counts: new Uint8Array(), values: new Uint8Array() })
const opened: HandledMember[] = []
afterEach(() => {
  for (const { member } of opened.splice(0)) member.close()
})

function checkpointsOf(bus: Bus, seat: number, notices: string[]): RingCheckpoints {
  const attempt = { experiment, trial, attempt: seat + 1 }
  const onNotice = (text: string) => notices.push(text)
  return createRingCheckpoints({ bus, clock: systemClock, worker: `w${seat}`, attempt, onNotice })
}

/** A driver's part: the store of the network. */
function withStore(network: MemoryNetwork): MemoryNetwork {
  serveStore({
    bus: network.connect('driver'),
    experiment,
    isAssigned: () => true,
    continues: () => true,
    saved: () => Promise.resolve(),
    hasSaved: () => true,
    onDropped: () => undefined,
  })
  return network
}

function memberOn(bus: Bus, seat: number, change: Partial<RingCheckpoints> = {}, notices: string[] = []) {
  const checkpoints = checkpointsOf(bus, seat, notices)
  const made = handledMember(bus, seat, { ...checkpoints, ...change })
  opened.push(made)
  made.say(joining)
  return { ...made, checkpoints, notices }
}

/** A bus on which so many questions about checkpoints fail, each with the next of these codes. */
function hiccups(bus: Bus, faults: Error[]): Bus {
  return {
    ...bus,
    request: async (subject, ...rest) => {
      const fault = subject.endsWith('.read') ? faults.shift() : undefined
      if (fault !== undefined) throw fault
      return await bus.request(subject, ...rest)
    },
    get status() {
      return bus.status
    },
  }
}

describe('A member that begins from the checkpoint', () => {
  it('waits for a bus that is away meanwhile, and begins', async () => {
    const network = withStore(createMemoryNetwork())
    const faults = [
      problem('BUS_DISCONNECTED', { server: 's' }),
      problem('BUS_NO_JETSTREAM', { server: 's' }),
      problem('BUS_TIMEOUT', { subject: 's', ms: 1 }),
    ]
    const bus = hiccups(network.connect('w0'), faults)
    await bus.blobs.put(checkpointBucket, name, encode({ next: 7, state: Uint8Array.of(1, 2), record: empty }))
    const made = memberOn(bus, 0)
    await formGeneration(network, 1, [0])
    expect(await made.next()).toMatchObject({ type: 'begin', next: 7, state: Uint8Array.of(1, 2) })
    expect(faults).toEqual([])
    // It is said once, not with each try.
    expect(made.notices).toEqual([expect.stringContaining('cannot be read yet')])
  })

  it('fails where the checkpoint itself cannot be read', async () => {
    const network = withStore(createMemoryNetwork())
    const bus = hiccups(network.connect('w0'), [problem('BUS_REFUSED', { subject: 's', reason: 'the digest differs' })])
    const made = memberOn(bus, 0)
    await formGeneration(network, 1, [0])
    expect(await made.next()).toMatchObject({ type: 'failed', problem: { code: 'BUS_REFUSED' } })
  })
})

describe('A checkpoint', () => {
  const nextOf = async (network: MemoryNetwork): Promise<unknown> =>
    (decode((await network.connect().blobs.get(checkpointBucket, name)) ?? encode({})) as { next?: number }).next

  /** A member that takes part as rank 0, alone; `saved` resolves when its next save has come to an end. */
  async function rankZero(network: MemoryNetwork, seat: number, generation: number) {
    const bus = network.connect(`w${seat}`)
    const notices: string[] = []
    const own = checkpointsOf(bus, seat, notices)
    let ended: () => void = () => undefined
    const save: RingCheckpoints['save'] = async (...given) => {
      await own.save(...given)
      ended()
    }
    const made = memberOn(bus, seat, { save, load: async () => undefined })
    await formGeneration(network, generation, [seat])
    expect(await made.next()).toMatchObject({ type: 'export' })
    made.say({ type: 'state', bytes: Uint8Array.of(seat) })
    expect(await made.next()).toMatchObject({ type: 'begin' })
    return {
      notices,
      saves: (next: number) =>
        new Promise<void>((resolve) => {
          ended = resolve
          made.say({ type: 'checkpoint', next, bytes: Uint8Array.of(seat) })
        }),
    }
  }

  it('of a member that the ring has gone on without does not replace a newer one', async () => {
    const network = withStore(createMemoryNetwork())
    const out = await rankZero(network, 0, 1)
    await out.saves(10)
    expect(await nextOf(network)).toBe(10)
    // It is suspended, and the others go on.
    const other = await rankZero(network, 1, 2)
    await other.saves(50)
    // It wakes up in the middle of its last step.
    await out.saves(11)
    expect(await nextOf(network)).toBe(50)
    expect(out.notices).toEqual([expect.stringContaining('generation 2')])
    await other.saves(60)
    expect(await nextOf(network)).toBe(60)
  })
})
