/**
 * The crew of a worker: its runners, and which of them gets what a slot hands over. Where dozens of runners take turns at trials of a
 * millisecond, each finds the processor's caches cold, and its heap never settles: a trial costs half as much again. So the one that was at
 * work last gets the next, and while trials are short only so many work at once. One that takes longer keeps nobody waiting.
 * I1 What a slot hands over ends once: by a runner's word, by the exit of its process, or untouched.
 * I2 What has not begun costs nothing: when its runner goes before it says that it has begun, another one gets it.
 * I3 What waits begins in the order in which it was handed over.
 */
import type { Clock } from '../../src/actor/index.ts'
import { tell, type Bus } from '../../src/bus/index.ts'
import { runnerNotice, runnerStop, type Assignment, type Problem } from '../../protocol/index.ts'
import { createRunner, type Runner, type RunnerEnd } from './runner.ts'
import type { StopCause } from './runner-messages.ts'
import type { SpawnRunner } from './runner-process.ts'
import { isHandedBack, outcomeOfUnbegun, type Loss } from './settlement.ts'
import { createTurns } from './turns.ts'

/** What a slot hears of that which it has handed over. */
export interface SlotHears {
  started(assignment: Assignment, at: number): void
  ended(assignment: Assignment, end: RunnerEnd): void
  /** Its runner went with it. */
  lost(loss: Loss): void
  line(assignment: Assignment, from: 'stdout' | 'stderr', text: string): void
}

export interface CrewOptions {
  readonly worker: string
  readonly bus: Bus
  readonly clock: Clock
  readonly size: number
  /** So many start at once, and so many at most work through short trials: cores. */
  readonly atOnce: number
  readonly spawn: SpawnRunner
  readonly maxServed: number
  readonly maxRssBytes: number
  /** The process of one is ready for the first time, or anew. */
  readonly onWarm: (runner: number, backend: string, versions: Readonly<Record<string, string>>) => void
  /** One cannot be started on this host. */
  readonly onUnfit: (reason: Problem) => void
  readonly onNotice: (text: string, details?: object) => void
}

export interface Crew {
  /** A slot hands one over at a time, and the crew sees to its end. */
  begin(assignment: Assignment, file: string, hears: SlotHears): void
  stop(slot: number, cause: StopCause): void
  /** The worker goes, and cannot wait for what this slot has handed over. */
  handBack(slot: number): void
  /** The host goes: whoever works is told to hand back what it has after its next checkpoint. */
  giveNotice(): void
  /** A runner's second thread was heard. */
  heard(runner: number): void
  /** Once a second. `deaf`: we cannot hear anybody now. */
  tick(deaf: boolean): void
  /** Resolves when all are gone. */
  dismiss(): Promise<void>
}

/** What a slot has handed over, until it has ended. */
interface Handed {
  readonly assignment: Assignment
  readonly file: string
  readonly hears: SlotHears
  /** Runners that went before they had begun it. */
  readonly tries: number
  /** Who has it, since when, and whether it was seen to take long; undefined: it waits. */
  readonly by?: { readonly runner: number; readonly since: number; readonly isLong: boolean }
}

/** Trials that take longer are not short ones. */
const shortMs = 3
/** While trials are short, one that has not ended after so long (others had the processor, perhaps) keeps nobody waiting, either. */
const patienceMs = 50
/** Weight of a trial in what trials take at present. */
const freshness = 0.1
/** What a trial costs beside what it takes, in ms of a core: its runner, and this worker with whoever is beyond it. */
const costMs = { runner: 0.3, others: 0.6 }
/** What was to begin so many times, and never did, has brought its runners down. */
const maximumTries = 3

