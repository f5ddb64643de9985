/** Values of options and arguments, as commander's parsers read them. */
import { InvalidArgumentError } from 'commander'
import { bytesIn } from '../words/index.ts'

/** A whole number from 0. */
export function count(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('not a whole number')
  return value
}

export function atLeastOne(text: string): number {
  const value = count(text)
  if (value < 1) throw new InvalidArgumentError('at least 1')
  return value
}

/** `20GB`, or `all`: -1, as many as there are. */
export function room(text: string): number {
  const bytes = text === 'all' ? -1 : bytesIn(text)
  if (bytes === undefined || bytes === 0)
    throw new InvalidArgumentError('not an amount as 20GB or 500MB, and not "all"')
  return bytes
}

/** An option that may be given several times. */
export function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}
