/** Members of a ring whose trainings and whose driver are the test's own: one message at a time. */
import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { formRing, startRing } from '../../protocol/index.ts'
import { ask, type Bus, type MemoryNetwork } from '../../src/bus/index.ts'
import { systemClock } from '../../src/actor/index.ts'
import { createRingMemory, type FromRing, type ToRing } from '../../src/train/index.ts'
import { createRingMember, type RingCheckpoints, type RingMember } from '../../actors/worker/ring/index.ts'
import { planFor } from '../ring/support.ts'

export interface HandledMember {
  readonly member: RingMember
  /** What the training says. */
  say(message: ToRing): void
  /** The next message to the training. */
  next(): Promise<FromRing>
}

export const ringName = 'r'

/** A training that asks to be a member of a ring of one variable. */
export const joining: ToRing = {
  type: 'join',
  manifest: 'a'.repeat(64),
  variables: [{ name: 'v', shape: [1], dtype: 'float32' }],
  step: 0,
  chases: 0,
}

/** Worker `w<seat>`, on a connection of its own. */
export function handledMember(bus: Bus, seat: number, checkpoints: RingCheckpoints): HandledMember {
  const { port1, port2 } = new MessageChannel()
  const line = { port: port2, memory: createRingMemory() }
  const clock = systemClock
  const member = createRingMember({ bus, clock, worker: `w${seat}`, slot: 0, ring: ringName, seat, line, checkpoints })
  const heard: FromRing[] = []
  port1.on('message', (message: FromRing) => {
    heard.push(message)
  })
  return {
    member,
    say: (message) => {
      port1.postMessage(message)
    },
    next: async () => {
      while (heard.length === 0) await once(port1, 'message')
      return heard.shift() as FromRing
    },
  }
}

/** Forms and starts a generation of these workers, as the driver does, and says it until they take it. */
export async function formGeneration(
  network: MemoryNetwork,
  generation: number,
  workers: readonly number[],
): Promise<void> {
  const bus = network.connect('driver')
  const at = (worker: number) => ({ worker: `w${worker}`, ring: ringName, slot: '0' })
  for (const [rank, worker] of workers.entries()) {
    for (;;) {
      const formed = ask(bus, formRing, at(worker), planFor(rank, workers, { generation }), { timeoutMs: 10_000 })
      // The training's wish to join is on its way to the member.
      if ((await formed.catch(() => undefined)) !== undefined) break
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  for (const worker of workers) await ask(bus, startRing, at(worker), { generation }, { timeoutMs: 10_000 })
  await bus.close()
}
