/** The options that a sampler takes, checked. */
import { problem, type MaggyError } from '../../protocol/index.ts'

/** A sampler's refusal, with the path of what it cannot take: `space.lr`, `options.levels`. */
export function unfit(optimizer: string, path: string, reason: string): MaggyError {
  return problem('OPTIMIZER_UNFIT', { optimizer, path, reason })
}

/** Throws OPTIMIZER_UNFIT for an option that the sampler does not have. */
export function refuseUnknown(optimizer: string, options: Readonly<Record<string, unknown>>, known: readonly string[]) {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const has = known.length === 0 ? 'no options' : known.join(', ')
    throw unfit(optimizer, `options.${name}`, `is unknown; ${optimizer} has ${has}`)
  }
}
