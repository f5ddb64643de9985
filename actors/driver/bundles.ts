/** Experiments' code for workers, by way of any driver: the store itself is not in their reach (protocol/store.ts). */
import { createHash } from 'node:crypto'
import {
  bundleBucket,
  checkBundle,
  isProblem,
  partBytes,
  problem,
  readBundle,
  type ReplyOf,
} from '../../protocol/index.ts'
import { answer, type Bus, type OnDropped, type Subscription } from '../../src/bus/index.ts'

/** Bytes of code that are kept at hand. */
const atHandBytes = 64 * 2 ** 20

export function serveBundles(bus: Bus, onDropped: OnDropped): Subscription[] {
  /** By hash, what was asked for last at the end. */
  const atHand = new Map<string, Promise<Uint8Array | undefined>>()
  const sizes = new Map<string, number>()

  /** Many workers that begin at once ask for the same: it is read once. */
  async function bundle(sha256: string): Promise<Uint8Array> {
    const reading = atHand.get(sha256) ?? bus.blobs.get(bundleBucket, sha256)
    atHand.delete(sha256)
    atHand.set(sha256, reading)
    let code: Uint8Array | undefined
    try {
      code = await reading
    } catch (error) {
      atHand.delete(sha256)
      throw error
    }
    // Clients write blindly: what does not have its hash is as if it were not there, and is written again.
    if (code === undefined || createHash('sha256').update(code).digest('hex') !== sha256) {
      atHand.delete(sha256)
      throw problem('BUNDLE_MISSING', { sha256 })
    }
    sizes.set(sha256, code.length)
    let total = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
    for (const [oldest] of atHand) {
      if (total <= atHandBytes || oldest === sha256) break
      total -= sizes.get(oldest) ?? 0
      atHand.delete(oldest)
      sizes.delete(oldest)
    }
    return code
  }

  async function part(sha256: string, offset: number): Promise<ReplyOf<typeof readBundle>> {
    const code = await bundle(sha256)
    return { bytes: code.length, sha256, data: code.subarray(offset, offset + partBytes) }
  }

  async function isKnown(sha256: string): Promise<boolean> {
    try {
      return (await bundle(sha256)).length > 0
    } catch (error) {
      if (isProblem(error, 'BUNDLE_MISSING')) return false
      throw error
    }
  }

  const queue = { queue: 'driver', onDropped }
  return [
    answer(
      bus,
      readBundle,
      { worker: '*', bundle: '*' },
      ({ offset }, { bundle: sha256 }) => part(sha256, offset),
      queue,
    ),
    answer(bus, checkBundle, {}, async ({ sha256 }) => ({ known: await isKnown(sha256) }), queue),
  ]
}
