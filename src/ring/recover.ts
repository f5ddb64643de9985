/** How a new generation begins: its members tell each other what they hold, and hand over what some of them lack. */
import { bytesOf, check, decode, encode, float32From, RingHolding } from '../../protocol/index.ts'
import type { RingOutcome } from './fault.ts'
import { decideRecovery, type Recovery } from './recovery.ts'
import type { Reduced, Ring } from './ring.ts'

export interface Recovered {
  readonly decision: Recovery
  /** On a rank that was behind: the reduced vector of the step that it missed, to be applied now in the place of its own gradient. */
  readonly handed: Reduced | undefined
}

/** All members of a generation call it first. `last`: the vector that this member reduced last in its earlier generation. */
export async function recover(
  ring: Ring,
  name: string,
  holding: RingHolding,
  last: Reduced | undefined,
): Promise<RingOutcome<Recovered>> {
  const exchanged = await ring.exchange(encode(holding))
  if (exchanged.kind === 'fault') return exchanged
  const holdings = exchanged.value.map((bytes) => check(RingHolding, decode(bytes), 'ring.exchange'))
  const decision = decideRecovery(name, holdings)
  if (decision.kind === 'rerun') return { kind: 'done', value: { decision, handed: undefined } }
  const { rank } = ring.plan
  const mine = rank === decision.from ? handoverOf(last, decision.step) : undefined
  const outcome = await ring.broadcast(decision.from, mine)
  if (outcome.kind === 'fault') return outcome
  if (!decision.to.includes(rank)) return { kind: 'done', value: { decision, handed: undefined } }
  const head = new DataView(outcome.value.buffer, outcome.value.byteOffset)
  const handed = {
    vector: float32From(outcome.value.subarray(headBytes)),
    weight: head.getFloat64(0, true),
    step: decision.step,
    generation: head.getFloat64(8, true),
  }
  return { kind: 'done', value: { decision, handed } }
}

const headBytes = 16

/** Weight and generation as float64s, then the vector. */
function handoverOf(last: Reduced | undefined, step: number): Uint8Array {
  // A rank that has finished a step also has its reduced vector: the caller keeps both together.
  if (last?.step !== step) throw new Error(`the reduced vector of step ${step} is not held`)
  const bytes = new Uint8Array(headBytes + 4 * last.vector.length)
  const head = new DataView(bytes.buffer)
  head.setFloat64(0, last.weight, true)
  head.setFloat64(8, last.generation, true)
  bytes.set(bytesOf(last.vector), headBytes)
  return bytes
}
