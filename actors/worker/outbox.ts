/**
 * Results on their way to a driver.
 * I1 A result is kept, and said again, until a driver has acknowledged it; an absent driver costs nothing but patience.
 * I2 One lane an experiment: one that has no driver now does not hold up the others, and is only tried now and then.
 * I3 Results of one experiment go together: those that one turn of the event loop puts, and those that can wait for a moment for others.
 * I4 A result that cannot be said as it is (a message too large) is said as a failure. One that is refused too is given up: its driver
 *    finds the attempt gone.
 */
import { ask, type Bus } from '../../src/bus/index.ts'
import type { Clock } from '../../src/actor/index.ts'
import {
  attemptKey,
  codeOf,
  done,
  doneSeveral,
  problem,
  RemoteError,
  severalAtMost,
  toProblem,
  toTold,
  unacknowledgedAtMost,
  type AttemptRef,
  type PayloadOf,
} from '../../protocol/index.ts'

type Result = PayloadOf<typeof done>

export interface Outbox {
  /** Takes a result, and tells it at once; `canWait`: within a few milliseconds, for its slot has other work. */
  put(experiment: string, result: Result, canWait?: boolean): void
  holds(attempt: AttemptRef): boolean
  readonly full: boolean
  /** At most 1,024, oldest first. */
  unacknowledged(): AttemptRef[]
  /** A driver has come: what waits is said now. */
  wake(): void
  /** Resolves once nothing waits any more. */
  empty(): Promise<void>
}

interface Waiting {
  readonly result: Result
  /** It stands for one that was refused. */
  readonly isSubstitute: boolean
}

interface Lane {
  readonly waiting: Map<string, Waiting>
  readonly asked: Set<string>
  backoffMs: number
  timer: unknown
  /** Results that can wait wait until then. */
  linger: unknown
  /** They are told when this turn of the event loop is over. */
  isDue: boolean
  /** Its driver takes one at a time only. */
  isPlain: boolean
}

const limit = unacknowledgedAtMost
const window = severalAtMost
/** So long a result that can wait waits for others. */
const lingerMs = 20
const firstBackoffMs = 50
const lastBackoffMs = 1000
const answerWithinMs = 2000

