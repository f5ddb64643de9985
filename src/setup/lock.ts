/**
 * A lock that is a file holding the identity of its holder.
 * I1 At most one live process holds it: the file appears whole or not at all (link).
 * I2 A lock whose holder has died, by whatever signal, is taken over by the next one who asks.
 */
import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { identityOf, isAlive, parseIdentity, type ProcessIdentity } from './process-identity.ts'

export type LockAttempt =
  | { readonly kind: 'held'; readonly release: () => Promise<void> }
  | { readonly kind: 'taken'; readonly holder: ProcessIdentity }

/** Takes the lock if nobody alive holds it. */
export async function tryLock(path: string): Promise<LockAttempt> {
  await mkdir(dirname(path), { recursive: true })
  const mine = JSON.stringify(identityOf(process.pid))
  for (;;) {
    const draft = `${path}.${randomUUID()}`
    await writeFile(draft, mine)
    try {
      await link(draft, path)
      return { kind: 'held', release: () => release(path, mine) }
    } catch (error) {
      if (codeOfSystem(error) !== 'EEXIST') throw error
    } finally {
      await rm(draft, { force: true })
    }
    const held = await textOf(path)
    if (held === undefined) continue
    const holder = parseIdentity(held)
    if (holder !== undefined && isAlive(holder)) return { kind: 'taken', holder }
    await takeAway(path, held)
  }
}

/** Runs the work while it holds the lock, waiting for whoever holds it now. */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  onWait: (holder: ProcessIdentity) => void = () => undefined,
): Promise<T> {
  let told = false
  for (;;) {
    const attempt = await tryLock(path)
    if (attempt.kind === 'held') {
      try {
        return await work()
      } finally {
        await attempt.release()
      }
    }
    if (!told) onWait(attempt.holder)
    told = true
    await delay(200)
  }
}

async function release(path: string, mine: string): Promise<void> {
  if ((await textOf(path)) === mine) await rm(path, { force: true })
}

/** Two may find the same dead holder: the file is moved away first, and put back if it turns out to be another's by then. */
async function takeAway(path: string, dead: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if (codeOfSystem(error) === 'ENOENT') return
    throw error
  }
  try {
    if ((await textOf(aside)) !== dead) await link(aside, path)
  } catch (error) {
    if (codeOfSystem(error) !== 'EEXIST') throw error
  } finally {
    await rm(aside, { force: true })
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOfSystem(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOfSystem(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
}
