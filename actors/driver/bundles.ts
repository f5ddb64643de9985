/** Experiments' code for workers, by way of any driver: the store itself is not in their reach (protocol/store.ts). */
import { createHash } from 'node:crypto'
import {
  bundleBucket,
  checkBundle,
  isProblem,
  partBytes,
  problem,
  readBundle,
  readSource,
  type ReplyOf,
} from '../../protocol/index.ts'
import type { Clock } from '../../src/actor/index.ts'
import { answer, type Bus, type OnDropped, type Subscription } from '../../src/bus/index.ts'
import { Turns } from './turns.ts'

/** Bytes of code that are kept at hand. */
const atHandBytes = 64 * 2 ** 20
/**
 * Parts on their way at once. A thousand workers that begin together ask for as many: all of them at once would fill this process's
 * memory, and beats and results would wait behind them.
 */
const partsAtOnce = 8

export class ServedBundles {
  readonly #bus: Bus
  readonly #turns: Turns
  /** By hash, what was asked for last at the end. */
  readonly #atHand = new Map<string, Promise<Uint8Array>>()
  readonly #sizes = new Map<string, number>()

  constructor(bus: Bus, clock: Clock) {
    this.#bus = bus
    this.#turns = new Turns(clock, partsAtOnce)
  }

  serve(onDropped: OnDropped): Subscription[] {
    const queue = { queue: 'driver', onDropped }
    return [
      answer(
        this.#bus,
        readBundle,
        { worker: '*', bundle: '*' },
        ({ offset }, { bundle }) => this.#part(bundle, offset),
        queue,
      ),
      answer(this.#bus, readSource, {}, ({ bundle, offset }) => this.#part(bundle, offset), queue),
      answer(this.#bus, checkBundle, {}, async ({ sha256 }) => ({ known: await this.#isKnown(sha256) }), queue),
    ]
  }

  /** It is gone from the store. */
  forget(sha256: string): void {
    this.#atHand.delete(sha256)
    this.#sizes.delete(sha256)
  }

  /** Many workers that begin at once ask for the same, each part by part: it is read, and hashed, once. */
  async #bundle(sha256: string): Promise<Uint8Array> {
    const reading = this.#atHand.get(sha256) ?? this.#read(sha256)
    this.#atHand.delete(sha256)
    this.#atHand.set(sha256, reading)
    let code: Uint8Array
    try {
      code = await reading
    } catch (error) {
      this.#atHand.delete(sha256)
      throw error
    }
    this.#sizes.set(sha256, code.length)
    let total = [...this.#sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
    for (const [oldest] of this.#atHand) {
      if (total <= atHandBytes || oldest === sha256) break
      total -= this.#sizes.get(oldest) ?? 0
      this.forget(oldest)
    }
    return code
  }

  /** Clients write blindly: what does not have its hash is as if it were not there, and is written again. */
  async #read(sha256: string): Promise<Uint8Array> {
    const code = await this.#bus.blobs.get(bundleBucket, sha256)
    if (code === undefined || createHash('sha256').update(code).digest('hex') !== sha256)
      throw problem('BUNDLE_MISSING', { sha256 })
    return code
  }

  #part(sha256: string, offset: number): Promise<ReplyOf<typeof readBundle>> {
    return this.#turns.take(offset > 0, async () => {
      const code = await this.#bundle(sha256)
      // Its answer comes when the server has taken the parts that were sent before.
      if (code.length > partBytes) await this.#bus.flush()
      return { bytes: code.length, sha256, data: code.subarray(offset, offset + partBytes) }
    })
  }

  async #isKnown(sha256: string): Promise<boolean> {
    // What is at hand here may have been removed by another driver.
    if (!(await this.#bus.blobs.has(bundleBucket, sha256))) return false
    try {
      return (await this.#bundle(sha256)).length > 0
    } catch (error) {
      if (isProblem(error, 'BUNDLE_MISSING')) return false
      throw error
    }
  }
}
