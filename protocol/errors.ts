/** Errors with codes (error-table.ts), as they are thrown, and as they travel: between processes only codes are compared. */
import { table, type ErrorEntry } from './error-table.ts'

export type ErrorCode = keyof typeof table
export const errorTable: Readonly<Record<ErrorCode, ErrorEntry>> = table

type Names<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never
/** The details that a code's message needs. */
export type Details<C extends ErrorCode> = { readonly [K in Names<(typeof table)[C]['message']>]: string | number }

/** An error as it travels. */
export interface Problem {
  code: string
  message: string
  remedy?: string
  retryable?: boolean
  stack?: string
}

/** The one error class: `code` names the error, `message` says where it happened, `remedy` what to do about it. */
export class MaggyError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, string | number>>
  override readonly name = 'MaggyError'

  constructor(code: ErrorCode, details: Readonly<Record<string, string | number>>, options?: ErrorOptions) {
    super(fill(errorTable[code].message, details), options)
    this.code = code
    this.details = details
  }

  get remedy(): string {
    return fill(errorTable[this.code].remedy, this.details)
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable
  }
}

/** Makes a MaggyError whose details are checked against the code's message. */
export function problem<C extends ErrorCode>(code: C, details: Details<C>, options?: ErrorOptions): MaggyError {
  return new MaggyError(code, details, options)
}

export function isProblem(error: unknown, ...codes: ErrorCode[]): error is MaggyError {
  return error instanceof MaggyError && (codes.length === 0 || codes.includes(error.code))
}

/** Any thrown value as a Problem that can travel; an error that is not from the table becomes INTERNAL. */
export function toProblem(error: unknown): Problem {
  if (error instanceof RemoteError) return error.problem
  const known = error instanceof MaggyError ? error : (systemProblem(error) ?? internal(error))
  const cause = error instanceof MaggyError ? error.cause : error
  const stack = cause instanceof Error ? cause.stack : undefined
  return {
    code: known.code,
    message: clipped(known.message),
    remedy: clipped(known.remedy),
    retryable: known.retryable,
    ...(stack === undefined ? {} : { stack: clipped(stack) }),
  }
}

/** The same for others: the stack stays where it was thrown. */
export function toTold(error: unknown): Problem {
  const { stack: _, ...told } = toProblem(error)
  return told
}

/** Characters of a text that travels. */
const textAtMost = 8192

/** A text that may be of any length, as long as one that travels may be. */
export function clipped(text: string, most = textAtMost): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}

const internal = (error: unknown) => problem('INTERNAL', { reason: describe(error) }, { cause: error })

/** What the operating system refused, as a problem that says what to do; undefined for all that is no such refusal. */
export function systemProblem(error: unknown): MaggyError | undefined {
  if (!(error instanceof Error)) return undefined
  const refusal = error as Error & { readonly code?: unknown; readonly path?: string; readonly syscall?: string }
  const { path = 'a file', syscall } = refusal
  // Node says that it is not there of a folder that cannot be made on a disk that is read-only, and of a file whose folder is not there.
  const isAbsent = refusal.code === 'ENOENT' && (syscall === 'mkdir' || syscall === 'open')
  switch (isAbsent ? 'EROFS' : refusal.code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'EEXIST':
      return problem('FILE_REFUSED', { path, reason: error.message }, { cause: error })
    case 'ENOSPC':
    case 'EDQUOT':
      return problem('DISK_FULL', { path }, { cause: error })
    case 'EMFILE':
    case 'ENFILE':
      return problem('FILES_EXHAUSTED', { reason: error.message }, { cause: error })
    default:
      return undefined
  }
}

/** A Problem that came from another process, thrown here. Compare `problem.code`, or use `codeOf`. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
  readonly problem: Problem
  constructor(remote: Problem) {
    super(remote.message)
    this.problem = remote
  }
  get code(): string {
    return this.problem.code
  }
  get remedy(): string | undefined {
    return this.problem.remedy
  }
}

/** The code of an error from here or from another process. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof MaggyError || error instanceof RemoteError ? error.code : undefined
}

/** One line for any thrown value. */
export function describe(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : error.message
  return typeof error === 'string' ? error : inJson(error)
}

/** Anything may be thrown: what goes round, big integers, objects that refuse to be read. */
function inJson(value: unknown): string {
  const seen = new WeakSet<object>()
  const shown = (_: string, part: unknown): unknown => {
    if (typeof part === 'bigint') return `${part}n`
    if (typeof part !== 'object' || part === null) return part
    if (seen.has(part)) return '…'
    seen.add(part)
    return part
  }
  try {
    return JSON.stringify(value, shown) ?? String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

function fill(template: string, details: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{([a-zA-Z0-9]+)\}/g, (whole, name: string) => String(details[name] ?? whole))
}
