/** How what cannot travel is named: what it is, and the way by which the training function came to it. */
import { problem, type MaggyError } from '../../protocol/index.ts'

/** The way from a function that is shipped to a value in it: names of functions, then of a variable and its members. */
export interface Trail {
  /** Outermost first. */
  readonly functions: readonly string[]
  /** `socket.connection` */
  readonly value: string
}

export const into = ({ functions, value }: Trail, variable: string): Trail => ({
  functions: [...functions, value],
  value: variable,
})

export const member = (trail: Trail, key: string): Trail => ({
  ...trail,
  value: /^\d+$/.test(key) ? `${trail.value}[${key}]` : `${trail.value}.${key}`,
})

export function refusal(trail: Trail, reason: string, remedy: string): MaggyError {
  return problem('CLOSURE_REFUSED', { path: pathOf(trail), reason, remedy })
}

function pathOf({ functions, value }: Trail): string {
  const users = functions.toReversed()
  return users.length === 0 ? value : `${value} (used by ${users.join(', used by ')})`
}