export function createOutbox(options: {
  readonly bus: Bus
  readonly clock: Clock
  readonly worker: string
  readonly onRefused: (attempt: AttemptRef, error: unknown) => void
  readonly onPut?: (experiment: string, result: Result) => void
}): Outbox {
  const { bus, clock, worker } = options
  const lanes = new Map<string, Lane>()
  const idlers: (() => void)[] = []

  const tellAll = (experiment: string, lane: Lane): void => {
    lane.isDue = false
    clock.clearTimeout(lane.linger)
    lane.linger = undefined
    // Once one was in vain, one at a time is enough to find out that somebody listens again.
    const width = lane.backoffMs > 0 ? 1 : window
    const chosen: (readonly [string, Waiting])[] = []
    for (const one of lane.waiting) {
      if (lane.asked.size + chosen.length >= width) break
      if (!lane.asked.has(one[0])) chosen.push(one)
    }
    if (chosen.length > 1 && !lane.isPlain) void tellSeveral(experiment, lane, chosen)
    else for (const [key, waiting] of chosen) void tellOne(experiment, lane, key, waiting)
  }

  /** When this turn of the event loop is over. */
  const tellSoon = (experiment: string, lane: Lane): void => {
    if (lane.isDue) return
    lane.isDue = true
    queueMicrotask(() => {
      if (lane.isDue && lane.backoffMs === 0) tellAll(experiment, lane)
      lane.isDue = false
    })
  }

  const tellSeveral = async (
    experiment: string,
    lane: Lane,
    chosen: readonly (readonly [string, Waiting])[],
  ): Promise<void> => {
    for (const [key] of chosen) lane.asked.add(key)
    const results = chosen.map(([, { result }]) => result)
    let refusals: readonly unknown[]
    try {
      const answer = await ask(bus, doneSeveral, { worker, experiment }, { results }, { timeoutMs: answerWithinMs })
      refusals = answer.refusals.map((refusal) => (refusal === null ? null : new RemoteError(refusal)))
    } catch (error) {
      // One that is at fault is found out when each is told by itself; so is a driver that takes no more than one.
      if (isFinal(error) || codeOf(error) === 'BUS_NO_RESPONDERS') lane.isPlain = true
      if (!isFinal(error)) delay(lane)
      for (const [key] of chosen) lane.asked.delete(key)
      return settle(experiment, lane)
    }
    let inVain = false
    for (const [index, [key, waiting]] of chosen.entries()) {
      const refusal = refusals[index]
      if (refusal === null) lane.waiting.delete(key)
      else if (refusal === undefined || !isFinal(refusal)) inVain = true
      else refused(experiment, lane, key, waiting, refusal)
      lane.asked.delete(key)
    }
    if (inVain) delay(lane)
    else lane.backoffMs = 0
    settle(experiment, lane)
  }

  const delay = (lane: Lane): void => {
    lane.backoffMs = Math.min(lastBackoffMs, Math.max(firstBackoffMs, lane.backoffMs * 2))
  }

  const refused = (experiment: string, lane: Lane, key: string, waiting: Waiting, error: unknown): void => {
    const { result, isSubstitute } = waiting
    options.onRefused({ experiment, trial: result.trial, attempt: result.attempt }, error)
    lane.waiting.delete(key)
    // I4
    if (!isSubstitute && !unwanted.has(codeOf(error)))
      lane.waiting.set(key, { result: { ...result, outcome: unsayable(error) }, isSubstitute: true })
  }

  const tellOne = async (experiment: string, lane: Lane, key: string, waiting: Waiting): Promise<void> => {
    lane.asked.add(key)
    try {
      await ask(bus, done, { worker, experiment }, waiting.result, { timeoutMs: answerWithinMs })
      lane.backoffMs = 0
      lane.waiting.delete(key)
    } catch (error) {
      if (isFinal(error)) refused(experiment, lane, key, waiting, error)
      else delay(lane)
    }
    lane.asked.delete(key)
    settle(experiment, lane)
  }

  const settle = (experiment: string, lane: Lane): void => {
    if (lane.waiting.size === 0) {
      clock.clearTimeout(lane.timer)
      clock.clearTimeout(lane.linger)
      lanes.delete(experiment)
      if (lanes.size === 0) for (const resolve of idlers.splice(0)) resolve()
    } else if (lane.backoffMs === 0) {
      tellAll(experiment, lane)
    } else if (lane.timer === undefined) {
      lane.timer = clock.setTimeout(() => {
        lane.timer = undefined
        tellAll(experiment, lane)
      }, lane.backoffMs)
    }
  }

  const count = (): number => [...lanes.values()].reduce((sum, lane) => sum + lane.waiting.size, 0)

  return {
    put: (experiment, result, canWait = false) => {
      options.onPut?.(experiment, result)
      let lane = lanes.get(experiment)
      if (lane === undefined) {
        lane = {
          waiting: new Map(),
          asked: new Set(),
          backoffMs: 0,
          timer: undefined,
          linger: undefined,
          isDue: false,
          isPlain: false,
        }
        lanes.set(experiment, lane)
      }
      lane.waiting.set(attemptKey({ experiment, ...result }), { result, isSubstitute: false })
      if (lane.backoffMs > 0) return
      if (!canWait || lane.waiting.size - lane.asked.size >= window) return tellSoon(experiment, lane)
      const lingering = lane
      lane.linger ??= clock.setTimeout(() => {
        lingering.linger = undefined
        if (lingering.backoffMs === 0) tellAll(experiment, lingering)
      }, lingerMs)
    },
    holds: (attempt) => lanes.get(attempt.experiment)?.waiting.has(attemptKey(attempt)) ?? false,
    get full() {
      return count() >= limit
    },
    unacknowledged: () =>
      [...lanes]
        .flatMap(([experiment, { waiting }]) =>
          [...waiting.values()].map(({ result: { trial, attempt } }) => ({ experiment, trial, attempt })),
        )
        .slice(0, limit),
    wake: () => {
      for (const [experiment, lane] of lanes) tellAll(experiment, lane)
    },
    empty: () =>
      lanes.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            idlers.push(resolve)
          }),
  }
}

const finalCodes = new Set<string | undefined>([
  'EXPERIMENT_UNKNOWN',
  'ATTEMPT_FOREIGN',
  'BUS_TOO_LARGE',
  'MESSAGE_INVALID',
  'MESSAGE_MALFORMED',
  'MESSAGE_TOO_LARGE',
])
/** Another word for the same would be refused too. */
const unwanted = new Set<string | undefined>(['EXPERIMENT_UNKNOWN', 'ATTEMPT_FOREIGN'])

/** No repetition will help. */
const isFinal = (error: unknown) => finalCodes.has(codeOf(error))

function unsayable(error: unknown): Result['outcome'] {
  const fault = toTold(
    problem('RESULT_INVALID', { returned: `what cannot be sent: ${toProblem(error).message}`.slice(0, 2048) }),
  )
  return { kind: 'failed', problem: fault }
}
