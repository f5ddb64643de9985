/**
 * Where the server of a data folder says who and where it is: its process, so that a successor can wait for its end, and once it
 * takes connections its address, so that other processes of the same user can look into the folder through it. The token is in
 * the address: only the owner may read the file.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive, parseIdentity, type ProcessIdentity } from '../setup/index.ts'

const fileName = 'nats-server.json'

/** Replaces the file as a whole, so that nobody reads half of it. */
export async function writeAddress(data: string, server: ProcessIdentity, url?: string): Promise<void> {
  const file = join(data, fileName)
  await writeFile(`${file}.new`, JSON.stringify(url === undefined ? server : { ...server, url }), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** The process that was the last server of this folder. */
export async function lastServer(data: string): Promise<ProcessIdentity | undefined> {
  return parseIdentity(await textOf(data))
}

/** The address of the server that runs in this folder now, with the token in it. */
export async function runningServer(data: string): Promise<string | undefined> {
  const text = await textOf(data)
  const server = parseIdentity(text)
  if (server === undefined || !isAlive(server)) return undefined
  const { url } = JSON.parse(text) as { url?: unknown }
  return typeof url === 'string' ? url : undefined
}

async function textOf(data: string): Promise<string> {
  try {
    return await readFile(join(data, fileName), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
