/** One slot: its machine, its runner, and the way of an attempt through both. */
import { createActor } from 'xstate'
import type { Clock } from '../../src/actor/index.ts'
import type { BundleCache } from '../../src/bundle/index.ts'
import { tell, type Bus } from '../../src/bus/index.ts'
import {
  problem,
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
import { outcomeOfLoss, recorded, said, type Loss } from './settlement.ts'
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
  /** The runner is warm for the first time. */
  readonly onWarm: (backend: string, versions: Readonly<Record<string, string>>) => void
  readonly onUnfit: (reason: Problem) => void
  /** What it holds has changed, so that drivers want to know now. */
  readonly onChange: () => void
  readonly onEmpty: () => void
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
  handBack(): void
  dismiss(): Promise<void>
}

export function createSlot(options: SlotOptions): Slot {
  const { slot, worker, bus, clock, outbox, lines } = options
  let warm = false
  let everWarm = false
  /** Taken, but not with the runner yet. */
  let loading: { readonly assignment: Assignment; file?: string } | undefined
  let gone: () => void = () => undefined
  const whenGone = new Promise<void>((resolve) => {
    gone = resolve
  })

  const end = (assignment: Assignment, { checkpoint, ...ended }: RunnerEnd): void => {
    const { experiment, trial, attempt } = assignment.attempt
    outbox.put(experiment, { trial, attempt, slot, ...ended, ...(checkpoint === true ? { checkpoint } : {}) })
  }
  const endBeforeStart = (assignment: Assignment, outcome: AttemptOutcome): void => {
    end(assignment, { outcome, startedAt: null, endedAt: clock.now(), points: 0 })
  }

  const machine = slotMachine.provide({
    actions: {
      begin: ({ context }) => {
        if (context.running !== null) void load(context.running)
      },
      handBack: ({ context, event }) => {
        if (context.next === null) return
        endBeforeStart(context.next, {
          kind: 'returned',
          reason: event.type === 'next.drop' ? event.reason : event.type,
        })
      },
      tellIdle: () => {
        options.onChange()
      },
      tellEmpty: () => {
        options.onEmpty()
      },
    },
  })
  const actor = createActor(machine, { clock })

  const load = async (assignment: Assignment): Promise<void> => {
    const mine: typeof loading = { assignment }
    loading = mine
    try {
      mine.file = await options.cache.fetch(bus.blobs, assignment.bundle.sha256)
    } catch (error) {
      if (loading !== mine) return
      loading = undefined
      const fault = said(error)
      endBeforeStart(assignment, { kind: fault.retryable === true ? 'crashed' : 'failed', problem: fault })
      actor.send({ type: 'ended' })
      return
    }
    beginWhenReady()
  }

  const beginWhenReady = (): void => {
    if (!warm || loading?.file === undefined) return
    const { assignment, file } = loading
    loading = undefined
    warm = false
    runner.begin(assignment, file)
  }

  const settle = async (loss: Loss, startedAt: number | null): Promise<void> => {
    const { assignment } = loss
    const endedAt = clock.now()
    let known: Awaited<ReturnType<typeof recorded>> = { latest: {}, points: 0 }
    try {
      known = await recorded(bus, worker, assignment)
    } catch (error) {
      lines.add(assignment.attempt, 'log', `the last metrics cannot be read: ${said(error).message}`)
    }
    if (loss.killed === 'unresponsive') {
      lines.add(assignment.attempt, 'log', problem('TRIAL_UNRESPONSIVE', { ms: assignment.graceMs }).message)
    }
    // Whoever hears of the end finds all that was said.
    await lines.flush()
    end(assignment, { outcome: outcomeOfLoss(loss, known.latest, worker), startedAt, endedAt, points: known.points })
    actor.send({ type: 'ended' })
  }

  actor.start()
  const runner = createRunner({
    slot,
    spawn: options.spawn,
    clock,
    maxServed: options.maxServed,
    maxRssBytes: options.maxRssBytes,
    reports: {
      warm: (backend, versions) => {
        warm = true
        if (!everWarm) options.onWarm(backend, versions)
        everWarm = true
        beginWhenReady()
      },
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
      lost: (loss, startedAt) => void settle(loss, startedAt),
      line: (assignment, from, text) => {
        if (assignment !== null) lines.add(assignment.attempt, from, text)
      },
      gone: () => {
        gone()
      },
    },
  })

  const context = () => actor.getSnapshot().context
  const closed = () => actor.getSnapshot().matches({ lease: 'closed' })
  const status = (): SlotStatus => {
    const { driver, running, next } = context()
    return { slot, driver, running: running?.attempt ?? null, next: next?.attempt ?? null }
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
      const { driver, running, next } = context()
      if (same(running, assignment.attempt) || outbox.holds(assignment.attempt)) return 'running'
      if (same(next, assignment.attempt)) return 'next'
      if (closed()) throw problem('WORKER_DRAINING', { worker })
      if (driver !== assignment.driver) throw problem('LEASE_UNKNOWN', { worker, slot })
      if (next !== null || outbox.full) throw problem('SLOT_TAKEN', { slot, worker, holder: driver })
      actor.send({ type: 'assign', assignment })
      return running === null ? 'running' : 'next'
    },
    stop: (attempt, cause) => {
      const { running, next } = context()
      if (same(next, attempt)) {
        actor.send({ type: 'next.drop', reason: cause })
        return true
      }
      if (running === null || !same(running, attempt)) return false
      if (loading?.assignment === running) {
        loading = undefined
        const reason = cause === 'timeout' ? 'cancelled' : cause
        endBeforeStart(running, { kind: 'stopped', reason, metrics: {} })
        actor.send({ type: 'ended' })
      } else {
        runner.stop(cause)
      }
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
    handBack: () => {
      runner.handBack()
    },
    dismiss: () => {
      runner.dismiss()
      return whenGone
    },
  }
}
