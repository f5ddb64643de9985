/** Options of `maggy optimizer` and `maggy ablator`. */
import { InvalidArgumentError, type Command } from 'commander'
import { defaultLimits } from './sessions.ts'

export interface SuggesterOptions {
  /** Experiments that it keeps in mind. */
  readonly sessions: number
}

export function suggesterOptions(command: Command): Command {
  return command.option(
    '--sessions <count>',
    'experiments to keep in mind; what is forgotten, the driver opens again',
    count,
    defaultLimits.sessions,
  )
}

function count(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('a whole number of at least 1 is needed')
}
