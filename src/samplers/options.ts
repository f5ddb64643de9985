/** The options that a sampler takes, checked. */
import { problem, type MaggyError } from '../../protocol/index.ts'

/** A sampler's refusal, with the path of the value that it cannot take: `space.lr`, `options.levels`. */
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

type Options = Readonly<Record<string, unknown>>

/** An option that is a number in [least, most], or else the fallback. */
export function numberOption(
  optimizer: string,
  options: Options,
  name: string,
  fallback: number,
  { least = -Infinity, most = Infinity, whole = false }: { least?: number; most?: number; whole?: boolean } = {},
): number {
  const value = options[name]
  if (value === undefined) return fallback
  const fits = typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most
  if (fits && (!whole || Number.isSafeInteger(value))) return value
  const bounds = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`
  throw unfit(
    optimizer,
    `options.${name}`,
    `is ${JSON.stringify(value)}, not a ${whole ? 'whole ' : ''}number ${bounds}`,
  )
}

/** An option that is true or false, or else the fallback. */
export function flagOption(optimizer: string, options: Options, name: string, fallback: boolean): boolean {
  const value = options[name] ?? fallback
  if (typeof value === 'boolean') return value
  throw unfit(optimizer, `options.${name}`, `is ${JSON.stringify(value)}, not true or false`)
}

/** An option that is one of a few words; the first is the fallback. */
export function wordOption<const W extends readonly string[]>(
  optimizer: string,
  options: Options,
  name: string,
  words: W,
): W[number] {
  const value = options[name] ?? words[0]
  if (words.includes(value as string)) return value as string
  throw unfit(optimizer, `options.${name}`, `is ${JSON.stringify(value)}; there are ${words.join(', ')}`)
}
