/** Identities that can stand in a subject. */
import { randomBytes } from 'node:crypto'

/** `prefix-` and eight characters (a-z, 2-7: 40 bits), so that people can read it out. */
export function newId(prefix: string): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
  const characters = Array.from(randomBytes(8), (byte) => alphabet[byte % 32])
  return `${prefix}-${characters.join('')}`
}
