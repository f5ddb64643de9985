/** Runs plug-ins: whatever they throw is their own fault, unless they say that they cannot take the experiment. */
import { describe, isProblem, type ErrorCode } from '../../protocol/index.ts'

export interface Guard {
  /** Runs a plug-in that answers at once. */
  now<T>(run: () => T): T
  /** Runs a plug-in that may take its time. */
  later<T>(run: () => T | Promise<T>): Promise<T>
}

/** `own`: the codes that a plug-in, or a check of what it says, may throw itself. */
export function guardOf(own: readonly ErrorCode[], misbehaved: (reason: string, cause: unknown) => Error): Guard {
  const blame = (error: unknown): unknown =>
    isProblem(error, ...own) ? error : misbehaved(`it threw ${describe(error)}`, error)
  return {
    now(run) {
      try {
        return run()
      } catch (error) {
        throw blame(error)
      }
    },
    async later(run) {
      try {
        return await run()
      } catch (error) {
        throw blame(error)
      }
    },
  }
}
