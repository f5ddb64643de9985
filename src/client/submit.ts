/** A client's words with drivers: each may be repeated, and is, for as long as nobody answers. */
import {
  bundleBucket,
  changeExperiment,
  checkBundle,
  codeOf,
  describe,
  resumeExperiment,
  stopExperiment,
  submit,
  type Submission,
} from '../../protocol/index.ts'
import { beginSpan, newId, systemClock, type Clock } from '../actor/index.ts'
import { ask, type Bus } from '../bus/index.ts'
import { traced } from '../tracing/index.ts'

/** Why nothing goes on; `code` is one of the table of errors. */
export interface Waiting {
  readonly code: string
  readonly message: string
  readonly sinceMs: number
}
export interface Patience {
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
  /** Called again and again while nobody answers, and with null once somebody did. */
  readonly onWaiting?: ((waiting: Waiting | null) => void) | undefined
}

const answerMs = 10_000
const retryMs = 250
/** An absence shorter than this is not worth a word: actors need a moment to start. */
export const noticeMs = 10_000

/** Stores the code and hands the experiment to any driver; waits for one if there is none. */
export async function submitExperiment(
  bus: Bus,
  submission: Submission,
  code: Uint8Array,
  patience: Patience = {},
): Promise<void> {
  const { clock = systemClock } = patience
  const span = beginSpan(clock)
  await untilAnswered(patience, async () => {
    await store(bus, submission, code)
    await ask(bus, submit, {}, submission, { timeoutMs: answerMs })
  })
  // The last experiment with this code may have been removed before this one was accepted. It is accepted, whoever answers this.
  await store(bus, submission, code).catch((error: unknown) => {
    if (!isAbsence(error)) throw error
  })
  const { experiment } = submission
  traced(() => ({ experiment, name: 'submit', startedAt: span.startedAt, endedAt: span.endedAt() }))
}

async function store(bus: Bus, { bundle }: Submission, code: Uint8Array): Promise<void> {
  if (bundle === undefined) return
  const { sha256 } = bundle
  if ((await ask(bus, checkBundle, {}, { sha256 }, { timeoutMs: answerMs })).known) return
  // Clients may not read what lies in the store.
  const writer = bus.blobs.writer(bundleBucket, sha256, { blind: true })
  await writer.write(code)
  await writer.end()
}

/**
 * Hands over an experiment that was accepted before, and whose driver is gone: another one takes it up where its log ends. Unlike
 * `takeUp` it leaves an experiment that has ended as it is.
 */
export async function submitAgain(bus: Bus, submission: Submission, patience: Patience = {}): Promise<void> {
  await untilAnswered(patience, () => ask(bus, submit, {}, submission, { timeoutMs: answerMs }))
}

/** Takes up an experiment that was stopped, is paused, or whose driver is gone; `force`: though its log has a hole, or else LOG_HOLE. */
export async function takeUp(
  bus: Bus,
  experiment: string,
  { force = false, ...patience }: Patience & { readonly force?: boolean } = {},
): Promise<void> {
  const question = { experiment, ...(force ? { force } : {}) }
  const request = { id: newId('resume'), resume: true }
  await untilAnswered(patience, async () => {
    try {
      // One that is paused goes on where it is.
      await ask(bus, changeExperiment, { experiment }, request, { timeoutMs: answerMs })
    } catch (error) {
      if (codeOf(error) !== 'BUS_NO_RESPONDERS') throw error
      await ask(bus, resumeExperiment, {}, question, { timeoutMs: answerMs })
    }
  })
}

/** Ends an experiment early. Rejects with BUS_NO_RESPONDERS if no driver owns it. */
export async function stopRunning(bus: Bus, experiment: string, mode: 'finish' | 'cancel'): Promise<string> {
  const { state } = await ask(bus, stopExperiment, { experiment }, { mode }, { timeoutMs: answerMs })
  return state
}

/** Asks again and again for as long as nobody is there to answer, or could answer yet. */
export async function untilAnswered(patience: Patience, call: () => Promise<unknown>): Promise<void> {
  const { signal, clock = systemClock, onWaiting } = patience
  const since = clock.elapsed()
  let said = false
  for (;;) {
    signal?.throwIfAborted()
    try {
      await call()
      if (said) onWaiting?.(null)
      return
    } catch (error) {
      if (!isAbsence(error)) throw error
      const sinceMs = clock.elapsed() - since
      if (sinceMs >= noticeMs) {
        said = true
        onWaiting?.({ code: codeOf(error) ?? 'INTERNAL', message: noDriver(describe(error)), sinceMs })
      }
    }
    await pause(retryMs, clock, signal)
  }
}

/** Nobody was there to answer, or whoever was could not answer yet; everything else is an answer. */
function isAbsence(error: unknown): boolean {
  const code = codeOf(error)
  return (
    code === 'BUS_NO_RESPONDERS' ||
    code === 'BUS_TIMEOUT' ||
    code === 'BUS_DISCONNECTED' ||
    code === 'EXPERIMENT_BUSY' ||
    code === 'DRIVER_FENCED'
  )
}

const noDriver = (reason: string) => `no driver answers (${reason})`

/** Resolves after `ms`; rejects with the signal's reason. */
export function pause(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }, ms)
    const aborted = () => {
      clock.clearTimeout(timer)
      reject(reasonOf(signal))
    }
    if (signal?.aborted === true) aborted()
    else signal?.addEventListener('abort', aborted, { once: true })
  })
}

/** The reason of an aborted signal, as an Error. */
export function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  return reason instanceof Error ? reason : new Error(describe(reason))
}