export function createCrew(options: CrewOptions): Crew {
  const { worker, bus, clock, onNotice } = options
  /** By slot, in the order in which they were handed over. */
  const handed = new Map<number, Handed>()
  /** Runners in order, the one that was at work last at the end. */
  const order = Array.from({ length: options.size }, (_, runner) => options.size - 1 - runner)
  /** What trials take at present, in ms; Infinity: one has taken long, or there was none. */
  let usualMs = Infinity
  let isDue = false
  let looking: unknown
  /** Runners that can be had. */
  let left = options.size
  let gone: () => void = () => undefined
  const allGone = new Promise<void>((resolve) => {
    gone = resolve
  })

  /**
   * So many work at once: of the cores as many as they use while others see to what they have done. With more of them, each trial of no time
   * costs a runner half as much again.
   */
  const places = (): number => {
    if (usualMs === Infinity) return options.atOnce
    const runner = usualMs + costMs.runner
    return Math.max(1, Math.round((options.atOnce * runner) / (runner + costMs.others)))
  }
  /** It is over, and whatever waits may have its place. */
  const drop = ({ assignment: { slot } }: Handed): void => {
    handed.delete(slot)
    want()
  }
  const end = (one: Handed, ended: RunnerEnd): void => {
    drop(one)
    if (ended.startedAt !== null) {
      const tookMs = ended.endedAt - ended.startedAt
      usualMs = usualMs === Infinity ? tookMs : usualMs + freshness * (tookMs - usualMs)
    }
    one.hears.ended(one.assignment, ended)
  }
  const endUnbegun = (one: Handed, cause: StopCause | null): void => {
    end(one, { outcome: outcomeOfUnbegun(cause), startedAt: null, endedAt: clock.now(), points: 0 })
  }

  const next = (): void => {
    isDue = false
    if (left === 0) {
      for (const one of handed.values()) endUnbegun(one, null)
      return
    }
    let free = places()
    for (const { by } of handed.values()) if (by?.isLong === false) free -= 1
    for (const [slot, one] of handed) {
      if (one.by !== undefined) continue
      if (free <= 0) {
        looking ??= clock.setTimeout(look, shortMs)
        return
      }
      const runner = order.findLast((each) => runners[each]?.isFree)
      if (runner === undefined) return
      free -= 1
      order.splice(order.indexOf(runner), 1)
      order.push(runner)
      handed.set(slot, { ...one, by: { runner, since: clock.elapsed(), isLong: false } })
      runners[runner]?.begin(one.assignment, one.file)
    }
  }
  const look = (): void => {
    looking = undefined
    const now = clock.elapsed()
    const limitMs = usualMs <= shortMs ? patienceMs : shortMs
    for (const [slot, { by, ...one }] of handed) {
      if (by === undefined || by.isLong || now - by.since < limitMs) continue
      handed.set(slot, { ...one, by: { ...by, isLong: true } })
      usualMs = Infinity
    }
    next()
  }
  /** Once what happens now has happened: a runner is free a moment after it has told its end. */
  const want = (): void => {
    if (isDue) return
    isDue = true
    queueMicrotask(next)
  }

  const lose = (one: Handed, loss: Loss): void => {
    const { assignment, file, hears, tries } = one
    const mayBeginAgain =
      loss.startedAt === null && loss.cause === null && !isHandedBack(loss) && tries + 1 < maximumTries
    // I2
    if (mayBeginAgain) {
      handed.set(assignment.slot, { assignment, file, hears, tries: tries + 1 })
      want()
    } else {
      drop(one)
      hears.lost(loss)
    }
  }

  /** A runner speaks of nothing but what it was told to begin, which is here until it tells the end. */
  const of = ({ slot }: Assignment): Handed | undefined => handed.get(slot)
  const turns = createTurns(options.atOnce)
  const runners: readonly Runner[] = Array.from({ length: options.size }, (_, runner) =>
    createRunner({
      runner,
      spawn: options.spawn,
      turns,
      clock,
      tellStop: ({ attempt }, reason) => {
        tell(bus, runnerStop, { worker, runner: String(runner) }, { attempt, reason })
      },
      maxServed: options.maxServed,
      maxRssBytes: options.maxRssBytes,
      reports: {
        free: want,
        warm: (backend, versions) => {
          options.onWarm(runner, backend, versions)
        },
        unfit: options.onUnfit,
        started: (assignment, at) => {
          of(assignment)?.hears.started(assignment, at)
        },
        ended: (assignment, ended) => {
          const one = of(assignment)
          if (one !== undefined) end(one, ended)
        },
        lost: (loss) => {
          const one = of(loss.assignment)
          if (one !== undefined) lose(one, loss)
        },
        line: (assignment, from, text) => {
          of(assignment)?.hears.line(assignment, from, text)
        },
        notice: onNotice,
        gone: () => {
          left -= 1
          want()
          if (left === 0) gone()
        },
      },
    }),
  )

  /** What waits ends untouched; of what is at work this is the runner, which has to hear of it. */
  const withdraw = (slot: number, cause: StopCause | null): Runner | undefined => {
    const one = handed.get(slot)
    if (one?.by !== undefined) return runners[one.by.runner]
    if (one !== undefined) endUnbegun(one, cause)
    return undefined
  }

  return {
    begin: (assignment, file, hears) => {
      handed.set(assignment.slot, { assignment, file, hears, tries: 0 })
      want()
    },
    stop: (slot, cause) => {
      withdraw(slot, cause)?.stop(cause)
    },
    handBack: (slot) => {
      withdraw(slot, null)?.handBack()
    },
    giveNotice: () => {
      for (const { assignment, by } of handed.values()) {
        if (by === undefined) continue
        tell(bus, runnerNotice, { worker, runner: String(by.runner) }, { attempt: assignment.attempt })
      }
    },
    heard: (runner) => {
      runners[runner]?.heard()
    },
    tick: (deaf) => {
      for (const runner of runners) runner.tick(deaf)
    },
    dismiss: () => {
      for (const runner of runners) runner.dismiss()
      return allGone
    },
  }
}
