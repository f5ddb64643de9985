/** Wall clocks that can be set: libfaketime, loaded before a process, reads from a file how far its clock is off. Monotonic clocks stay. */
import { existsSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const name = join('faketime', 'libfaketimeMT.so.1')
const roots = ['/usr/lib', '/usr/lib64', '/usr/local/lib']

/** Where libfaketime is installed (Debian: `apt-get install libfaketime`); undefined: it is not. */
export function findFaketime(): string | undefined {
  const folders = roots.filter((root) => existsSync(root))
  const all = folders.flatMap((root) => [root, ...readdirSync(root).map((each) => join(root, each))])
  return all.map((folder) => join(folder, name)).find((file) => existsSync(file))
}

/** What a process is started with whose clock follows the file. */
export const clockEnvironment = (library: string, file: string): Record<string, string> => ({
  LD_PRELOAD: library,
  FAKETIME_TIMESTAMP_FILE: file,
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  // The file is read again after so many seconds.
  FAKETIME_CACHE_DURATION: '1',
})

/** A new clock is right (0 s). */
export const setClock = (file: string, seconds: number): Promise<void> =>
  writeFile(file, `${seconds < 0 ? '' : '+'}${seconds}\n`)
