/**
 * The worker: offers slots on the bus, and runs what drivers that hold them assign. It never runs user code itself.
 * I1 It is the sole authority on its slots: the first driver to ask for one holds it until it releases it or falls silent.
 * I2 What runs goes on without a driver; its result waits in the outbox until some driver has acknowledged it.
 * I3 With a gate, nothing of an experiment's code is fetched or run before the gate has let it in.
 */
import { randomUUID } from 'node:crypto'
import { createActor } from 'xstate'
import { every, spaced, type Clock, type Measure } from '../../src/actor/index.ts'
import type { BundleCache } from '../../src/bundle/index.ts'
import { answer, hear, tell, type Bus, type OnDropped } from '../../src/bus/index.ts'
import type { Gate, Trust } from '../../src/signing/index.ts'
import {
  announce,
  assign,
  assignSeveral,
  beat,
  callActors,
  driverBeat,
  lease,
  leave,
  ping,
  problem,
  release,
  rollCall,
  runnerBeat,
  stopTrial,
  toTold,
  type Assignment,
  type PayloadOf,
  type Problem,
  type WorkerInfo,
  type WorkerStatus,
} from '../../protocol/index.ts'
import { createAttemptTraces } from './attempt-traces.ts'
import { createCrew } from './crew.ts'
import { createHolders } from './holders.ts'
import { createLineBook } from './line-book.ts'
import { watchNamesakes } from './namesake.ts'
import { createOutbox } from './outbox.ts'
import type { SpawnRunner } from './runner-process.ts'
import { workerMeasures } from './measures.ts'
import { createSlot, type Slot } from './slot.ts'
import { workerMachine } from './worker.machine.ts'

export interface WorkerOptions {
  readonly bus: Bus
  readonly clock: Clock
  /** Everything about this worker but what its first runner tells. */
  readonly info: Omit<WorkerInfo, 'backend' | 'trusts'>
  readonly cache: BundleCache
  readonly spawn: SpawnRunner
  /** So many runners start at once, and so many at most work through short trials: cores. Default: all. */
  readonly runnersAtOnce?: number
  /** What it lets in; without one: whatever it is given. */
  readonly gate?: Gate
  /** The keys that the gate asks for, as they are now. */
  readonly trust?: Trust
  readonly maxTrialsPerRunner: number
  /** Resident memory of a runner above which it is replaced between two trials. */
  readonly maxRssBytes: number
  /** The host goes when the drain is over: what has checkpoints is handed back after the next one. */
  readonly notice: boolean
  /** How long a drain waits for what runs; null: as long as it takes. */
  readonly drainTimeoutMs: number | null
  readonly onDropped?: OnDropped
  /** In [0, 1): what thousands of workers do at one sign is spread over time by it. Default: Math.random. */
  readonly random?: () => number
  /** For the process's own log. */
  readonly onNotice: (text: string, details?: object) => void
}

export interface Worker {
  readonly status: WorkerStatus
  /** It in numbers. */
  measures(): Iterable<Measure>
  /** What it trusts has changed. */
  announceAgain(): void
  /** Takes nothing new, lets what runs end, delivers what is owed, says good-bye. */
  drain(reason: string): Promise<void>
  /** Resolves when it is announced for the first time. */
  readonly present: Promise<void>
  /** Resolves when it has left; rejects when its runner cannot be started on this host. */
  readonly ended: Promise<void>
}

const beatMs = 1_000
/** Between two beats that say what has changed: each names all slots. */
const newsGapMs = 20
/** A drain waits this long for somebody to take its results. */
const deliveryMs = 10_000

