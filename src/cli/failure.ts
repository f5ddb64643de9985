/** How the CLI fails: what it prints, and what it exits with. */
import { describe, isProblem, RemoteError, systemProblem, toProblem, type Problem } from '../../protocol/index.ts'
import { visible, visibleJson, visibleLines } from '../words/index.ts'
import { exitCodeFor } from '../actor/index.ts'

/** Codes whose stack shows the user's own lines. */
const userCode = new Set(['MODULE_NOT_LOADED', 'TRAIN_FAILED'])

/** `error CODE: message`, the remedy, and a stack where it shows the user's code or is asked for. */
export function failureText(fault: Problem, verbose: boolean): string {
  const lines = [`error ${visible(fault.code)}: ${visibleLines(fault.message)}`]
  if (fault.remedy !== undefined) lines.push(`remedy: ${visibleLines(fault.remedy)}`)
  if (fault.stack !== undefined && (verbose || userCode.has(fault.code))) lines.push(visibleLines(fault.stack))
  return lines.join('\n')
}

/** Prints an error to stderr and returns the exit code. */
export function fail(error: unknown, options: { readonly verbose: boolean; readonly json: boolean }): number {
  const known = isProblem(error) || error instanceof RemoteError || systemProblem(error) !== undefined
  const fault = toProblem(error)
  if (!known) fault.message = `internal error: ${describe(error)}`
  if (options.json) {
    const { stack: _, ...rest } = fault
    process.stdout.write(`${visibleJson(JSON.stringify({ event: 'error', error: rest }))}\n`)
  }
  process.stderr.write(`${failureText(fault, options.verbose || !known)}\n`)
  return exitCodeFor(fault.code)
}
