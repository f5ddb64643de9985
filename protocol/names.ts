/** What may stand in a name. */

/** What would move a cursor, change colours or turn the direction of writing, and halves of signs: for a regular expression's brackets. */
const unprintable =
  '\\u0000-\\u001F\\u007F-\\u009F\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u2069\\uD800-\\uDFFF\\uFEFF'

/** So many printable characters: they can stand on a screen, on one line. */
export const printable = (least: number, most: number): string => `^[^${unprintable}]{${least},${most}}$`

/** An identity can stand in a subject. */
export const identityPattern = '^[A-Za-z0-9_-]{1,128}$'

/** Names that one map may hold where users name things: metrics, hyperparameters. */
export const namesAtMost = 1024

const name = new RegExp(printable(1, 128), 'u')

/** Why a name that a user gave cannot travel; undefined: it can. */
export function faultInName(given: string): string | undefined {
  // msgpack gives a map no entry of this name: what is decoded calls it something else.
  if (given === '__proto__') return 'cannot travel to another process'
  return name.test(given) ? undefined : 'is no name: it takes 1 to 128 printable characters'
}

/** What a pattern asks for, in words. */
export function patternInWords(pattern: string): string {
  if (pattern === identityPattern) return 'letters, digits, - and _ only, 1 to 128 of them'
  const [, least, most] = /\{(\d+),(\d+)\}\$$/.exec(pattern) ?? []
  if (pattern.includes(unprintable)) return `${least} to ${most} printable characters only`
  return `it must fit ${pattern}`
}
