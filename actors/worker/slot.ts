/** One slot: its machine, its runner, and the way of an attempt through both. */
import { createActor, fromPromise } from 'xstate'
import type { Clock } from '../../src/actor/index.ts'
import type { BundleCache } from '../../src/bundle/index.ts'
import { tell, type Bus } from '../../src/bus/index.ts'
import {
  problem,
  runnerNotice,
  started,
  type Assignment,
  type AttemptRef,
  type AttemptOutcome,
  type Problem,
  type SlotStatus,
} from '../../protocol/index.ts'
import type { LineBook } from './line-book.ts'
import type { Outbox } from './outbox.ts'
import { createRunner, type RunnerEnd } from './runner.ts'
import { keyOf, type StopCause } from './runner-messages.ts'
import type { SpawnRunner } from './runner-process.ts'
import { loadBundle, readLoss } from './slot-effects.ts'
import { outcomeOfLoss, outcomeOfUnbegun, said } from './settlement.ts'
import { slotMachine } from './slot.machine.ts'

export interface SlotOptions {
  readonly slot: number
  readonly worker: string
  readonly bus: Bus
  readonly clock: Clock
  readonly cache: BundleCache
  readonly outbox: Outbox
  readonly lines: LineBook
  readonly spawn: SpawnRunner
  readonly maxServed: number
  readonly maxRssBytes: number
  /** A runner is ready to take an attempt. */
  readonly onWarm: (backend: string, versions: Readonly<Record<string, string>>) => void
  readonly onUnfit: (reason: Problem) => void
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
  stop(attempt: AttemptRef, cause: StopCause): boolean
  heard(): void
  tick(deaf: boolean): void
  drain(): void
  /** The host goes: the runner is told to hand back what it has after its next checkpoint. */
  giveNotice(): void
  /** Hands back what it holds, at no cost. */
  handBack(): void
  dismiss(): Promise<void>
}

export function createSlot(options: SlotOptions): Slot {
  const { slot, worker, bus, clock, outbox, lines } = options
  let gone: () => void = () => undefined
  const whenGone = new Promise<void>((resolve) => {
    gone = resolve
  })

  const end = (assignment: Assignment, { checkpoint, ...ended }: RunnerEnd): void => {
    const { experiment, trial, attempt } = assignment.attempt
    outbox.put(experiment, { trial, attempt, slot, ...ended, ...(checkpoint === true ? { checkpoint } : {}) })
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
    actions: {
      handOver: ({ context }, { file }) => {
        if (context.current !== null) runner.begin(context.current, file)
      },
      stopRunner: (_, { cause }) => {
        runner.stop(cause)
      },
      handBackRunner: () => {
        runner.handBack()
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
        const fault = said(error)
        endUnbegun(context.current, { kind: fault.retryable === true ? 'crashed' : 'failed', problem: fault })
      },
      tellLost: ({ context }, { recorded, error }) => {
        const { loss } = context
        if (loss === null) return
        const { assignment, startedAt } = loss
        if (recorded === undefined) {
          const reason = error === undefined ? 'no answer' : said(error).message
          lines.add(assignment.attempt, 'log', `the last metrics cannot be read: ${reason}`)
        }
        const { latest = {}, points = 0 } = recorded ?? {}
        end(assignment, { outcome: outcomeOfLoss(loss, latest, worker), startedAt, endedAt: clock.now(), points })
      },
      handBackNext: ({ context }, { reason }) => {
        endUnbegun(context.next, { kind: 'returned', reason })
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
  const runner = createRunner({
    slot,
    spawn: options.spawn,
    clock,
    maxServed: options.maxServed,
    maxRssBytes: options.maxRssBytes,
    reports: {
      warm: options.onWarm,
      unfit: options.onUnfit,
      started: (assignment, at) => {
        const { experiment, trial, attempt } = assignment.attempt
        tell(bus, started, { worker, experiment }, { trial, attempt, slot, at })
      },
      ended: (assignment, ended) => {
        // What waits begins first; the result travels beside it.
        actor.send({ type: 'ended' })
        end(assignment, ended)
      },
      lost: (loss) => {
        actor.send({ type: 'lost', loss })
      },
      line: (assignment, from, text) => {
        if (assignment !== null) lines.add(assignment.attempt, from, text)
      },
      notice: options.onNotice,
      gone: () => {
        gone()
      },
    },
  })

  const context = () => actor.getSnapshot().context
  const closed = () => actor.getSnapshot().matches({ lease: 'closed' })
  const status = (): SlotStatus => {
    const { driver, current, next } = context()
    return { slot, driver, running: current?.attempt ?? null, next: next?.attempt ?? null }
  }
  const same = (assignment: Assignment | null, attempt: AttemptRef) =>
    assignment !== null && keyOf(assignment.attempt) === keyOf(attempt)

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
      actor.send({ type: 'release', driver })
    },
    endLease: () => {
      actor.send({ type: 'lease.end' })
    },
    assign: (assignment) => {
      const { driver, current, next } = context()
      if (same(current, assignment.attempt) || outbox.holds(assignment.attempt)) return 'running'
      if (same(next, assignment.attempt)) return 'next'
      if (closed()) throw problem('WORKER_DRAINING', { worker })
      if (driver !== assignment.driver) throw problem('LEASE_UNKNOWN', { worker, slot })
      if (next !== null || outbox.full) throw problem('SLOT_TAKEN', { slot, worker, holder: driver })
      actor.send({ type: 'assign', assignment })
      return current === null ? 'running' : 'next'
    },
    stop: (attempt, cause) => {
      const { current, next } = context()
      if (same(next, attempt)) actor.send({ type: 'next.drop', reason: cause })
      else if (same(current, attempt)) actor.send({ type: 'stop', cause })
      else return false
      return true
    },
    heard: () => {
      runner.heard()
    },
    tick: (deaf) => {
      runner.tick(deaf)
    },
    drain: () => {
      actor.send({ type: 'drain' })
    },
    giveNotice: () => {
      const attempt = context().current?.attempt
      if (attempt !== undefined) tell(bus, runnerNotice, { worker, slot: String(slot) }, { attempt })
    },
    handBack: () => {
      actor.send({ type: 'handback' })
    },
    dismiss: () => {
      runner.dismiss()
      return whenGone
    },
  }
}
