/**
 * Bundles on this host's disk, by hash.
 * I1 A file under its hash is whole: it is written beside it and renamed, and checked when it is another than it was.
 * I2 The folder is bounded: what was used longest ago goes first.
 * I3 The folder is the user's own, looked at each time: nobody else can have put code there.
 * I4 Nothing is deleted but what a cache has written, by its name.
 * A runner hashes the bundle once more (load.ts): the cache saves the way over the bus, and is trusted with nothing.
 */
import { createHash } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { lstat, mkdir, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleBucket, problem } from '../../protocol/index.ts'
import type { Blobs } from '../bus/index.ts'
import { cacheDirectory } from '../setup/index.ts'
import { assertOwnFolder, readOwn } from './own-file.ts'

export interface BundleCache {
  /**
   * The file of a bundle that is in the cache or on the bus. Rejects with BUNDLE_MISSING, BUNDLE_CORRUPT, the bus's codes, or
   * FILE_REFUSED where the folder is not the user's alone.
   */
  fetch(blobs: Pick<Blobs, 'get'>, sha256: string): Promise<string>
  /** Puts a bundle in without a bus. */
  keep(code: Uint8Array, sha256: string): Promise<string>
}

/** Not in the folder for all: there anybody may be first to make one of this name. */
export const defaultCacheFolder = () => join(cacheDirectory(), 'bundles')
/** Makes the folder, if it is not there. Rejects with FILE_REFUSED where it is not the user's alone, or with what the system says. */
export async function makeCacheFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  assertOwnFolder(folder)
}

/** A file that was used so long ago is marked as used. */
const usedMs = 3_600_000
/** The remains of a write that was cut short are removed after so long. */
const leftAfterMs = 3_600_000

export function createBundleCache(options: { folder?: string; maxBytes?: number } = {}): BundleCache {
  const { folder = defaultCacheFolder(), maxBytes = 512 * 2 ** 20 } = options

  /** Which file was found to be whole, by hash: as long as it is the same one, a trial does not pay for that again. */
  const checked = new Map<string, string>()

  const cached = async (sha256: string): Promise<string | undefined> => {
    try {
      // I3
      assertOwnFolder(folder)
      const path = join(folder, `${sha256}.cjs`)
      const known = checked.get(sha256)
      if (known !== undefined && known === stampOf(path)) return path
      const code = await readOwn(path)
      if (hashOf(code) !== sha256) return undefined
      // Not each time: others see by it that the file is another one, and look into it again.
      const now = new Date()
      if (now.getTime() - lstatSync(path).mtimeMs > usedMs) await utimes(path, now, now)
      checked.set(sha256, stampOf(path))
      return path
    } catch (error) {
      return absent(error)
    }
  }

  const keep = async (code: Uint8Array, sha256: string): Promise<string> => {
    if (hashOf(code) !== sha256) throw problem('BUNDLE_CORRUPT', { sha256 })
    const found = await cached(sha256)
    if (found !== undefined) return found
    await makeCacheFolder(folder)
    const path = join(folder, `${sha256}.cjs`)
    const partial = join(folder, `${sha256}.${process.pid}.${process.hrtime.bigint()}.partial`)
    await writeFile(partial, code, { mode: 0o600, flag: 'wx' })
    await rename(partial, path)
    await shrink(folder, maxBytes, path)
    return path
  }

  return {
    keep,
    fetch: async (blobs, sha256) => {
      const found = await cached(sha256)
      if (found !== undefined) return found
      const code = await blobs.get(bundleBucket, sha256)
      if (code === undefined) throw problem('BUNDLE_MISSING', { sha256 })
      return keep(code, sha256)
    },
  }
}

/** I2, I4 */
async function shrink(folder: string, maxBytes: number, spare: string): Promise<void> {
  const files: { path: string; size: number; usedAt: number }[] = []
  for (const name of await readdir(folder)) {
    const isWhole = /^[0-9a-f]{64}\.cjs$/.test(name)
    if (!isWhole && !/^[0-9a-f]{64}\.\d+\.\d+\.partial$/.test(name)) continue
    const path = join(folder, name)
    const found = await lstat(path).catch(absent)
    if (found?.isFile() !== true) continue
    if (isWhole) files.push({ path, size: found.size, usedAt: found.mtimeMs })
    else if (Date.now() - found.mtimeMs > leftAfterMs) await rm(path, { force: true })
  }
  let total = files.reduce((sum, { size }) => sum + size, 0)
  for (const { path, size } of files.sort((a, b) => a.usedAt - b.usedAt)) {
    if (total <= maxBytes) return
    if (path === spare) continue
    await rm(path, { force: true })
    total -= size
  }
}

/** Another one whenever anybody has written to the file, or put another in its place: the time of a change cannot be set. */
function stampOf(path: string): string {
  const { dev, ino, size, ctimeNs } = lstatSync(path, { bigint: true })
  return `${dev} ${ino} ${size} ${ctimeNs}`
}

/** Another process may have removed it: then it is not there. */
function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

const hashOf = (code: Uint8Array) => createHash('sha256').update(code).digest('hex')
