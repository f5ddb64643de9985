/**
 * One member of a ring, in the runner's second thread: between the training, which asks for one collective after the other and
 * waits, and the generations that the driver forms.
 * I1 What the training has asked for stays until it is answered: a generation that fails costs nothing but time.
 * I2 A generation is entered at `form` and worked in from `start`; nobody but the driver makes one.
 * I3 What was reduced last outlives its generation: it is handed to those who missed it.
 */
import { Type } from 'typebox'
import type { Clock } from '../../src/actor/index.ts'
import { answer, ask, type Bus } from '../../src/bus/index.ts'
import {
  agreeOnManifest,
  createManifest,
  createRing,
  recover,
  sharedVector,
  type Reduced,
  type Ring,
  type RingFault,
  type RingOutcome,
} from '../../src/ring/index.ts'
import { tellMain, type FromRing, type Place, type RingLine, type ToRing } from '../../src/train/index.ts'
import {
  check,
  codeOf,
  decode,
  encode,
  formRing,
  joinRing,
  leaveRing,
  probeMember,
  problem,
  startRing,
  suspectMember,
  toProblem,
  type RingHolding,
  type RingPlan,
} from '../../protocol/index.ts'
import type { RingCheckpoints } from './ring-checkpoints.ts'
import { createProgress } from './ring-progress.ts'
import { createRingRecord } from './ring-record.ts'

export interface RingMember {
  /** Leaves without a word: the attempt is over, or the runner goes. */
  close(): void
}

export interface RingMemberOptions {
  readonly bus: Bus
  readonly clock: Clock
  readonly worker: string
  readonly slot: number
  readonly ring: string
  /** A whole number that differs between those who begin together. */
  readonly seat: number
  readonly line: RingLine
  readonly checkpoints: RingCheckpoints
}

interface Generation {
  readonly plan: RingPlan
  readonly ring: Ring
  started: boolean
}

type Question = Extract<ToRing, { type: 'reduce' | 'gather' }>
type Joining = Extract<ToRing, { type: 'join' }>

const sayAgainMs = 500
const answerWithinMs = 2_000
/** Who is done answers for so long to those who are not quite. */
const lingerMs = 2_000
const Seat = Type.Object({ seat: Type.Number() })
const Packet = Type.Object({
  next: Type.Number(),
  state: Type.Unsafe<Uint8Array>({}),
  record: Type.Unsafe<Uint8Array>({}),
})

