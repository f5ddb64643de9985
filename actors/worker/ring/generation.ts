/**
 * A member's work in one generation: it brings itself to where the others are, and then gives the ring what the training asks for.
 * Both end with the fault that ends the generation, or with undefined when there is a newer one.
 */
import { Type } from 'typebox'
import { check, decode, encode, type RingPlan } from '../../../protocol/index.ts'
import {
  agreeOnManifest,
  createManifest,
  recover,
  sharedVector,
  type Reduced,
  type Ring,
  type RingFault,
  type RingOutcome,
  type VariableSpec,
} from '../../../src/ring/index.ts'
import type { RingCheckpoints } from './checkpoints.ts'
import type { Holding } from './holding.ts'
import type { Progress } from './progress.ts'
import type { RingRecord } from './record.ts'
import type { Training } from './training.ts'

export interface Generation {
  readonly plan: RingPlan
  readonly ring: Ring
  /** In this collective this member counts, although it is its first (decideRecovery). */
  counts?: number
}

/** State that a member keeps through all of its generations. */
export interface Surroundings {
  /** The ring's. */
  readonly name: string
  /** A whole number that differs between those who begin together. */
  readonly seat: number
  readonly training: Training
  readonly holding: Holding
  readonly record: RingRecord
  readonly progress: Progress
  readonly checkpoints: RingCheckpoints
  readonly variables: () => readonly VariableSpec[]
  readonly pause: (ms: number) => Promise<void>
  /** Called while the training waits for this collective: a member that is to go may have something to keep first. */
  readonly beforeReduce: (collective: number, plan: RingPlan) => Promise<void>
}

const lookMs = 500
const Seat = Type.Object({ seat: Type.Number() })
const Packet = Type.Object({
  next: Type.Number(),
  state: Type.Unsafe<Uint8Array>({}),
  record: Type.Unsafe<Uint8Array>({}),
})

/** The state of a training, for newcomers and as a checkpoint. `next`: the collective that it takes part in next. */
export const packetOf = (next: number, state: Uint8Array, record: RingRecord): Uint8Array =>
  encode({ next, state, record: record.all() })

/** Brings all members to the same step. `isCurrent`: there is no newer generation. */
export async function begin(
  generation: Generation,
  around: Surroundings,
  isCurrent: () => boolean,
): Promise<RingFault | undefined> {
  const { ring, plan } = generation
  const { name, holding, training, record } = around
  const recovered = await recover(ring, name, holding.said(training.collective), holding.lastReduced)
  if (recovered.kind === 'fault') return recovered
  const { decision, handed } = recovered.value
  if (decision.kind === 'rerun' && decision.counting === plan.rank) generation.counts = decision.next
  if (handed !== undefined) {
    holding.takeOver(handed)
    giveHanded(plan, around)
  }
  if (decision.fresh.length === 0) return undefined
  const agreed = await agreeOnManifest(ring, createManifest(around.variables()))
  if (agreed.kind === 'fault') return agreed
  const exchanged = await ring.exchange(encode({ seat: around.seat }))
  if (exchanged.kind === 'fault') return exchanged
  const seats = exchanged.value.map((bytes) => check(Seat, decode(bytes), 'ring.exchange').seat)
  const together = decision.source === undefined
  const root = decision.source ?? 0
  let packet: Uint8Array | undefined
  if (plan.rank === root) {
    const isWanted = (): boolean => isCurrent() && ring.fault === undefined
    packet = together ? await firstPacket(around, isWanted) : await packetAt(decision.next, around, isWanted)
    if (packet === undefined) return ring.fault
  }
  const outcome = await ring.broadcast(root, packet)
  if (outcome.kind === 'fault') return outcome
  if (!holding.isFresh) return undefined
  const { next, state, record: told } = check(Packet, decode(outcome.value), 'ring.broadcast')
  holding.begin(next, !together)
  record.take(told)
  record.serve()
  training.tell({
    type: 'begin',
    place: holding.placeIn(plan.generation),
    next,
    record: record.all(),
    state: new Uint8Array(state),
    seats: together ? seats : null,
  })
  return undefined
}

/** With which all begin: the last checkpoint, or else rank 0's state. Undefined: the generation is over. */
async function firstPacket(around: Surroundings, isWanted: () => boolean): Promise<Uint8Array | undefined> {
  const { checkpoints, name, training, record } = around
  const kept = await checkpoints.load(name, isWanted)
  if (kept !== undefined || !isWanted()) return kept
  return packetOf(0, await training.exportState(), record)
}

/** The state that newcomers need to take part from collective `next` on. Undefined: the generation is over. */
async function packetAt(
  next: number,
  { training, record, pause }: Surroundings,
  isWanted: () => boolean,
): Promise<Uint8Array | undefined> {
  // The state is that of the step only once the one before has been applied, and then the training asks for this one.
  while (training.collective !== next) {
    if (!isWanted()) return undefined
    await Promise.race([training.turned(), pause(lookMs)])
  }
  return packetOf(next, await training.exportState(), record)
}

/** Gives the ring what the training asks for, one collective after the other. */
export async function serve(
  generation: Generation,
  around: Surroundings,
  isCurrent: () => boolean,
): Promise<RingFault | undefined> {
  const { ring, plan } = generation
  const { training, holding } = around
  while (isCurrent()) {
    if (ring.fault !== undefined) return ring.fault
    giveHanded(plan, around)
    const asked = training.question
    if (asked === undefined) {
      await training.turned()
      continue
    }
    if (asked.type === 'gather') {
      const gathered = await gather(ring, asked.bytes)
      if (gathered.kind === 'fault') return gathered
      training.answer({ type: 'gathered', bytes: gathered.value })
      continue
    }
    const { collective, vector, key, exactFrom } = asked
    const weight = generation.counts === collective ? asked.ownWeight : asked.weight
    await around.beforeReduce(collective, plan)
    const outcome = await ring.allReduce(collective, vector, weight, { key, exactFrom })
    if (outcome.kind === 'fault') return outcome
    holding.finish(collective)
    give(outcome.value, plan, around)
  }
  return undefined
}

/** Each rank's bytes, by rank. */
async function gather(ring: Ring, bytes: Uint8Array): Promise<RingOutcome<readonly Uint8Array[]>> {
  const { rank: mine, members } = ring.plan
  const all: Uint8Array[] = []
  for (let rank = 0; rank < members.length; rank += 1) {
    const outcome = await ring.broadcast(rank, rank === mine ? bytes : undefined)
    if (outcome.kind === 'fault') return outcome
    all.push(new Uint8Array(outcome.value))
  }
  return { kind: 'done', value: all }
}

function giveHanded(plan: RingPlan, around: Surroundings): void {
  const handed = around.holding.handed(around.training.collective)
  if (handed === undefined) return
  const vector = sharedVector(handed.vector.length)
  vector.set(handed.vector)
  give({ ...handed, vector }, plan, around)
}

/** Answers the training, if this is what it asks for. */
function give(reduced: Reduced, plan: RingPlan, { training, holding, record, progress }: Surroundings): void {
  const { vector, weight, step, generation, next = null } = reduced
  const { question } = training
  if (question?.type !== 'reduce' || question.collective !== step) return
  const place = holding.placeIn(plan.generation)
  holding.forgetBefore(generation)
  progress.answered(question)
  record.over(step)
  if (question.told !== null) record.tell(vector.subarray(...question.told))
  training.answer({ type: 'reduced', place, vector, weight, next })
}
