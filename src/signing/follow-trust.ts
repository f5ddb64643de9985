/**
 * The keys that a worker trusts, while it runs: the file is looked at again and again.
 * I1 A file that is refused, or is not there any more, trusts nobody, until it can be read again.
 */
import { describe } from '../../protocol/index.ts'
import { every, type Clock } from '../actor/index.ts'
import { readTrust, type Trust } from './trust.ts'

const lookMs = 2_000

/**
 * Keeps `trust` as the file has it, until the function that it returns is called. `onChange`: why nobody is trusted; undefined: the file is
 * fine.
 */
export function followTrust(
  file: string,
  trust: Map<string, string>,
  { clock, onChange }: { readonly clock: Clock; readonly onChange: (refusal: string | undefined) => void },
): () => void {
  let refusal: string | undefined
  let looking = false

  const look = async (): Promise<void> => {
    let found: Trust = new Map()
    let refused: string | undefined
    try {
      found = await readTrust(file)
    } catch (error) {
      refused = describe(error)
    }
    if (refused === refusal && isSame(found, trust)) return
    refusal = refused
    trust.clear()
    for (const [key, name] of found) trust.set(key, name)
    onChange(refusal)
  }
  return every(clock, lookMs, () => {
    // A file system that hangs is asked once.
    if (looking) return
    looking = true
    void look().finally(() => {
      looking = false
    })
  })
}

const isSame = (one: Trust, other: Trust): boolean =>
  one.size === other.size && [...one].every(([key, name]) => other.get(key) === name)
