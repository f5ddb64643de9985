/**
 * Changes that users make to an experiment while it goes on, or when it has ended: checked, tried out, then written to the log.
 * I1 A request that is made twice has its effect once, whichever driver hears it.
 * I2 It is decided in one turn, on the history as it is then: of two requests at once the second builds on the first.
 */
import { problem, type AskedChange, type LogEvent } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { changedSubmission, goesBeyond, requestedChange } from '../../../src/change/index.ts'
import type { History } from '../../../src/history/index.ts'
import { faultOfSignature } from '../../../src/signing/index.ts'
import type { Suggestions } from '../suggesting/index.ts'

type Changed = Extract<LogEvent, { type: 'experiment.changed' }>

interface ChangesHost {
  commit(...events: LogEvent[]): void
  /** Resolves once all that was committed is in the log; false: another driver has the experiment. */
  kept(): Promise<boolean>
}

export class Changes {
  readonly #clock: Clock
  readonly #driver: string
  readonly #history: History
  readonly #suggestions: Suggestions
  readonly #host: ChangesHost

  constructor(
    { clock, driver }: { clock: Clock; driver: string },
    history: History,
    suggestions: Suggestions,
    host: ChangesHost,
  ) {
    this.#clock = clock
    this.#driver = driver
    this.#history = history
    this.#suggestions = suggestions
    this.#host = host
  }

  /** Of one that this driver has: the answer comes once the change is kept. */
  async take(asked: AskedChange): Promise<{ state: string; trials: number }> {
    const history = this.#history
    this.#requireChangeable()
    await this.#tryOut(asked)
    this.#requireChangeable()
    const change = this.#decided(asked)
    if (change !== undefined) this.#host.commit(change)
    if (asked.resume === true && history.paused)
      this.#host.commit({ type: 'experiment.resumed', at: this.#clock.now() })
    const reply = { state: history.state, trials: history.submission.context.trials }
    await this.#keep()
    return reply
  }

  /** Hands out nothing more; `now`: what runs is handed back too. */
  async pause(now: boolean): Promise<{ state: string }> {
    const history = this.#history
    if (!history.lifecycle.changeable || history.ended) {
      throw problem('PAUSE_REFUSED', { experiment: history.submission.experiment, state: history.state })
    }
    this.#host.commit({ type: 'experiment.paused', at: this.#clock.now(), ...(now ? { now } : {}) })
    await this.#keep()
    return { state: history.state }
  }

  /** The event that makes the change; undefined: it is made already, or changes nothing. Rejects with why it is refused. */
  async eventOf(asked: AskedChange): Promise<Changed | undefined> {
    await this.#tryOut(asked)
    return this.#decided(asked)
  }

  async #tryOut(asked: AskedChange): Promise<void> {
    const history = this.#history
    if (asked.optimizer === undefined || history.changes.has(asked.id)) return
    await this.#suggestions.tryOut(changedSubmission(history, requestedChange(history, asked)))
  }

  /** I1, I2 */
  #decided(asked: AskedChange): Changed | undefined {
    const history = this.#history
    if (history.changes.has(asked.id)) return undefined
    const change = requestedChange(history, asked)
    if (Object.keys(change).length === 0) return undefined
    return {
      type: 'experiment.changed',
      at: this.#clock.now(),
      id: asked.id,
      change,
      ...this.#signatureOf(asked, change),
    }
  }

  /** A change beyond the signed bounds has to be signed by the same key. */
  #signatureOf({ signature }: AskedChange, change: Changed['change']): Pick<Changed, 'signature'> {
    const { vouched } = this.#history
    const changed = changedSubmission(this.#history, change)
    if (vouched.signature === undefined || !goesBeyond(vouched.context, changed.context)) return {}
    const { experiment } = vouched
    if (signature === undefined) throw problem('CHANGE_UNSIGNED', { experiment, key: vouched.signature.key })
    if (signature.key !== vouched.signature.key) {
      throw problem('SIGNATURE_INVALID', { experiment, reason: 'another key has signed the experiment' })
    }
    // It was made for the context as its client saw it: another change may have come between.
    const fault = faultOfSignature(changed, signature)
    if (fault !== undefined) throw problem('CHANGE_STALE', { experiment })
    return { signature }
  }

  async #keep(): Promise<void> {
    if (await this.#host.kept()) return
    throw problem('DRIVER_FENCED', { driver: this.#driver, experiment: this.#history.submission.experiment })
  }

  #requireChangeable(): void {
    const { lifecycle, submission } = this.#history
    const { changeable, ended, state } = lifecycle
    if (!changeable || ended) throw problem('EXPERIMENT_BUSY', { experiment: submission.experiment, doing: state })
  }
}
