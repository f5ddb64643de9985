/** A member of a ring as a process of its own, for the bench: does what its parent says over the channel of fork. */
import type { RingPlan } from '../../protocol/index.ts'
import { systemClock } from '../../src/actor/index.ts'
import { connectNats } from '../../src/bus/index.ts'
import { createRing } from '../../src/ring/index.ts'

export type Order =
  | { readonly kind: 'reduce'; readonly plan: RingPlan; readonly elements: number; readonly rounds: number }
  | { readonly kind: 'listen'; readonly bytes: number }
  | { readonly kind: 'speak'; readonly bytes: number; readonly message: number }
  | { readonly kind: 'end' }

export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'reduced'; readonly ms: readonly number[]; readonly check: number }
  /** Of the whole transfer: the first and the last instant that this process saw of it. */
  | { readonly kind: 'moved'; readonly at: number }

const [server = '', name = ''] = process.argv.slice(2)
const bus = await connectNats({ server, name })
const report = (message: Report): void => void process.send?.(message)
const now = (): number => performance.timeOrigin + performance.now()

async function reduce(plan: RingPlan, elements: number, rounds: number): Promise<void> {
  const ring = createRing({ bus, ring: 'bench', plan, clock: systemClock })
  await bus.flush()
  let vector: Float32Array = Float32Array.from({ length: elements }, (_, i) => (plan.rank + 1) * (1 + (i % 7) / 8))
  const ms: number[] = []
  let check = 0
  for (let round = 0; round < rounds; round += 1) {
    const together = await ring.barrier()
    const start = performance.now()
    const outcome = await ring.allReduce(round, vector, 64)
    ms.push(performance.now() - start)
    if (together.kind === 'fault') throw together.problem
    if (outcome.kind === 'fault') throw outcome.problem
    check = outcome.value.vector[0] ?? NaN
    // As a training does: what comes next is written where the ring reads it.
    const { next } = outcome.value
    if (next !== undefined && next !== vector) {
      next.set(vector)
      vector = next
    }
  }
  await ring.barrier()
  ring.abandon()
  report({ kind: 'reduced', ms, check })
}

async function listen(bytes: number): Promise<void> {
  let came = 0
  const subscription = bus.subscribe('bench.stream', ({ data }) => {
    came += data.length
    if (came < bytes) return
    subscription.unsubscribe()
    report({ kind: 'moved', at: now() })
  })
  await bus.flush()
  report({ kind: 'ready' })
}

async function speak(bytes: number, message: number): Promise<void> {
  const payload = new Uint8Array(message)
  report({ kind: 'moved', at: now() })
  for (let sent = 0, i = 1; sent < bytes; sent += message, i += 1) {
    bus.publish('bench.stream', payload)
    // What the client has in hand is bounded, as a window bounds it.
    if (i % 8 === 0) await bus.flush()
  }
  await bus.flush()
}

process.on('message', (order: Order) => {
  if (order.kind === 'reduce') void reduce(order.plan, order.elements, order.rounds)
  else if (order.kind === 'listen') void listen(order.bytes)
  else if (order.kind === 'speak') void speak(order.bytes, order.message)
  else void bus.close().then(() => process.disconnect())
})
// A bench that was ended leaves nobody behind.
process.once('disconnect', () => process.exit())
report({ kind: 'ready' })
