/** Files that decide who may do what: read whole, and only if nobody but their owner could have written them. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { systemProblem } from '../../protocol/index.ts'

export interface Demands {
  /** Permission bits that the file must not have. */
  readonly mustNot: number
  /** A sentence for people about the harm that others could do with these files. */
  readonly would: string
  /** Bytes. */
  readonly maxBytes: number
  /** Whether it may also belong to root, as what an administrator or a container brings does. */
  readonly rootToo: boolean
}

export type OwnedFile =
  { readonly kind: 'read'; readonly text: string } | { readonly kind: 'refused'; readonly reason: string }

/** Checks and reads by one descriptor, so that the file that was checked is the file that is read. Never throws for what the file is. */
export async function readOwned(path: string, { mustNot, would, maxBytes, rootToo }: Demands): Promise<OwnedFile> {
  const refused = (reason: string): OwnedFile => ({ kind: 'refused', reason })
  try {
    // Opening a pipe that nobody writes to would never come back.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stat = await file.stat()
      const { mode, uid, size } = stat
      if (!stat.isFile()) return refused('it is no regular file')
      if (size > maxBytes) return refused(`it has ${size} bytes; ${maxBytes} are the most`)
      const me = process.getuid?.()
      if (me !== undefined && uid !== me && !(rootToo && uid === 0)) return refused('it belongs to another user')
      if (me !== undefined && (mode & mustNot) !== 0) {
        return refused(`others may ${would} it (its mode is ${(mode & 0o777).toString(8).padStart(4, '0')})`)
      }
      return { kind: 'read', text: await file.readFile('utf8') }
    } finally {
      await file.close()
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return refused('it is not there')
    if (code === undefined) throw error
    return refused(systemProblem(error)?.message ?? code)
  }
}
