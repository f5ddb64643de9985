/** The keys that a worker trusts: a file with a line for each, KEY NAME; what begins with # is a comment. */
import { check, problem, PublicKey } from '../../protocol/index.ts'
import { readOwned } from './owned-file.ts'

/** The names of trusted keys, by key. */
export type Trust = ReadonlyMap<string, string>

/** An announce holds no more than this. */
const mostKeys = 1024

/** Rejects with TRUST_REFUSED. */
export async function readTrust(file: string): Promise<Trust> {
  const refuse = (reason: string) => problem('TRUST_REFUSED', { path: file, reason })
  const found = await readOwned(file, { mustNot: 0o022, would: 'write', maxBytes: 2 ** 20, rootToo: true })
  if (found.kind === 'refused') throw refuse(found.reason)
  const trust = new Map<string, string>()
  for (const [index, line] of found.text.split(/\r?\n/).entries()) {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) continue
    const [key = '', ...name] = text.split(/\s+/)
    try {
      check(PublicKey, key, file)
    } catch (error) {
      throw problem(
        'TRUST_REFUSED',
        { path: file, reason: `line ${index + 1} begins with no public key` },
        { cause: error },
      )
    }
    trust.set(key, name.join(' '))
  }
  // A worker that trusts nobody would run nothing; whoever wants that has no need of a worker.
  if (trust.size === 0) throw refuse('it names no key')
  if (trust.size > mostKeys) throw refuse(`it names ${trust.size} keys; ${mostKeys} are the most`)
  return trust
}
