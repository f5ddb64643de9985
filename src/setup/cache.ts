import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { withLock } from './lock.ts'

/** Where downloads and builds are kept for later clones: MAGGY_CACHE, XDG_CACHE_HOME/maggy, or ~/.cache/maggy. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment['MAGGY_CACHE']) return environment['MAGGY_CACHE']
  return join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'maggy')
}

/**
 * One entry of the cache, filled if it is not there. The filling goes on in a folder beside it that is renamed at the end, so
 * that an entry is whole or absent. Call it within `withCacheLock`.
 */
export async function cacheEntry(name: string, fill: (directory: string) => Promise<void>): Promise<string> {
  const entry = join(cacheDirectory(), name)
  if (existsSync(entry)) return entry
  const draft = join(drafts(), randomUUID())
  await mkdir(draft, { recursive: true })
  try {
    await fill(draft)
    await mkdir(dirname(entry), { recursive: true })
    await rename(draft, entry)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return entry
}

/** One set-up at a time works on the cache; what an interrupted one left behind is swept away first. */
export async function withCacheLock<T>(work: () => Promise<T>, onWait: (pid: number) => void): Promise<T> {
  const lock = join(cacheDirectory(), 'setup.lock')
  return withLock(
    lock,
    async () => {
      await rm(drafts(), { recursive: true, force: true, maxRetries: 5 })
      return work()
    },
    (holder) => onWait(holder.pid),
  )
}

function drafts(): string {
  return join(cacheDirectory(), 'drafts')
}
