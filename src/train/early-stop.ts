/** Thrown by `reporter.report` when the trial is to end. Let it pass; `finally` blocks run. */
export class EarlyStop extends Error {
  override readonly name = 'EarlyStop'
  /** Why: pruned, cancelled, superseded or timeout. */
  readonly reason: string
  constructor(reason: string) {
    super(`the trial is to end: ${reason}`)
    this.reason = reason
  }
}

/** By name, so that another copy's is recognised too. */
export function isEarlyStop(error: unknown): error is EarlyStop {
  return error instanceof Error && error.name === 'EarlyStop'
}
