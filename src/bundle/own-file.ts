/** Files and folders of the user's own: nobody else may have had a hand in what is run out of them. */
import { constants, lstatSync, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { problem } from '../../protocol/index.ts'

const notOwn = (path: string, reason: string) => problem('FILE_REFUSED', { path, reason })

/** Reads a regular file of the user's own. Rejects with FILE_REFUSED for a symbolic link and for what others may write, and with Node's ENOENT. */
export async function readOwn(path: string): Promise<Buffer> {
  // One descriptor for the check and for reading. Opening a pipe that nobody writes to would never come back.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => {
      throw error.code === 'ELOOP' ? notOwn(path, 'it is a symbolic link') : error
    },
  )
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw notOwn(path, 'it is no regular file')
    refuseOthers(path, stat)
    return await file.readFile()
  } finally {
    await file.close()
  }
}

/** Throws FILE_REFUSED unless it is a folder of the user's own, and no link to one; Node's ENOENT, where there is none. */
export function assertOwnFolder(path: string): void {
  const stat = lstatSync(path)
  if (stat.isSymbolicLink()) throw notOwn(path, 'it is a symbolic link, and must be a folder')
  if (!stat.isDirectory()) throw notOwn(path, 'it is no folder')
  refuseOthers(path, stat)
}

function refuseOthers(path: string, { uid, mode }: Stats): void {
  if (process.getuid === undefined) return
  if (uid !== process.getuid()) throw notOwn(path, 'it belongs to another user')
  if ((mode & 0o022) !== 0) throw notOwn(path, 'others may write it: `chmod go-w` it')
}
