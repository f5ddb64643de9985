/** The signature of an experiment: whose code it is, how long that is vouched for, and another one in its place. */
import { problem, type LogEvent, type Signature } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import type { History } from '../../../src/history/index.ts'
import { faultOfSignature } from '../../../src/signing/index.ts'

interface SignaturesHost {
  commit(event: LogEvent): void
  /** Resolves once all that was committed is in the log; false: another driver has the experiment. */
  kept(): Promise<boolean>
}

export class Signatures {
  readonly #clock: Clock
  readonly #driver: string
  readonly #history: History
  readonly #host: SignaturesHost

  constructor({ clock, driver }: { clock: Clock; driver: string }, history: History, host: SignaturesHost) {
    this.#clock = clock
    this.#driver = driver
    this.#history = history
    this.#host = host
  }

  /** Whose signature is good now; undefined: there is none, or it has expired. */
  get key(): string | undefined {
    return this.#good?.key
  }

  /** Somebody signs what was submitted. One that is good still gives way to its own key only. */
  async take(signature: Signature): Promise<Record<string, never>> {
    const { vouched } = this.#history
    const { experiment } = vouched
    const fault = faultOfSignature(vouched, signature)
    if (fault !== undefined) throw fault
    if (this.key !== undefined && this.key !== signature.key) {
      const reason = 'another key has signed it, and that signature is good still'
      throw problem('SIGNATURE_INVALID', { experiment, reason })
    }
    this.#host.commit({ type: 'experiment.signed', at: this.#clock.now(), signature })
    if (!(await this.#host.kept())) throw problem('DRIVER_FENCED', { driver: this.#driver, experiment })
    return {}
  }

  get #good(): Signature | undefined {
    const { signature } = this.#history.submission
    return signature === undefined || signature.expiresAt <= this.#clock.now() ? undefined : signature
  }
}
