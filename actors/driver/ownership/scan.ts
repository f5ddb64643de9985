/** Looks through the log for experiments that nobody owns, and has them taken up. Those that have ended are looked at once. */
import { codeOf, isProblem, toProblem } from '../../../protocol/index.ts'
import { experimentIds } from '../../../src/archive/index.ts'
import type { Logger } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import { lastEvent } from './archive.ts'
import type { Ownership } from './ownership.ts'

export class Scan {
  readonly #bus: Bus
  readonly #logger: Logger
  readonly #ownership: Ownership
  readonly #remove: (experiment: string) => Promise<unknown>
  /** Logs that could not be read: that is said once. */
  readonly #unreadable = new Set<string>()
  /** Experiments whose log has a hole: left alone until somebody says to go on all the same. */
  readonly #setAside = new Set<string>()
  #looking = false
  /** In [0, 1): where it begins to look. */
  readonly #place: number

  /** `place`: see #place. `remove`: goes on with a removal that was interrupted. */
  constructor(
    bus: Bus,
    logger: Logger,
    ownership: Ownership,
    place: number,
    remove: (experiment: string) => Promise<unknown>,
  ) {
    this.#bus = bus
    this.#place = place
    this.#logger = logger
    this.#ownership = ownership
    this.#remove = remove
  }

  async look(): Promise<void> {
    if (this.#looking || this.#bus.status !== 'connected') return
    this.#looking = true
    try {
      // Where several drivers find the same at once, each begins at another place: so they share it, and rarely want the same one.
      for (const experiment of rotated(await experimentIds(this.#bus), this.#place)) {
        if (!this.#setAside.has(experiment) && this.#ownership.seemsAbandoned(experiment))
          await this.#lookAt(experiment)
      }
    } catch (error) {
      // The bus is away: the next look finds what there is.
      if (codeOf(error) === undefined) {
        this.#logger.error({ problem: toProblem(error) }, 'the log could not be looked through')
      }
    } finally {
      this.#looking = false
    }
  }

  /** An experiment that cannot be taken up keeps no other from being taken up. */
  async #lookAt(experiment: string): Promise<void> {
    try {
      const last = await lastEvent(this.#bus, experiment)
      if (last?.type === 'experiment.ended') this.#ownership.hasEnded(experiment)
      else if (last?.type === 'experiment.removing') await this.#remove(experiment)
      else await this.#ownership.take(experiment)
      this.#unreadable.delete(experiment)
    } catch (error) {
      if (isProblem(error, 'LOG_HOLE')) this.#setAside.add(experiment)
      if (this.#unreadable.has(experiment)) return
      this.#unreadable.add(experiment)
      const { code, message, remedy = 'it is tried again' } = toProblem(error)
      this.#logger.warn({ experiment, code }, `it cannot be taken up: ${message}; ${remedy}`)
    }
  }
}

function rotated<T>(all: readonly T[], place: number): readonly T[] {
  const first = Math.floor(place * all.length)
  return [...all.slice(first), ...all.slice(0, first)]
}