export function createRingMember(options: RingMemberOptions): RingMember {
  const { bus, clock, worker, slot, line } = options
  const name = options.ring
  const me = { worker, ring: name }
  const address = { ...me, slot: String(slot) }
  let joining: Joining | undefined
  let question: Question | undefined
  let current: Generation | undefined
  let finished = -1
  let fresh = true
  let last: Reduced | undefined
  let handed: Reduced | undefined
  /** By generation, back to the one in which the last collective was reduced. */
  const places = new Map<number, Place>()
  let closed = false
  /** Called when the training has asked, and when the generation changes. */
  let wake: (() => void) | undefined
  let takeState: ((bytes: Uint8Array) => void) | undefined
  const timers = new Set<unknown>()
  const record = createRingRecord(bus, me)
  const pace = createProgress({
    bus,
    clock,
    me,
    ring: () => (current?.started === true ? current.ring : undefined),
  })

  const isOpen = (): boolean => !closed
  const isFormed = (): boolean => current !== undefined
  const isCurrent = (generation: Generation): boolean => current === generation
  const askedFor = (): number | undefined => (question?.type === 'reduce' ? question.collective : undefined)
  const holding = (): RingHolding => ({ finished, pending: askedFor() ?? null, fresh })
  const toMain = (message: FromRing): void => {
    tellMain(line, message)
  }
  const placeIn = (generation: number): Place => {
    const place = places.get(generation)
    // What is handed to a member was reduced with its part, so in a generation of its own.
    if (place === undefined) throw problem('INTERNAL', { reason: `no place in generation ${generation} of ${name}` })
    return place
  }
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = clock.setTimeout(() => {
        timers.delete(timer)
        resolve()
      }, ms)
      timers.add(timer)
    })
  const woken = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve
    })

  function fail(error: unknown): void {
    const { stack: _, ...told } = toProblem(error)
    toMain({ type: 'failed', problem: told })
  }

  /** Asks to be a member until there is a generation, or the training is sent ahead. */
  async function join({ manifest, step, chases }: Joining): Promise<void> {
    // A member that is sent ahead and finds nobody to ask has tried, too: else it would be sent again and again.
    let vain = 0
    while (isOpen() && !isFormed()) {
      const told = { slot, manifest, holding: holding(), step, chases: chases + vain }
      try {
        const { ahead } = await ask(bus, joinRing, me, told, { timeoutMs: answerWithinMs })
        if (ahead !== null && !isFormed()) {
          vain += 1
          await record.recall()
          toMain({ type: 'ahead', step: ahead, record: record.all() })
          return
        }
      } catch (error) {
        if (codeOf(error) === 'RING_MANIFEST_DIFFERS') {
          fail(error)
          return
        }
        // No driver now, or none that knows this ring yet.
      }
      await pause(sayAgainMs)
    }
  }

  const calls = [
    answer(bus, formRing, address, (plan) => {
      if (joining === undefined)
        throw problem('RING_STALE', { generation: plan.generation, ring: name, current: 'none' })
      const at = current?.plan.generation ?? -1
      if (plan.generation < at) throw problem('RING_STALE', { generation: plan.generation, ring: name, current: at })
      if (plan.generation > at) enter(plan)
      return { generation: plan.generation, holding: holding() }
    }),
    answer(bus, startRing, address, ({ generation }) => {
      const at = current
      if (at?.plan.generation !== generation) {
        throw problem('RING_STALE', { generation, ring: name, current: at?.plan.generation ?? 'none' })
      }
      if (!at.started) {
        at.started = true
        void work(at)
      }
      return {}
    }),
  ]

  function enter(plan: RingPlan): void {
    keep()
    current?.ring.abandon()
    const { generation, rank, members } = plan
    places.set(generation, { generation, rank, members: members.length })
    current = {
      plan,
      ring: createRing({ bus, ring: name, plan, clock, finished, doing: () => question?.doing ?? null }),
      started: false,
    }
    wake?.()
  }

  /** I3 */
  function keep(): void {
    const reduced = current?.ring.lastReduced
    if (reduced !== undefined && reduced.step > (last?.step ?? -1)) last = reduced
  }

  async function work(generation: Generation): Promise<void> {
    try {
      const fault = (await begin(generation)) ?? (await serve(generation))
      if (fault !== undefined) await suspect(generation, fault)
    } catch (error) {
      // No generation can mend this.
      if ((current ?? generation) === generation && !closed) fail(error)
    }
  }

  /** Brings all members to the same step. */
  async function begin(generation: Generation): Promise<RingFault | undefined> {
    const { ring, plan } = generation
    const recovered = await recover(ring, name, holding(), last)
    if (recovered.kind === 'fault') return recovered
    const { decision } = recovered.value
    if (recovered.value.handed !== undefined) {
      handed = recovered.value.handed
      last = handed
      finished = handed.step
      answerWithHanded(generation)
    }
    if (decision.fresh.length === 0) return undefined
    const agreed = await agreeOnManifest(ring, createManifest(joining?.variables ?? []))
    if (agreed.kind === 'fault') return agreed
    const exchanged = await ring.exchange(encode({ seat: options.seat }))
    if (exchanged.kind === 'fault') return exchanged
    const seats = exchanged.value.map((bytes) => check(Seat, decode(bytes), 'ring.exchange').seat)
    const root = decision.source ?? 0
    const mine =
      plan.rank === root ? await packetOf(generation, decision.source === undefined, decision.next) : undefined
    if (plan.rank === root && mine === undefined) return ring.fault
    const outcome = await ring.broadcast(root, mine)
    if (outcome.kind === 'fault') return outcome
    if (!fresh) return undefined
    const { next, state, record: told } = check(Packet, decode(outcome.value), 'ring.broadcast')
    fresh = false
    finished = next - 1
    record.take(told)
    record.serve()
    const together = decision.source === undefined
    toMain({
      type: 'begin',
      place: placeIn(plan.generation),
      next,
      record: record.all(),
      state: new Uint8Array(state),
      seats: together ? seats : null,
    })
    return undefined
  }

  /** What newcomers need. Undefined: the generation is over. */
  async function packetOf(generation: Generation, together: boolean, next: number): Promise<Uint8Array | undefined> {
    if (together) {
      const kept = await options.checkpoints.load(name)
      if (kept !== undefined) return kept
    }
    // The state is that of the step only once the one before has been applied, and then the training asks for this one.
    for (let asked = together; !asked; asked = askedFor() === next) {
      if (closed || current !== generation || generation.ring.fault !== undefined) return undefined
      if (askedFor() !== next) await Promise.race([woken(), pause(sayAgainMs)])
    }
    const state = await new Promise<Uint8Array>((resolve) => {
      takeState = resolve
      toMain({ type: 'export' })
    })
    return encode({ next, state, record: record.all() })
  }

  async function serve(generation: Generation): Promise<RingFault | undefined> {
    const { ring } = generation
    while (isOpen() && isCurrent(generation)) {
      if (ring.fault !== undefined) return ring.fault
      answerWithHanded(generation)
      const asked = question
      if (asked === undefined) {
        await woken()
        continue
      }
      if (asked.type === 'gather') {
        const gathered = await gather(generation, asked.bytes)
        if (gathered.kind === 'fault') return gathered
        question = undefined
        toMain({ type: 'gathered', bytes: gathered.value })
        continue
      }
      const { collective, vector, weight, key, exactFrom } = asked
      const outcome = await ring.allReduce(collective, vector, weight, { key, exactFrom })
      if (outcome.kind === 'fault') return outcome
      finished = collective
      reply(generation, outcome.value)
    }
    return undefined
  }

  /** Each rank's bytes, by rank. */
  async function gather({ ring, plan }: Generation, bytes: Uint8Array): Promise<RingOutcome<readonly Uint8Array[]>> {
    const all: Uint8Array[] = []
    for (let rank = 0; rank < plan.members.length; rank += 1) {
      const outcome = await ring.broadcast(rank, rank === plan.rank ? bytes : undefined)
      if (outcome.kind === 'fault') return outcome
      all.push(new Uint8Array(outcome.value))
    }
    return { kind: 'done', value: all }
  }

  function answerWithHanded(generation: Generation): void {
    if (handed === undefined || handed.step !== askedFor()) return
    const { vector } = handed
    const shared = sharedVector(vector.length)
    shared.set(vector)
    const told = { ...handed, vector: shared }
    handed = undefined
    reply(generation, told)
  }

  function reply({ plan }: Generation, { vector, weight, step, next, ...reduced }: Reduced): void {
    keep()
    if (question?.type !== 'reduce' || question.collective !== step) return
    const reducedAt = placeIn(reduced.generation)
    for (const older of places.keys()) if (older < reduced.generation) places.delete(older)
    pace.answered(question)
    record.over(step)
    if (question.told !== null) record.tell(vector.subarray(...question.told))
    question = undefined
    toMain({ type: 'reduced', place: placeIn(plan.generation), reducedAt, vector, weight, next: next ?? null })
  }

  /** Tells the driver until the next generation comes. */
  async function suspect(generation: Generation, fault: RingFault): Promise<void> {
    if (fault.code === 'RING_MISMATCH') throw (await differenceTo(generation)) ?? fault.problem
    if (fault.code === 'RING_MANIFEST_DIFFERS') throw fault.problem
    const { plan, ring } = generation
    while (isOpen() && isCurrent(generation)) {
      const told = {
        generation: plan.generation,
        rank: plan.rank,
        suspect: fault.suspect,
        code: fault.code,
        step: finished,
      }
      try {
        await ask(bus, suspectMember, me, told, { timeoutMs: answerWithinMs })
      } catch (error) {
        // The ring goes on without this one, and the driver knows it: there is nothing to take leave of.
        if (codeOf(error) === 'RING_STALE' && current === generation) {
          current = undefined
          ring.abandon()
          throw error
        }
      }
      await pause(sayAgainMs)
    }
  }

  /** The first rank that is at something else than this one, in words. Undefined: none says so. */
  async function differenceTo({ plan }: Generation): Promise<Error | undefined> {
    const { rank, members } = plan
    const doing = question?.doing
    const others = members.map((_, other) => other).filter((other) => other !== rank)
    const said = await Promise.all(
      others.map(async (other) => {
        const at = { ...me, generation: String(plan.generation), rank: String(other) }
        try {
          return await ask(bus, probeMember, at, {}, { timeoutMs: answerWithinMs })
        } catch {
          // It is gone already: what is known without it stands.
          return undefined
        }
      }),
    )
    for (const [at, otherRank] of others.entries()) {
      const otherDoing = said[at]?.doing
      if (doing === undefined || otherDoing == null || otherDoing === doing) continue
      return problem('RING_LOOPS_DIFFER', { rank, doing, otherRank, otherDoing })
    }
    return undefined
  }

  async function leave(reason: 'done' | 'failed' | 'draining'): Promise<void> {
    const generation = current
    for (const call of calls) call.unsubscribe()
    record.close()
    if (generation !== undefined) {
      const { plan } = generation
      const told = { generation: plan.generation, rank: plan.rank, finished, reason }
      for (let tries = 0; tries < 3; tries += 1) {
        try {
          await ask(bus, leaveRing, me, told, { timeoutMs: answerWithinMs })
          break
        } catch {
          // It will be missed, and found to be gone.
          await pause(sayAgainMs)
        }
      }
      if (reason === 'done') await pause(lingerMs)
    }
    close()
  }

  function close(): void {
    if (closed) return
    closed = true
    for (const call of calls) call.unsubscribe()
    record.close()
    for (const timer of timers) clock.clearTimeout(timer)
    pace.stop()
    current?.ring.abandon()
    wake?.()
    line.port.close()
  }

  line.port.on('message', (message: ToRing) => {
    switch (message.type) {
      case 'join':
        joining = message
        void join(message)
        return
      case 'reduce':
        pace.asked()
        question = message
        wake?.()
        return
      case 'gather':
        question = message
        wake?.()
        return
      case 'told':
        record.tell(message.values)
        return
      case 'state':
        takeState?.(message.bytes)
        takeState = undefined
        return
      case 'checkpoint':
        void options.checkpoints.save(name, encode({ next: message.next, state: message.bytes, record: record.all() }))
        return
      case 'leave':
        void leave(message.reason)
    }
  })

  return { close }
}
