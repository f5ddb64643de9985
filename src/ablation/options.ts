/** The parts that all ablators share: checked options, and a key that tells one removal from another. */
import { problem, type MaggyError } from '../../protocol/index.ts'

export function unfit(ablator: string, path: string, reason: string): MaggyError {
  return problem('ABLATOR_UNFIT', { ablator, path, reason })
}

/** Throws ABLATOR_UNFIT for an option that the ablator does not have. */
export function refuseUnknown(ablator: string, options: Readonly<Record<string, unknown>>, known: readonly string[]) {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const has = known.length === 0 ? 'no options' : known.join(', ')
    throw unfit(ablator, `options.${name}`, `is unknown; ${ablator} has ${has}`)
  }
}

/** The same for the same components, in whatever order. */
export const removalKey = (without: readonly string[]) => JSON.stringify([...without].sort())
