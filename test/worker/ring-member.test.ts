/** A ring's checkpoint: read although the bus hiccups, and never replaced by a member that is out. */
import { afterEach, describe, expect, it } from 'vitest'
import { checkpointBucket, decode, encode, problem, ringCheckpointName } from '../../protocol/index.ts'
import { createMemoryNetwork, type Bus, type MemoryNetwork } from '../../src/bus/index.ts'
import { systemClock } from '../../src/actor/index.ts'
import { createRingCheckpoints, type RingCheckpoints } from '../../actors/worker/ring/index.ts'
import { formGeneration, handledMember, joining, ringName, type HandledMember } from '../support/ring-members.ts'

const name = ringCheckpointName(ringName)
const empty = encode({ from: 0, counts: new Uint8Array(), values: new Uint8Array() })
const opened: HandledMember[] = []
afterEach(() => {
  for (const { member } of opened.splice(0)) member.close()
})

function memberOn(bus: Bus, seat: number, change: Partial<RingCheckpoints> = {}, notices: string[] = []) {
  const checkpoints = createRingCheckpoints({ bus, clock: systemClock, onNotice: (text) => notices.push(text) })
  const made = handledMember(bus, seat, { ...checkpoints, ...change })
  opened.push(made)
  made.say(joining)
  return { ...made, checkpoints, notices }
}

/** A bus whose object store fails so many times, each time with the next of these codes. */
function hiccups(bus: Bus, faults: Error[]): Bus {
  const blobs: Bus['blobs'] = {
    ...bus.blobs,
    get: async (...at) => {
      const fault = faults.shift()
      if (fault !== undefined) throw fault
      return await bus.blobs.get(...at)
    },
  }
  return {
    ...bus,
    blobs,
    get status() {
      return bus.status
    },
  }
}

describe('A member that begins from the checkpoint', () => {
  it('waits for a bus that is away meanwhile, and begins', async () => {
    const network = createMemoryNetwork()
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
    const network = createMemoryNetwork()
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
    const own = createRingCheckpoints({ bus, clock: systemClock, onNotice: (text) => notices.push(text) })
    const notices: string[] = []
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
    const network = createMemoryNetwork()
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
