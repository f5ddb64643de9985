/** Follows an experiment to its end: what counts comes from the log, what moves from the driver's progress. */
import { driverBeat, problem, progress, type LogEvent, type PayloadOf } from '../../protocol/index.ts'
import { systemClock, type Clock } from '../actor/index.ts'
import { hear, type Bus, type Entry } from '../bus/index.ts'
import { entryOf, logSubject } from '../archive/index.ts'
import { Reading } from '../history/index.ts'
import { refuseUnknown, summarize, type OutputLine, type Result } from '../store/index.ts'
import { noticeMs, type Waiting } from './submit.ts'

export type Progress = PayloadOf<typeof progress>

/** The events that a watcher may listen to. */
export interface Watch {
  /** Each event of the log in its order, after the reading took it in. `live`: it was not there yet when the watch began. */
  onEvent?(event: LogEvent, reading: Reading, live: boolean): void
  /** All that was there when the watch began has been told. */
  onCaughtUp?(): void
  onProgress?(progress: Progress): void
  /** Why nothing goes on, when nothing does; null once it goes on. */
  onWaiting?(waiting: Waiting | null): void
  /** A word about what the experiment runs on: a disk that is full, a server that was started again. */
  onNotice?(text: string): void
  /** A line that a trial printed or logged, or a warning about it. */
  onOutput?(trial: number, line: OutputLine): void
}

/**
 * Resolves with the result once the experiment has ended and nobody has resumed it. Goes on waiting while no driver owns it.
 * Rejects with EXPERIMENT_UNKNOWN, or with the signal's reason.
 */
export async function followExperiment(
  bus: Bus,
  experiment: string,
  watch: Watch = {},
  options: { readonly signal?: AbortSignal | undefined; readonly clock?: Clock | undefined } = {},
): Promise<Result> {
  const { clock = systemClock, signal } = options
  const subject = logSubject(experiment)
  const reading = new Reading(experiment)
  const take = (entry: Entry, live: boolean) => {
    reading.take(entryOf(entry).entry, (event) => watch.onEvent?.(event, reading, live))
  }
  let after = 0
  for await (const entry of bus.streams.read('log', subject)) {
    take(entry, false)
    after = entry.sequence
  }
  refuseUnknown(reading)
  watch.onCaughtUp?.()
  if (reading.over) return summarize(reading)
  if (reading.order.surelyBroken) throw problem('LOG_HOLE', { experiment, fault: reading.order.fault })
  const stopping = new AbortController()
  const signals = signal === undefined ? [stopping.signal] : [stopping.signal, signal]
  const ears = listen(bus, experiment, watch, clock)
  try {
    for await (const entry of bus.streams.follow('log', subject, { after, signal: AbortSignal.any(signals) })) {
      take(entry, true)
      if (reading.over) return summarize(reading)
    }
  } finally {
    stopping.abort()
    ears.close()
  }
  signal?.throwIfAborted()
  throw problem('BUS_CLOSED', {})
}

/** Problems that no actor that is still starting will mend. */
const lasting: ReadonlySet<string> = new Set([
  'CODE_UNSIGNED',
  'CODE_UNTRUSTED',
  'SIGNATURE_EXPIRED',
  'SIGNATURE_INVALID',
])

/** Hears the driver's progress, and notices when no driver beats for this experiment. */
function listen(bus: Bus, experiment: string, watch: Watch, clock: Clock): { close(): void } {
  let lastBeat = clock.elapsed()
  let silent = false
  let timer: unknown
  const alive = () => {
    lastBeat = clock.elapsed()
    if (!silent) return
    silent = false
    watch.onWaiting?.(null)
  }
  const subscriptions = [
    hear(bus, progress, { experiment }, (said) => {
      alive()
      watch.onProgress?.(said)
      // Actors need a moment to start: what has not been waited for long is not worth a word.
      const { waiting } = said
      const isNews = waiting !== null && (waiting.sinceMs >= noticeMs || lasting.has(waiting.code))
      watch.onWaiting?.(isNews ? waiting : null)
    }),
    hear(bus, driverBeat, { driver: '*' }, ({ experiments }) => {
      if (experiments.includes(experiment)) alive()
    }),
  ]
  const look = () => {
    const sinceMs = clock.elapsed() - lastBeat
    if (sinceMs >= noticeMs) {
      silent = true
      const remedy = `start one with \`maggy driver --server ${bus.server}\``
      const code = bus.status === 'connected' ? 'BUS_NO_RESPONDERS' : 'BUS_DISCONNECTED'
      const what = bus.status === 'connected' ? 'no driver has this experiment' : `no connection to ${bus.server}`
      watch.onWaiting?.({ code, message: `${what} for ${Math.round(sinceMs / 1000)} s: ${remedy}`, sinceMs })
    }
    timer = clock.setTimeout(look, 1000)
  }
  timer = clock.setTimeout(look, 1000)
  return {
    close() {
      clock.clearTimeout(timer)
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}
