/**
 * An experiment's submission as it stands now: as it was submitted, with all that was changed since. Pure.
 * I1 A change that is asked for twice is made once, by the number of the request.
 * I2 A signature vouches for the submission that it came with: what was changed within its bounds later is not in `vouched`.
 */
import type { LogEvent, Submission } from '../../protocol/index.ts'
import { changedContext } from './change.ts'

export type Changed = Extract<LogEvent, { type: 'experiment.changed' }>

export class CurrentSubmission {
  /** With the signature that it has now. */
  now: Submission
  /** I2 */
  vouched: Submission
  readonly #changes = new Set<string>()
  /** The requests by which it was changed (I1). */
  readonly changes: ReadonlySet<string> = this.#changes

  constructor(submission: Submission) {
    this.now = submission
    this.vouched = submission
  }

  /** `configurations`: those that were suggested before. */
  change({ id, change, signature }: Changed, configurations: number): void {
    this.#changes.add(id)
    const context = changedContext(this.now.context, change, configurations)
    this.now = { ...this.now, context, ...(signature === undefined ? {} : { signature }) }
    if (signature !== undefined) this.vouched = this.now
  }

  sign({ signature }: Extract<LogEvent, { type: 'experiment.signed' }>): void {
    this.now = { ...this.now, signature }
    this.vouched = { ...this.vouched, signature }
  }
}

/** Logs from before there were other changes. */
export function asChange({ at, optimizer }: Extract<LogEvent, { type: 'optimizer.swapped' }>): Changed {
  return { type: 'experiment.changed', at, id: `swap-${at}`, change: { optimizer } }
}
