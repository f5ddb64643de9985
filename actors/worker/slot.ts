/** One slot: its machine, and the way of an attempt through it to the crew of runners. */
import { createActor, fromPromise } from 'xstate'
import { beginSpan, type Clock, type Span } from '../../src/actor/index.ts'
import type { BundleCache } from '../../src/bundle/index.ts'
import { tell, type Bus } from '../../src/bus/index.ts'
import {
  attemptKey,
  problem,
  started,
  type Assignment,
  type AttemptRef,
  type AttemptOutcome,
  type SlotStatus,
  toTold,
} from '../../protocol/index.ts'
import type { Crew, SlotHears } from './crew.ts'
import type { LineBook } from './line-book.ts'
import type { Outbox } from './outbox.ts'
import type { RunnerEnd } from './runner.ts'
import type { StopCause } from './runner-messages.ts'
import { loadBundle, readLoss } from './slot-effects.ts'
import { outcomeOfLoss, outcomeOfUnbegun } from './settlement.ts'
import { lineOf, slotMachine } from './slot.machine.ts'

export interface SlotOptions {
  readonly slot: number
  readonly worker: string
  readonly bus: Bus
  readonly clock: Clock
  readonly cache: BundleCache
  readonly outbox: Outbox
  readonly lines: LineBook
  readonly crew: Crew
  /** Attempts that may wait behind the one that runs. */
  readonly ahead: number
  /** What it holds has changed, so that drivers want to know now. */
  readonly onChange: () => void
  readonly onEmpty: () => void
  /** For the worker's own log. */
  readonly onNotice: (text: string, details?: object) => void
}

export interface Slot {
  readonly status: SlotStatus
  /** Throws SLOT_TAKEN, WORKER_DRAINING. */
  lease(driver: string): SlotStatus
  release(driver: string): void
  endLease(): void
  /** Throws LEASE_UNKNOWN, WORKER_DRAINING, SLOT_TAKEN. */
  assign(assignment: Assignment): 'running' | 'next'
  /** `ifWaiting`: what has begun goes on. Says whether the attempt is here. */
  stop(attempt: AttemptRef, cause: StopCause, ifWaiting?: boolean): boolean
  drain(): void
  /** Hands back what it holds, at no cost; with `only`: if it is this. */
  handBack(only?: AttemptRef): void
}

/** Of an attempt that is over by then, nobody has to hear that it has begun: its result says when. */
const startedAfterMs = 20
/** While so many wait, their driver has time to send more before the slot falls idle. */
const enoughWaiting = 4
/** Whether the code of short trials is still the same on the disk is looked at so often, and not for each. */
const lookAgainMs = 250

