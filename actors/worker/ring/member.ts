/**
 * One member of a ring, in the runner's second thread: between the training, which asks for one collective after the other and
 * waits, and the generations that the driver forms.
 * I1 A generation is entered at `form` and worked in from `start`; nobody but the driver makes one.
 */
import type { Clock } from '../../../src/actor/index.ts'
import { answer, ask, type Bus } from '../../../src/bus/index.ts'
import { createPauses, createRing, membershipOf, type RingFault } from '../../../src/ring/index.ts'
import type { RingLine } from '../../../src/train/index.ts'
import { formRing, probeMember, problem, startRing, type RingPlan } from '../../../protocol/index.ts'
import type { RingCheckpoints } from './checkpoints.ts'
import { createDriverSide } from './driver-side.ts'
import { begin, packetOf, serve, type Generation, type Surroundings } from './generation.ts'
import { createHolding } from './holding.ts'
import { createProgress } from './progress.ts'
import { createRingRecord } from './record.ts'
import { createTraining, type Heard, type Joining } from './training.ts'

export interface RingMember {
  /**
   * The host goes: resolves once this member may go without any step being lost. Rank 0 keeps the state of the training first, at its
   * next collective, and takes no further step; the others hold nothing that it has not.
   */
  keep(): Promise<void>
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

const probeWithinMs = 2_000
/** A member that is done answers the others for so long, for they may not be done yet. */
const lingerMs = 2_000

export function createRingMember(options: RingMemberOptions): RingMember {
  const { bus, clock, worker, slot, checkpoints } = options
  const name = options.ring
  const me = { worker, ring: name }
  const address = { ...me, slot: String(slot) }
  let joining: Joining | undefined
  let current: (Generation & { started: boolean }) | undefined
  let closed = false
  const pauses = createPauses(clock)
  const { pause } = pauses

  const holding = createHolding(name)
  const record = createRingRecord(bus, me, () => current?.plan)
  const progress = createProgress({
    bus,
    clock,
    me,
    ring: () => (current?.started === true ? current.ring : undefined),
  })
  const driver = createDriverSide({ bus, me, slot, pause })
  const training = createTraining({ line: options.line, onAsked: () => progress.asked(), onHeard: hear })
  /** Called once nothing is left to keep; undefined: it does not go. */
  let kept: (() => void) | undefined
  const beforeReduce = async (collective: number, plan: RingPlan, alone = false): Promise<void> => {
    if (kept === undefined) return
    if (plan.rank !== 0 && !alone) return kept()
    const bytes = packetOf(collective, await training.exportState(), record)
    await checkpoints.keep(name, plan.generation, bytes, () => !closed)
    kept()
    await new Promise<void>(() => undefined)
  }
  const around: Surroundings = {
    name,
    seat: options.seat,
    training,
    holding,
    record,
    progress,
    checkpoints,
    variables: () => joining?.variables ?? [],
    pause,
    beforeReduce,
  }

  const calls = [
    answer(bus, formRing, address, (plan) => {
      if (joining === undefined)
        throw problem('RING_STALE', { generation: plan.generation, ring: name, current: 'none' })
      const at = current?.plan.generation ?? -1
      if (plan.generation < at) throw problem('RING_STALE', { generation: plan.generation, ring: name, current: at })
      if (plan.generation > at) enter(plan)
      return { generation: plan.generation, holding: holding.said(training.collective) }
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

  function hear(message: Heard): void {
    switch (message.type) {
      case 'join':
        joining = message
        void join(message)
        return
      case 'told':
        record.tell(message.values)
        return
      case 'checkpoint':
        // One that comes late, from a member that is not rank 0 any more, is left out.
        if (current?.plan.rank !== 0) return
        void checkpoints.save(name, current.plan.generation, () => packetOf(message.next, message.bytes, record))
        return
      case 'leave':
        void leave(message.reason)
    }
  }

  async function join(asked: Joining): Promise<void> {
    try {
      const isWanted = (): boolean => !closed && current === undefined
      const said = () => holding.said(training.collective)
      const step = await driver.join(asked, said, isWanted, (from) => record.recall(from))
      if (step !== undefined) training.tell({ type: 'ahead', step, record: record.all() })
    } catch (error) {
      training.fail(error)
    }
  }

  function enter(plan: RingPlan): void {
    holding.keep(current?.ring.lastReduced)
    holding.enter(plan)
    current?.ring.abandon()
    const doing = (): string | null => training.question?.doing ?? null
    const ring = createRing({ bus, ring: name, plan, clock, finished: holding.finished, doing })
    current = { plan, ring, started: false }
    training.stir()
  }

  async function work(generation: Generation): Promise<void> {
    const isCurrent = (): boolean => !closed && current === generation
    try {
      const fault = (await begin(generation, around, isCurrent)) ?? (await serve(generation, around, isCurrent))
      if (fault !== undefined) await end(generation, fault, isCurrent)
    } catch (error) {
      // No generation can mend this.
      if ((current ?? generation) === generation && !closed) training.fail(error)
    }
  }

  /** Tells the driver until the next generation comes. Throws what none can mend. */
  async function end({ plan, ring }: Generation, fault: RingFault, isCurrent: () => boolean): Promise<void> {
    // It is in no collective now, and a next generation may never come.
    if (training.collective !== undefined) await beforeReduce(training.collective, plan, true)
    if (fault.code === 'RING_MISMATCH') throw (await differenceTo(plan)) ?? fault.problem
    if (fault.code === 'RING_MANIFEST_DIFFERS') throw fault.problem
    const said = await driver.suspect(plan, fault, holding.finished, isCurrent)
    if (said === 'over') return
    current = undefined
    ring.abandon()
    throw said.expelled
  }

  /** The first rank that is at something else than this one, in words. Undefined: none says so. */
  async function differenceTo(plan: RingPlan): Promise<Error | undefined> {
    const { rank, members } = plan
    const membership = membershipOf(name, plan)
    const doing = training.question?.doing
    const others = members.map((_, other) => other).filter((other) => other !== rank)
    const said = await Promise.all(
      others.map(async (other) => {
        try {
          return await ask(bus, probeMember, membership.to(other), {}, { timeoutMs: probeWithinMs })
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
    unlisten()
    if (generation !== undefined) {
      await driver.leave(generation.plan, holding.finished, reason)
      if (reason === 'done') await pause(lingerMs)
    }
    close()
  }

  function unlisten(): void {
    for (const call of calls) call.unsubscribe()
    record.close()
  }

  function close(): void {
    if (closed) return
    closed = true
    unlisten()
    pauses.end()
    progress.stop()
    current?.ring.abandon()
    training.close()
  }

  return {
    close,
    keep: () =>
      new Promise((resolve) => {
        kept = resolve
        const { collective } = training
        if (current === undefined) resolve()
        else if (current.ring.fault !== undefined && collective !== undefined)
          beforeReduce(collective, current.plan, true).catch((error: unknown) => training.fail(error))
        else if (current.plan.rank !== 0) resolve()
      }),
  }
}
