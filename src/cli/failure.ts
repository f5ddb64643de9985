/** How the CLI fails: what it prints, and what it exits with. */
import { describe, isProblem, RemoteError, toProblem, type Problem } from '../../protocol/index.ts'

export const exitCode = { ok: 0, failed: 1, usage: 2, unavailable: 69, interrupted: 130 } as const

const usage = new Set([
  'BUS_PORT_IN_USE',
  'CONTEXT_INVALID',
  'CONTEXT_UNKNOWN',
  'EXPERIMENT_EXISTS',
  'EXPERIMENT_INVALID',
  'EXPERIMENT_NOT_EXPORTED',
  'EXPERIMENT_UNKNOWN',
  'HPARAMS_INVALID',
  'MODULE_NOT_COMPILED',
  'MODULE_NOT_FOUND',
  'MODULE_NOT_LOADED',
  'OPTION_INVALID',
  'OPTIMIZER_UNFIT',
  'PRUNER_UNKNOWN',
  'SPACE_INVALID',
])
/** Codes whose stack shows the user's own lines. */
const userCode = new Set(['MODULE_NOT_LOADED', 'TRAIN_FAILED'])

/** The exit code for an error's code: what the user can mend is 2, a bus that cannot be reached or used is 69, the rest is 1. */
export function exitCodeFor(code: string): number {
  if (usage.has(code)) return exitCode.usage
  return code.startsWith('BUS_') ? exitCode.unavailable : exitCode.failed
}

/** `error CODE: message`, the remedy, and a stack where it shows the user's code or is asked for. */
export function failureText(fault: Problem, verbose: boolean): string {
  const lines = [`error ${fault.code}: ${fault.message}`]
  if (fault.remedy !== undefined) lines.push(`remedy: ${fault.remedy}`)
  if (fault.stack !== undefined && (verbose || userCode.has(fault.code))) lines.push(fault.stack)
  return lines.join('\n')
}

/** Prints an error to stderr and returns the exit code. */
export function fail(error: unknown, options: { readonly verbose: boolean; readonly json: boolean }): number {
  const known = isProblem(error) || error instanceof RemoteError
  const fault = toProblem(error)
  if (!known) fault.message = `internal error: ${describe(error)}`
  if (options.json) {
    const { stack: _, ...rest } = fault
    process.stdout.write(`${JSON.stringify({ event: 'error', error: rest })}\n`)
  }
  process.stderr.write(`${failureText(fault, options.verbose || !known)}\n`)
  return exitCodeFor(fault.code)
}