export function createWorker(options: WorkerOptions): Worker {
  const { bus, clock, info, onDropped, onNotice, random = Math.random, runnersAtOnce = Infinity } = options
  const { worker } = info
  let backend = ''
  let versions = info.versions
  /** Why it cannot work here. */
  let fault: Error | undefined
  let resolvePresent: () => void = () => undefined
  const present = new Promise<void>((resolve) => {
    resolvePresent = resolve
  })
  let resolveEnded: () => void = () => undefined
  let rejectEnded: (error: Error) => void = () => undefined
  const ended = new Promise<void>((resolve, reject) => {
    resolveEnded = resolve
    rejectEnded = reject
  })

  const lines = createLineBook({
    bus,
    clock,
    worker,
    author: randomUUID(),
    onLost: (attempt, error) => {
      onNotice('output lost', { attempt, problem: toTold(error) })
    },
  })
  const traces = createAttemptTraces(worker, clock)
  /** Attempts that have ended here, by their outcome. */
  const outcomes = new Map<string, number>()
  const outbox = createOutbox({
    bus,
    clock,
    worker,
    onRefused: (attempt, error) => {
      onNotice('a result was refused', { attempt, problem: toTold(error) })
    },
    onPut: (experiment, result) => {
      const { kind } = result.outcome
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
      traces.ended(experiment, result)
    },
  })

  const holders = createHolders(bus, clock, (driver) => {
    for (const slot of slots) if (slot.status.driver === driver) slot.endLease()
    actor.send({ type: 'changed' })
  })
  // Changes in many slots are one beat.
  const news = spaced(clock, () => actor.send({ type: 'changed' }))
  const slots: Slot[] = []
  const status = ({ reason, warm } = actor.getSnapshot().context): WorkerStatus => {
    const offered = new Set(warm)
    return {
      slots: slots.filter((_, slot) => offered.has(slot)).map((slot) => slot.status),
      unacknowledged: outbox.unacknowledged(),
      draining: reason !== null,
    }
  }

  const machine = workerMachine.provide({
    actions: {
      announce: ({ context }) => {
        if (namesakes.isTaken) return
        const trusts = options.trust === undefined ? {} : { trusts: [...options.trust.keys()] }
        const told = { ...info, backend, versions, ...trusts }
        tell(bus, announce, { worker }, { info: told, status: status(context) })
        namesakes.present()
      },
      beat: ({ context }) => {
        if (!namesakes.isTaken) tell(bus, beat, { worker }, status(context))
      },
      expireLeases: () => {
        holders.tick(new Set(slots.flatMap(({ status: { driver } }) => (driver === null ? [] : [driver]))))
      },
      extendLeases: () => {
        holders.extend()
        outbox.wake()
      },
      drainSlots: () => {
        for (const slot of slots) slot.drain()
      },
      awaitDelivery: () => void deliver(),
      leave: ({ context }) => void goodbye(context.reason ?? ''),
      refuse: ({ event }) => {
        onNotice('an event that the worker does not expect now', {
          state: actor.getSnapshot().value,
          event: event.type,
        })
      },
    },
  })
  const actor = createActor(machine, { input: { slots: info.slots }, clock })

  const deliver = async (): Promise<void> => {
    let timer: unknown
    const late = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, deliveryMs)
    })
    await Promise.race([Promise.all([outbox.empty(), lines.flush()]), late])
    clock.clearTimeout(timer)
    const kept = outbox.unacknowledged()
    if (kept.length > 0)
      onNotice('nobody took these results: they are lost, and will be tried again', { attempts: kept })
    actor.send({ type: 'delivered' })
  }

  const goodbye = async (reason: string): Promise<void> => {
    stopTicking()
    news.end()
    // Of a worker whose bus is closed, drivers hear no more beats: they know by that.
    if (bus.status !== 'closed' && !namesakes.isTaken) tell(bus, leave, { worker }, { reason })
    for (const subscription of subscriptions) subscription.unsubscribe()
    namesakes.end()
    stopStatus()
    await crew.dismiss()
    if (fault === undefined) resolveEnded()
    else rejectEnded(fault)
  }

  const drain = (reason: string): Promise<void> => {
    if (actor.getSnapshot().context.reason === null) {
      actor.send({ type: 'drain', reason })
      if (options.notice) crew.giveNotice()
      if (options.drainTimeoutMs !== null) {
        clock.setTimeout(() => {
          for (const slot of slots) slot.handBack()
        }, options.drainTimeoutMs)
      }
    }
    return ended
  }

  /** What is wrong is told by `ended`. */
  const drainFor = (reason: string): void => {
    drain(reason).catch(() => undefined)
  }

  const crew = createCrew({
    worker,
    bus,
    clock,
    size: info.slots,
    atOnce: runnersAtOnce,
    spawn: options.spawn,
    maxServed: options.maxTrialsPerRunner,
    maxRssBytes: options.maxRssBytes,
    // For each runner that works it offers a slot.
    onWarm: (slot, name, found) => {
      backend = name
      versions = { ...info.versions, ...found }
      actor.send({ type: 'warm', slot })
      if (actor.getSnapshot().context.warm.length === info.slots && !namesakes.isTaken) resolvePresent()
    },
    onUnfit: (reason) => {
      fault ??= problem('SETUP_FAILED', { part: 'runner', reason: reason.message }, { cause: reason })
      drainFor(reason.message)
    },
    onNotice,
  })
  for (let slot = 0; slot < info.slots; slot += 1) {
    slots.push(
      createSlot({
        slot,
        worker,
        bus,
        clock,
        cache: options.cache,
        outbox,
        lines,
        crew,
        ahead: info.ahead ?? 1,
        onNotice,
        onChange: () => {
          news.want(newsGapMs)
        },
        onEmpty: () => {
          actor.send({ type: 'slot.empty' })
        },
      }),
    )
  }

  let answering: unknown
  const answerRollCall = (spreadMs: number): void => {
    const announceNow = (): void => {
      clock.clearTimeout(answering)
      answering = undefined
      actor.send({ type: 'rollcall' })
    }
    if (spreadMs === 0) announceNow()
    else answering = clock.setTimeout(announceNow, random() * spreadMs)
  }

  const slotAt = (slot: number): Slot => {
    const found = slots[slot]
    if (found === undefined) throw problem('LEASE_UNKNOWN', { worker, slot })
    return found
  }
  const heardRunner = (runner: number, { attempt, kept }: PayloadOf<typeof runnerBeat>): void => {
    crew.heard(runner)
    if (kept === true && attempt !== null && status().draining) for (const slot of slots) slot.handBack(attempt)
  }
  const take = (assignment: Assignment): { position: 'running' | 'next' } => {
    // I3
    const refusal = options.gate?.refusal(assignment, clock.now())
    if (refusal !== undefined) {
      onNotice('an assignment was refused', { attempt: assignment.attempt, problem: toTold(refusal) })
      throw refusal
    }
    const position = slotAt(assignment.slot).assign(assignment)
    traces.assigned(assignment.attempt)
    return { position }
  }
  const takeOrSay = (assignment: Assignment): ReturnType<typeof take> | { problem: Problem } => {
    try {
      return take(assignment)
    } catch (error) {
      return { problem: toTold(error) }
    }
  }
  const dropped = onDropped === undefined ? {} : { onDropped }

  const subscriptions = [
    answer(bus, lease, { worker }, ({ driver, slot }) => {
      const found = slotAt(slot).lease(driver)
      holders.add(driver)
      return { slot, status: found }
    }),
    answer(bus, release, { worker }, ({ driver, slot }) => {
      slotAt(slot).release(driver)
      return {}
    }),
    answer(bus, assign, { worker }, (assignment) => take(assignment)),
    answer(bus, assignSeveral, { worker }, ({ assignments }) => ({ answers: assignments.map(takeOrSay) })),
    answer(bus, stopTrial, { worker }, ({ attempt, reason, ifWaiting = false }) => ({
      known: slots.some((slot) => slot.stop(attempt, reason, ifWaiting)),
    })),
    answer(bus, ping, { worker }, () => status()),
    hear(
      bus,
      driverBeat,
      { driver: '*' },
      (_, { driver }) => {
        holders.heard(driver)
      },
      dropped,
    ),
    hear(
      bus,
      rollCall,
      { driver: '*' },
      ({ spreadMs = 0 }, { driver }) => {
        // Each caller has its answer within its own time: several that call at once have one.
        if (answering === undefined || spreadMs === 0) answerRollCall(spreadMs)
        holders.rollCalled(driver)
        outbox.wake()
      },
      dropped,
    ),
    hear(bus, callActors, { actor: '*' }, () => actor.send({ type: 'rollcall' }), dropped),
    hear(bus, runnerBeat, { worker, runner: '*' }, (said, { runner }) => heardRunner(Number(runner), said), dropped),
  ]
  const namesakes = watchNamesakes({
    bus,
    clock,
    worker,
    ...dropped,
    onTaken: () => {
      // What is asked of the other one is not answered here.
      for (const subscription of subscriptions) subscription.unsubscribe()
      fault ??= problem('WORKER_THERE', { worker })
      drainFor(fault.message)
    },
    onNotice,
  })
  const stopStatus = bus.onStatus((now) => {
    if (now === 'connected') namesakes.connected()
    actor.send({ type: now === 'connected' ? 'connected' : 'disconnected' })
  })

  const stopTicking = every(clock, beatMs, () => {
    crew.tick(bus.status !== 'connected')
    // One that was said while the connection was down is said again.
    if (options.notice && status().draining) crew.giveNotice()
    actor.send({ type: 'tick' })
  })
  actor.start()

  return {
    get status() {
      return status()
    },
    measures: () => workerMeasures(status(), outcomes),
    present,
    ended,
    announceAgain: () => {
      actor.send({ type: 'rollcall' })
    },
    drain,
  }
}
