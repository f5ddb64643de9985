/**
 * An experiment that is kept in MLflow while it runs.
 * I1 A server that is slow, gone or unwilling holds nothing up and fails nothing: it is said once, and what is missing is sent when it is
 *    there again, for a short while after the end, too.
 */
import { describe } from '../../protocol/index.ts'
import { systemClock, type Clock } from '../actor/index.ts'
import type { Bus } from '../bus/index.ts'
import { MlflowRecord, type MlflowServer } from '../mlflow/index.ts'
import { readArtifact } from '../store/index.ts'
import { followTrials, type Tell, type Told } from './follow-trials.ts'
import { pause } from './submit.ts'

/** After the end of the experiment. */
const lateMs = 10_000
const retryMs = 1_000

export interface Tracking {
  /** Messages to be said, in their order. */
  readonly notices: readonly string[]
  /** Resolves when all has been sent, or after ten seconds; call it when the experiment is over. Never rejects. */
  finish(): Promise<void>
}

/** Begins to keep an experiment that has been accepted. `say` is told what people should know. */
export function trackIn(
  server: MlflowServer,
  bus: Bus,
  experiment: string,
  say: (text: string) => void,
  clock: Clock = systemClock,
): Tracking {
  const notices: string[] = []
  const notice = (text: string) => {
    notices.push(text)
    say(text)
  }
  const record = new MlflowRecord(server, (...which) => readArtifact(bus, ...which))
  const giveUp = new AbortController()
  const outage = new Outage(server.url, notice)
  /** Events that a failed telling leaves to the next one. */
  const pending = new Map<number, Told>()
  let quietUntil = 0

  const attempt: Tell = async (outline, trials) => {
    for (const told of trials) pending.set(told.trial.trial, told)
    if (clock.elapsed() < quietUntil) return
    const sending = [...pending.values()]
    try {
      await record.tell(outline, sending)
      for (const told of sending) if (pending.get(told.trial.trial) === told) pending.delete(told.trial.trial)
      outage.over()
    } catch (error) {
      quietUntil = clock.elapsed() + retryMs
      outage.begins(describe(error))
    }
  }
  const following = (async () => {
    const { trials: _, ...outline } = await followTrials(bus, experiment, attempt, { signal: giveUp.signal, clock })
    while (outage.lasts) {
      await pause(retryMs, clock, giveUp.signal)
      await attempt(outline, [])
    }
  })()
  const settled = following.then(
    () => true,
    (error: unknown) => {
      if (!giveUp.signal.aborted) outage.begins(describe(error))
      return false
    },
  )
  return {
    notices,
    async finish() {
      const late = pause(lateMs, clock, giveUp.signal).then(
        () => false,
        () => false,
      )
      const isComplete = await Promise.race([settled, late])
      giveUp.abort()
      if (isComplete) return
      notice(
        `MLflow at ${server.url} has not all of it: \`maggy export ${experiment} --mlflow ${server.url}\` sends the rest`,
      )
    },
  }
}

/** Said when it begins and when it is over. */
class Outage {
  lasts = false
  readonly #url: string
  readonly #notice: (text: string) => void

  constructor(url: string, notice: (text: string) => void) {
    this.#url = url
    this.#notice = notice
  }

  begins(reason: string): void {
    if (!this.lasts) this.#notice(`MLflow at ${this.#url} does not take it: ${reason}; the experiment goes on without`)
    this.lasts = true
  }

  over(): void {
    if (this.lasts) this.#notice(`MLflow at ${this.#url} takes it again: what was missing has been sent`)
    this.lasts = false
  }
}
