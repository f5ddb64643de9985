/** Experiments' code for workers, by way of any driver: the store itself is not in their reach (protocol/store.ts). */
import {
  bundleBucket,
  checkBundle,
  isProblem,
  partBytes,
  problem,
  readBundle,
  readSource,
} from '../../protocol/index.ts'
import type { Clock } from '../../src/actor/index.ts'
import { answer, type Bus, type LaidOut, type OnDropped, type Subscription } from '../../src/bus/index.ts'
import { readCode, type ServedCode } from './served-code.ts'
import { Turns } from './turns.ts'

/** Bytes of code that are kept at hand. */
const atHandBytes = 64 * 2 ** 20
/** And for so long after they were asked for last: those that begin together are served by then, and a driver runs for months. */
const atHandMs = 30_000
/**
 * Parts on their way at once. A thousand workers that begin together ask for as many: all of them at once would fill this process's
 * memory, and beats and results would wait behind them.
 */
const partsAtOnce = 8

interface AtHand {
  readonly reading: Promise<ServedCode>
  /** In elapsed time. */
  askedAt: number
  /** 0 while it is read. */
  bytes: number
}

export class ServedBundles {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #turns: Turns
  /** By hash, what was asked for last at the end. */
  readonly #atHand = new Map<string, AtHand>()

  constructor(bus: Bus, clock: Clock) {
    this.#bus = bus
    this.#clock = clock
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
  }

  /** Lets go of what nobody asks for any more. */
  tick(): void {
    for (const [sha256, { askedAt }] of this.#atHand) {
      if (this.#clock.elapsed() - askedAt < atHandMs) break
      this.#atHand.delete(sha256)
    }
  }

  /** Many workers that begin at once ask for the same, each part by part: it is read, and hashed, once. */
  async #code(sha256: string): Promise<ServedCode> {
    const known = this.#atHand.get(sha256)
    const askedAt = this.#clock.elapsed()
    const held: AtHand = known ?? { reading: this.#read(sha256), askedAt, bytes: 0 }
    held.askedAt = askedAt
    this.#atHand.delete(sha256)
    this.#atHand.set(sha256, held)
    try {
      const code = await held.reading
      held.bytes = code.bytes
      this.#makeRoom(sha256)
      return code
    } catch (error) {
      if (this.#atHand.get(sha256) === held) this.#atHand.delete(sha256)
      throw error
    }
  }

  #makeRoom(wanted: string): void {
    let total = [...this.#atHand.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    for (const [oldest, { bytes }] of this.#atHand) {
      if (total <= atHandBytes || oldest === wanted) break
      total -= bytes
      this.#atHand.delete(oldest)
    }
  }

  async #read(sha256: string): Promise<ServedCode> {
    const code = await readCode(this.#bus, sha256)
    if (code === undefined) throw problem('BUNDLE_MISSING', { sha256 })
    return code
  }

  #part(sha256: string, offset: number): Promise<LaidOut> {
    return this.#turns.take(offset > 0, async () => {
      const code = await this.#code(sha256)
      // Its answer comes when the server has taken the parts that were sent before.
      if (code.bytes > partBytes) await this.#bus.flush()
      return code.part(offset)
    })
  }

  async #isKnown(sha256: string): Promise<boolean> {
    // What is at hand here may have been removed by another driver.
    if (!(await this.#bus.blobs.has(bundleBucket, sha256))) return false
    try {
      return (await this.#code(sha256)).bytes > 0
    } catch (error) {
      if (isProblem(error, 'BUNDLE_MISSING')) return false
      throw error
    }
  }
}
