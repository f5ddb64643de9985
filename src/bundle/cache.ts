/**
 * Bundles on this host's disk, by hash.
 * I1 A file under its hash is whole: it is written beside it and renamed, and checked when it is read again.
 * I2 The folder is bounded: what was used longest ago goes first.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleBucket, problem } from '../../protocol/index.ts'
import type { Blobs } from '../bus/index.ts'

export interface BundleCache {
  /** The file of a bundle that is in the cache or on the bus. Rejects with BUNDLE_MISSING, BUNDLE_CORRUPT or the bus's codes. */
  fetch(blobs: Pick<Blobs, 'get'>, sha256: string): Promise<string>
  /** Puts a bundle in without a bus. */
  keep(code: Uint8Array, sha256: string): Promise<string>
}

/** The user's own, so that nobody else can put code there. */
const defaultFolder = () => join(tmpdir(), `maggy-bundles-${process.getuid?.() ?? 'user'}`)

export function createBundleCache(options: { folder?: string; maxBytes?: number } = {}): BundleCache {
  const { folder = defaultFolder(), maxBytes = 512 * 2 ** 20 } = options

  /** Checked by this process already: a trial does not pay for it again. */
  const checked = new Set<string>()

  const cached = async (sha256: string): Promise<string | undefined> => {
    const path = join(folder, `${sha256}.cjs`)
    if (checked.has(sha256) && existsSync(path)) return path
    const code = await readFile(path).catch(absent)
    if (code === undefined || hashOf(code) !== sha256) return undefined
    checked.add(sha256)
    const now = new Date()
    await utimes(path, now, now).catch(absent)
    return path
  }

  const keep = async (code: Uint8Array, sha256: string): Promise<string> => {
    if (hashOf(code) !== sha256) throw problem('BUNDLE_CORRUPT', { sha256 })
    const found = await cached(sha256)
    if (found !== undefined) return found
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const { uid } = await stat(folder)
    if (process.getuid !== undefined && uid !== process.getuid()) {
      throw problem('SETUP_FAILED', { part: `bundle cache ${folder}`, reason: 'belongs to another user' })
    }
    const path = join(folder, `${sha256}.cjs`)
    const partial = join(folder, `${sha256}.${process.pid}.${process.hrtime.bigint()}.partial`)
    await writeFile(partial, code)
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

async function shrink(folder: string, maxBytes: number, spare: string): Promise<void> {
  const files: { path: string; size: number; usedAt: number }[] = []
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const found = await stat(path).catch(absent)
    if (found?.isFile() === true) files.push({ path, size: found.size, usedAt: found.mtimeMs })
  }
  let total = files.reduce((sum, { size }) => sum + size, 0)
  for (const { path, size } of files.sort((a, b) => a.usedAt - b.usedAt)) {
    if (total <= maxBytes) return
    if (path === spare) continue
    await rm(path, { force: true })
    total -= size
  }
}

/** Another process may have removed it: then it is not there. */
function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

const hashOf = (code: Uint8Array) => createHash('sha256').update(code).digest('hex')
