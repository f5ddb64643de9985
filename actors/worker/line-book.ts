/** Lines on their way to a trial's log: gathered for a moment, recorded in order, bounded. */
import type { Clock } from '../../src/actor/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import {
  attemptKey,
  encodePayload,
  isProblem,
  output,
  subjectFor,
  type AttemptRef,
  type PayloadOf,
} from '../../protocol/index.ts'

type Line = PayloadOf<typeof output>['lines'][number]

export interface LineBook {
  add(attempt: AttemptRef, from: Line['from'], text: string): void
  /** Resolves once all that was added is recorded, or could not be. */
  flush(): Promise<void>
}

/** A trial may say so many lines; what comes after is counted, not kept. */
const maximumLines = 10_000
const maximumText = 8192
const maximumBatchBytes = 128 * 1024
/** Attempts whose count is remembered. */
const rememberedAttempts = 256

interface Batch {
  readonly attempt: AttemptRef
  readonly lines: Line[]
  bytes: number
}

/** `author` keeps the ids of two speakers for one trial apart. */
export function createLineBook(options: {
  readonly bus: Bus
  readonly clock: Clock
  readonly worker: string
  readonly author: string
  readonly onLost: (attempt: AttemptRef, error: unknown) => void
}): LineBook {
  const { bus, clock, worker, author } = options
  const counts = new Map<string, number>()
  let batches: Batch[] = []
  let serial = 0
  let running: Promise<void> | undefined

  const write = async (): Promise<void> => {
    // One turn of the loop is enough to gather what comes at once.
    await Promise.resolve()
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const { experiment, trial, attempt } = batch.attempt
      const subject = subjectFor(output, { worker, experiment, trial: String(trial) })
      serial += 1
      const id = `${author}-${serial}`
      for (let tries = 1; ; tries += 1) {
        try {
          await bus.streams.record(subject, encodePayload(output, { attempt, lines: batch.lines }, subject), { id })
          break
        } catch (error) {
          if (tries >= 20 || isProblem(error, 'MESSAGE_INVALID', 'MESSAGE_TOO_LARGE')) {
            options.onLost(batch.attempt, error)
            break
          }
          await new Promise<void>((resolve) => clock.setTimeout(resolve, Math.min(1000, 50 * 2 ** tries)))
        }
      }
    }
    running = undefined
  }

  return {
    add: (attempt, from, text) => {
      const key = attemptKey(attempt)
      const count = (counts.get(key) ?? 0) + 1
      counts.delete(key)
      counts.set(key, count)
      if (counts.size > rememberedAttempts) counts.delete(counts.keys().next().value ?? '')
      if (count > maximumLines + 1) return
      const kept =
        count > maximumLines ? `… more than ${maximumLines} lines: the rest is left out` : text.slice(0, maximumText)
      const line: Line = { at: clock.now(), from: count > maximumLines ? 'log' : from, text: kept }
      const last = batches.at(-1)
      if (
        last !== undefined &&
        attemptKey(last.attempt) === key &&
        last.lines.length < 1024 &&
        last.bytes < maximumBatchBytes
      ) {
        last.lines.push(line)
        last.bytes += kept.length
      } else {
        batches.push({ attempt, lines: [line], bytes: kept.length })
        if (batches.length > 1024) batches = batches.slice(-1024)
      }
      running ??= write()
    },
    flush: async () => {
      for (let turn = running; turn !== undefined; turn = running) await turn
    },
  }
}
