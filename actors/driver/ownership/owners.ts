/**
 * Which other drivers are there, and what they own.
 * I1 A driver that beats is there. One that is silent is asked; one that nobody listens for is gone at once.
 * I2 One that does not answer counts as gone after `ttlMs` of silence.
 */
import { codeOf, driverPing } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'

interface Other {
  readonly experiments: ReadonlySet<string>
  /** In elapsed time. */
  readonly heardAt: number
}

const othersAtMost = 256
/** Beats come once a second: a driver that is silent for longer is asked. */
const askAfterMs = 1500

export class Owners {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #self: string
  readonly #ttlMs: number
  readonly #others = new Map<string, Other>()
  /** In elapsed time: since when experiments are not named by the driver that adopted them last. */
  readonly #leftOutSince = new Map<string, number>()
  readonly #asked = new Map<string, Promise<boolean>>()
  /** In elapsed time: since when this driver listens. */
  readonly #since: number

  constructor(bus: Bus, clock: Clock, self: string, ttlMs: number) {
    this.#bus = bus
    this.#clock = clock
    this.#self = self
    this.#ttlMs = ttlMs
    this.#since = clock.elapsed()
  }

  hear(driver: string, experiments: readonly string[]): void {
    if (driver === this.#self) return
    this.#others.delete(driver)
    this.#others.set(driver, { experiments: new Set(experiments), heardAt: this.#clock.elapsed() })
    if (this.#leftOutSince.size > 0) for (const experiment of experiments) this.#leftOutSince.delete(experiment)
    const [oldest] = this.#others.keys()
    if (this.#others.size > othersAtMost && oldest !== undefined) this.#others.delete(oldest)
  }

  /** The driver is about to take the experiment: the next one goes to another. */
  expect(driver: string, experiment: string): void {
    const other = this.#others.get(driver)
    if (other === undefined) return
    this.#others.set(driver, { ...other, experiments: new Set([...other.experiments, experiment]) })
  }

  /** It has not said that it took it. */
  doubt(driver: string, experiment: string): void {
    const other = this.#others.get(driver)
    if (other === undefined) return
    const experiments = new Set(other.experiments)
    experiments.delete(experiment)
    this.#others.set(driver, { ...other, experiments })
  }

  /** The driver that is known to have the experiment. */
  ownerOf(experiment: string): string | undefined {
    for (const [driver, { experiments, heardAt }] of this.#others) {
      if (this.#clock.elapsed() - heardAt < this.#ttlMs && experiments.has(experiment)) return driver
    }
    return undefined
  }

  /** The driver with the fewest experiments, of those that beat; undefined: there is none with fewer than `below`. */
  leastLoaded(below = Infinity): string | undefined {
    let best: string | undefined
    let least = below
    for (const [driver, { experiments, heardAt }] of this.#others) {
      if (this.#clock.elapsed() - heardAt > askAfterMs || experiments.size >= least) continue
      best = driver
      least = experiments.size
    }
    return best
  }

  /** Whether nobody has an experiment that the log says was adopted by `driver` last. */
  async isAbandoned(experiment: string, driver: string | undefined): Promise<boolean> {
    if (this.ownerOf(experiment) !== undefined) return false
    if (driver === undefined || driver === this.#self) return true
    const other = this.#others.get(driver)
    if (other !== undefined && this.#clock.elapsed() - other.heardAt < this.#ttlMs) return this.#isLeftOut(experiment)
    if (this.#clock.elapsed() - this.#since >= this.#ttlMs) return true
    return await this.#isGone(driver)
  }

  /**
   * Its owner beats and does not name it. A beat may have been on its way when the experiment was adopted: those that come later name it.
   */
  #isLeftOut(experiment: string): boolean {
    const now = this.#clock.elapsed()
    const since = this.#leftOutSince.get(experiment) ?? now
    this.#leftOutSince.set(experiment, since)
    if (now - since < askAfterMs) return false
    this.#leftOutSince.delete(experiment)
    return true
  }

  /** Asks those that are silent; true: one of them is gone. */
  async look(): Promise<boolean> {
    const silent = [...this.#others].filter(
      ([, { heardAt, experiments }]) => experiments.size > 0 && this.#clock.elapsed() - heardAt > askAfterMs,
    )
    const gone = await Promise.all(silent.map(([driver]) => this.#isGone(driver)))
    return gone.includes(true)
  }

  /** I1 */
  #isGone(driver: string): Promise<boolean> {
    const asked = this.#asked.get(driver) ?? this.#ask(driver)
    this.#asked.set(driver, asked)
    return asked.finally(() => this.#asked.delete(driver))
  }

  async #ask(driver: string): Promise<boolean> {
    try {
      await ask(this.#bus, driverPing, { driver }, {}, { timeoutMs: 1000 })
      return false
    } catch (error) {
      if (codeOf(error) !== 'BUS_NO_RESPONDERS') return false
      this.#others.delete(driver)
      return true
    }
  }
}
