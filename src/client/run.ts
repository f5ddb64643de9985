/** One experiment from its submission to its end, with a way out. */
import { codeOf, describe, problem, type Submission } from '../../protocol/index.ts'
import { systemClock, type Clock } from '../actor/index.ts'
import { readLog } from '../archive/index.ts'
import { changedSince } from '../bundle/index.ts'
import type { Bus } from '../bus/index.ts'
import { Reading } from '../history/index.ts'
import { changeAndResume, type ChangeOf } from './change.ts'
import { readResult, type Result } from '../store/index.ts'
import { followOutput, outputSoFar } from './output.ts'
import { followExperiment, type Watch } from './follow.ts'
import { fetchSource } from './keeping.ts'
import { signAgain, type SigningOptions } from './signing.ts'
import { pause, stopRunning, submitAgain, submitExperiment, takeUp } from './submit.ts'

export interface RunOptions {
  /** Aborted: the experiment is cancelled (it can be resumed), and its result so far is what there is. */
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
  /** Where drivers own nothing unless they are told: see Session.onDriver. */
  readonly onDriver?: ((again: () => void) => () => void) | undefined
}

/** After a cancel, trials get their grace (by default 5 s) and the driver a moment to write it down. */
const patienceMs = 15_000

/** Submits and follows to the end. Once the signal has aborted, resolves with what there is by then. */
export async function runExperiment(
  bus: Bus,
  submission: Submission,
  code: Uint8Array,
  watch: Watch,
  options: RunOptions = {},
): Promise<Result> {
  const { signal, clock } = options
  await submitExperiment(bus, submission, code, { signal, clock, onWaiting: watch.onWaiting?.bind(watch) })
  return await followUntilEnd(bus, submission.experiment, watch, options, 0)
}

/** Takes an experiment up again, changed perhaps, and follows it to the end. */
export async function resumeAndFollow(
  bus: Bus,
  experiment: string,
  watch: Watch,
  options: RunOptions & SigningOptions & { readonly force?: boolean; readonly change?: ChangeOf } = {},
): Promise<Result> {
  const { signal, clock, force = false, change } = options
  // Rejects with EXPERIMENT_UNKNOWN before anybody is asked.
  const { bundle } = await readResult(bus, experiment)
  // Lines printed before are in the log, and are no news.
  const printed = watch.onOutput === undefined ? 0 : await outputSoFar(bus, experiment)
  const patience = { force, signal, clock, onWaiting: watch.onWaiting?.bind(watch) }
  if (change === undefined) await takeUp(bus, experiment, patience)
  else await changeAndResume(bus, experiment, change, { ...options, ...patience })
  await signAnew(bus, experiment, watch, options)
  const stale = await staleSources(bus, bundle)
  if (stale.length > 0) watch.onNotice?.(staleText(experiment, stale))
  return await followUntilEnd(bus, experiment, watch, options, printed)
}

/** Files of this host that are not any more what the experiment runs. */
async function staleSources(bus: Bus, bundle: Result['bundle']): Promise<readonly string[]> {
  if (bundle === undefined) return []
  try {
    return await changedSince(await fetchSource(bus, bundle.sha256))
  } catch (error) {
    // Whoever runs it says what is wrong with its code.
    if (codeOf(error) === undefined) throw error
    return []
  }
}

const staleText = (experiment: string, files: readonly string[]): string =>
  `${files.join(', ')} changed since: ${experiment} goes on with the code that was sent (\`maggy show ${experiment} --source\`); \`maggy run\` begins another one with what is there now, and \`warmStart\` lets it know this one's trials`

/** Its signature may have expired while it stood still. */
async function signAnew(bus: Bus, experiment: string, watch: Watch, options: SigningOptions): Promise<void> {
  const reading = new Reading(experiment)
  for await (const { entry } of readLog(bus, experiment)) reading.take(entry)
  if (reading.history === null || reading.over) return
  if (await signAgain(bus, reading.history.vouched, options)) watch.onNotice?.('signed anew')
}

async function followUntilEnd(
  bus: Bus,
  experiment: string,
  watch: Watch,
  options: RunOptions,
  printed: number,
): Promise<Result> {
  const { signal, clock = systemClock, onDriver } = options
  const giveUp = new AbortController()
  const hear = watch.onOutput?.bind(watch)
  const output = hear === undefined ? undefined : followOutput(bus, experiment, printed, hear)
  const deaf = onDriver?.(() => void handOver(bus, experiment, watch, clock, giveUp.signal))
  const cancel = () => {
    void cancelled(bus, experiment, clock, giveUp)
  }
  if (signal?.aborted === true) cancel()
  else signal?.addEventListener('abort', cancel, { once: true })
  try {
    return await followExperiment(bus, experiment, watch, { signal: giveUp.signal, clock })
  } catch (error) {
    if (!giveUp.signal.aborted) throw error
    return await readResult(bus, experiment)
  } finally {
    await output?.finish()
    deaf?.()
    signal?.removeEventListener('abort', cancel)
    giveUp.abort()
  }
}

/** Tells a driver of the experiment that the one before it had. Said in vain, it is the watcher that learns that nothing goes on. */
async function handOver(bus: Bus, experiment: string, watch: Watch, clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    await submitAgain(bus, await submissionIn(bus, experiment), {
      signal,
      clock,
      onWaiting: watch.onWaiting?.bind(watch),
    })
  } catch (error) {
    if (signal.aborted) return
    const sinceMs = 0
    watch.onWaiting?.({
      code: codeOf(error) ?? 'INTERNAL',
      message: `no driver takes it up: ${describe(error)}`,
      sinceMs,
    })
  }
}

/** The submission, as it is written down. */
async function submissionIn(bus: Bus, experiment: string): Promise<Submission> {
  for await (const { entry } of readLog(bus, experiment)) {
    for (const event of entry?.events ?? []) if (event.type === 'experiment.accepted') return event.submission
  }
  throw problem('EXPERIMENT_UNKNOWN', { experiment })
}

/** Cancels, and gives up following when the end does not come in time. */
async function cancelled(bus: Bus, experiment: string, clock: Clock, giveUp: AbortController): Promise<void> {
  try {
    await stopRunning(bus, experiment, 'cancel')
    await pause(patienceMs, clock, giveUp.signal)
  } catch (error) {
    // Nobody is there to be told, or the end came in time: either way there is nothing to wait for.
    if (codeOf(error) === undefined && !giveUp.signal.aborted) throw error
  }
  giveUp.abort()
}
