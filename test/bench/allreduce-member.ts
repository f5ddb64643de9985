/** A member of a ring as a process of its own, for the bench: does what its parent says over the channel of fork. */
import { shard, subjectFor, type RingPlan } from '../../protocol/index.ts'
import { readCredentials } from '../../src/access/index.ts'
import { systemClock } from '../../src/actor/index.ts'
import { connectNats, type ClientOptions } from '../../src/bus/index.ts'
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

const [server = '', name = '', creds] = process.argv.slice(2)

/** As a runner: with the pair that is made for runners in the credentials of a worker. */
function asRunner(file: string): Omit<ClientOptions, 'server'> {
  const { runner, authority } = readCredentials(file)
  if (runner === undefined) throw new Error('these credentials hold nothing for runners')
  return {
    user: () => runner,
    identity: { role: 'runner', name },
    ...(authority === undefined ? {} : { tls: { ca: authority } }),
  }
}

const bus = await connectNats({ server, name, ...(creds === undefined ? {} : asRunner(creds)) })
/** A subject on which runners may speak and hear. */
const stream = subjectFor(shard, { worker: '*', ring: 'bench', generation: '0' })
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
  const subscription = bus.subscribe(stream, ({ data }) => {
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
    bus.publish(stream.replace('*', name), payload)
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
