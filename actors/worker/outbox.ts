/**
 * Results on their way to a driver.
 * I1 A result is kept, and said again, until a driver has acknowledged it; an absent driver costs nothing but patience.
 * I2 One lane an experiment: one that has no driver now does not hold up the others, and is only tried now and then.
 * I3 A result that cannot be said as it is (a message too large) is said as a failure. One that is refused too is given up: its driver
 *    finds the attempt gone.
 */
import { ask, type Bus } from '../../src/bus/index.ts'
import type { Clock } from '../../src/actor/index.ts'
import { codeOf, done, problem, toProblem, type AttemptRef, type PayloadOf } from '../../protocol/index.ts'
import { keyOf } from './runner-messages.ts'

type Result = PayloadOf<typeof done>

export interface Outbox {
  /** Takes a result, and tells it at once. */
  put(experiment: string, result: Result): void
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
}

const limit = 1024
const window = 64
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
    // Once one was in vain, one at a time is enough to find out that somebody listens again.
    const width = lane.backoffMs > 0 ? 1 : window
    for (const [key, waiting] of lane.waiting) {
      if (lane.asked.size >= width) return
      if (!lane.asked.has(key)) void tellOne(experiment, lane, key, waiting)
    }
  }

  const tellOne = async (experiment: string, lane: Lane, key: string, waiting: Waiting): Promise<void> => {
    const { result, isSubstitute } = waiting
    lane.asked.add(key)
    try {
      await ask(bus, done, { worker, experiment }, result, { timeoutMs: answerWithinMs })
      lane.backoffMs = 0
      lane.waiting.delete(key)
    } catch (error) {
      if (isFinal(error)) {
        options.onRefused({ experiment, trial: result.trial, attempt: result.attempt }, error)
        lane.waiting.delete(key)
        // I3
        if (!isSubstitute && !unwanted.has(codeOf(error))) {
          lane.waiting.set(key, { result: { ...result, outcome: unsayable(error) }, isSubstitute: true })
        }
      } else {
        lane.backoffMs = Math.min(lastBackoffMs, Math.max(firstBackoffMs, lane.backoffMs * 2))
      }
    }
    lane.asked.delete(key)
    settle(experiment, lane)
  }

  const settle = (experiment: string, lane: Lane): void => {
    if (lane.waiting.size === 0) {
      clock.clearTimeout(lane.timer)
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
    put: (experiment, result) => {
      options.onPut?.(experiment, result)
      let lane = lanes.get(experiment)
      if (lane === undefined) {
        lane = { waiting: new Map(), asked: new Set(), backoffMs: 0, timer: undefined }
        lanes.set(experiment, lane)
      }
      lane.waiting.set(keyOf({ experiment, ...result }), { result, isSubstitute: false })
      if (lane.backoffMs === 0) tellAll(experiment, lane)
    },
    holds: (attempt) => lanes.get(attempt.experiment)?.waiting.has(keyOf(attempt)) ?? false,
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
  const { stack: _, ...fault } = toProblem(
    problem('RESULT_INVALID', { returned: `what cannot be sent: ${toProblem(error).message}`.slice(0, 2048) }),
  )
  return { kind: 'failed', problem: fault }
}