export function createSlot(options: SlotOptions): Slot {
  const { slot, worker, bus, clock, outbox, lines, crew } = options
  let telling: unknown
  /** The code that was handed over last. */
  let loaded: { sha256: string | undefined; file: string; at: number } = {
    sha256: undefined,
    file: '',
    at: -Infinity,
  }
  /** The attempt that began last. */
  let begun: Span | undefined
  const end = (assignment: Assignment, { checkpoint, ...ended }: RunnerEnd): void => {
    const { experiment, trial, attempt } = assignment.attempt
    const result = { trial, attempt, slot, ...ended, ...(checkpoint === true ? { checkpoint } : {}) }
    // While enough waits here, nobody has to be in a hurry with the next ones.
    outbox.put(experiment, result, ended.outcome.kind === 'done' && lineOf(context()).length >= enoughWaiting)
  }
  /** Of an attempt that no runner has had. */
  const endUnbegun = (assignment: Assignment | null, outcome: AttemptOutcome): void => {
    if (assignment !== null) end(assignment, { outcome, startedAt: null, endedAt: clock.now(), points: 0 })
  }

  const machine = slotMachine.provide({
    actors: {
      load: fromPromise(({ input, signal }) => loadBundle(options, input, signal)),
      read: fromPromise(({ input }) => readLoss(options, input)),
    },
    guards: {
      isNextAtHand: ({ context: { next } }) =>
        loaded.sha256 !== undefined &&
        loaded.sha256 === next?.bundle?.sha256 &&
        clock.elapsed() - loaded.at < lookAgainMs,
    },
    actions: {
      handOver: ({ context: { current } }, { file }) => {
        if (current === null) return
        if (file !== null) loaded = { sha256: current.bundle?.sha256, file, at: clock.elapsed() }
        crew.begin(current, file ?? loaded.file, hears)
      },
      stopRunner: (_, { cause }) => {
        crew.stop(slot, cause)
      },
      handBackRunner: () => {
        crew.handBack(slot)
      },
      tellStopped: ({ context }, { cause }) => {
        endUnbegun(context.current, outcomeOfUnbegun(cause))
      },
      tellHandedBack: ({ context }) => {
        endUnbegun(context.current, outcomeOfUnbegun(null, problem('WORKER_DRAINING', { worker }).message))
      },
      tellLate: ({ context }) => {
        endUnbegun(context.current, outcomeOfUnbegun(null, 'its code did not arrive'))
      },
      tellUnloadable: ({ context }, { error }) => {
        const fault = toTold(error)
        endUnbegun(context.current, { kind: fault.retryable === true ? 'crashed' : 'failed', problem: fault })
      },
      tellLost: ({ context }, { recorded, error }) => {
        const { loss } = context
        if (loss === null) return
        const { assignment, startedAt } = loss
        if (recorded === undefined) {
          const reason = error === undefined ? 'no answer' : toTold(error).message
          lines.add(assignment.attempt, 'log', `the last metrics cannot be read: ${reason}`)
        }
        const { latest = {}, points = 0 } = recorded ?? {}
        const endedAt = startedAt === null || begun === undefined ? clock.now() : begun.endedAt()
        end(assignment, { outcome: outcomeOfLoss(loss, latest, worker), startedAt, endedAt, points })
      },
      handBackNext: ({ context }, { reason, attempt }) => {
        for (const waiting of lineOf(context))
          if (attempt === undefined || same(waiting, attempt)) endUnbegun(waiting, { kind: 'returned', reason })
      },
      tellIdle: () => {
        options.onChange()
      },
      tellEmpty: () => {
        options.onEmpty()
      },
      refuse: ({ event }) => {
        const { value: state } = actor.getSnapshot()
        options.onNotice('an event that the slot does not expect now', { slot, state, event: event.type })
      },
    },
  })
  const actor = createActor(machine, { clock })
  actor.start()
  const hears: SlotHears = {
    started: ({ attempt: { experiment, trial, attempt } }, at) => {
      begun = beginSpan(clock, at)
      telling = clock.setTimeout(() => {
        tell(bus, started, { worker, experiment }, { trial, attempt, slot, at })
      }, startedAfterMs)
    },
    ended: (assignment, ended) => {
      clock.clearTimeout(telling)
      // What waits is handed over first; the result travels beside it.
      actor.send({ type: 'ended' })
      end(assignment, ended)
    },
    lost: (loss) => {
      clock.clearTimeout(telling)
      actor.send({ type: 'lost', loss })
    },
    line: ({ attempt }, from, text) => {
      lines.add(attempt, from, text)
    },
  }

  const context = () => actor.getSnapshot().context
  const closed = () => actor.getSnapshot().matches({ lease: 'closed' })
  const status = (): SlotStatus => {
    const { driver, current, next, behind } = context()
    const first = { slot, driver, running: current?.attempt ?? null, next: next?.attempt ?? null }
    return behind.length === 0 ? first : { ...first, behind: behind.map(({ attempt }) => attempt) }
  }
  const same = (assignment: Assignment | null, attempt: AttemptRef) =>
    assignment !== null && attemptKey(assignment.attempt) === attemptKey(attempt)

  return {
    get status() {
      return status()
    },
    lease: (driver) => {
      if (closed()) throw problem('WORKER_DRAINING', { worker })
      const { driver: holder } = context()
      if (holder !== null && holder !== driver) throw problem('SLOT_TAKEN', { slot, worker, holder })
      actor.send({ type: 'lease', driver })
      return status()
    },
    release: (driver) => {
      const isIts = context().driver === driver
      actor.send({ type: 'release', driver })
      // Other drivers may wait for the slot.
      if (isIts && context().driver === null) options.onChange()
    },
    endLease: () => {
      actor.send({ type: 'lease.end' })
    },
    assign: (assignment) => {
      const { driver, current } = context()
      const waiting = lineOf(context())
      if (same(current, assignment.attempt) || outbox.holds(assignment.attempt)) return 'running'
      if (waiting.some((one) => same(one, assignment.attempt))) return 'next'
      if (closed()) throw problem('WORKER_DRAINING', { worker })
      if (driver !== assignment.driver) throw problem('LEASE_UNKNOWN', { worker, slot })
      if (waiting.length >= options.ahead || outbox.full) throw problem('SLOT_TAKEN', { slot, worker, holder: driver })
      actor.send({ type: 'assign', assignment })
      return current === null ? 'running' : 'next'
    },
    stop: (attempt, cause, ifWaiting = false) => {
      const { current } = context()
      if (lineOf(context()).some((one) => same(one, attempt))) actor.send({ type: 'next.drop', attempt, reason: cause })
      else if (!same(current, attempt)) return false
      else if (!ifWaiting) actor.send({ type: 'stop', cause })
      return true
    },
    drain: () => {
      actor.send({ type: 'drain' })
    },
    handBack: (only) => {
      if (only === undefined || same(context().current, only)) actor.send({ type: 'handback' })
    },
  }
}
