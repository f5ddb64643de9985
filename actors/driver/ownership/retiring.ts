/** Retention by age and number: experiments that ended long ago are removed, unless they are pinned. */
import { codeOf, toProblem } from '../../../protocol/index.ts'
import type { ActorEnvironment } from '../../../src/actor/index.ts'
import { experimentIds, logSubject } from '../../../src/archive/index.ts'
import { expired, type Ended, type RetentionRule } from '../../../src/history/index.ts'
import { historyOf, readArchive } from './archive.ts'

interface Looked {
  /** Where the log ended when it was looked at. */
  readonly last: number
  readonly ended: Ended | undefined
}

export class Retiring {
  readonly #env: ActorEnvironment
  readonly #rule: RetentionRule
  readonly #remove: (experiment: string) => Promise<unknown>
  #looked = new Map<string, Looked>()
  #looking = false

  constructor(env: ActorEnvironment, rule: RetentionRule, remove: (experiment: string) => Promise<unknown>) {
    this.#env = env
    this.#rule = rule
    this.#remove = remove
  }

  /** A removal that fails is tried again at the next look. */
  async look(): Promise<void> {
    const { bus, clock, logger } = this.#env
    if (this.#looking || bus.status !== 'connected') return
    this.#looking = true
    try {
      const looked = new Map<string, Looked>()
      for (const experiment of await experimentIds(bus)) looked.set(experiment, await this.#lookAt(experiment))
      this.#looked = looked
      const all = [...looked.values()].flatMap(({ ended }) => ended ?? [])
      for (const experiment of expired(all, this.#rule, clock.now())) await this.#remove(experiment)
    } catch (error) {
      // Nobody waits for a look: what it throws would end the driver and all its experiments.
      const code = codeOf(error)
      if (code === undefined)
        logger.error({ problem: toProblem(error) }, 'experiments that are due could not be removed')
      else logger.warn({ code }, 'experiments that are due could not be removed; it is tried again')
    } finally {
      this.#looking = false
    }
  }

  async #lookAt(experiment: string): Promise<Looked> {
    const { bus } = this.#env
    const last = (await bus.streams.last('log', logSubject(experiment)))?.sequence ?? 0
    const before = this.#looked.get(experiment)
    if (before?.last === last) return before
    const archived = await readArchive(bus, experiment)
    if (archived === undefined) return { last, ended: undefined }
    const history = historyOf(archived)
    const ends = archived.entries.flatMap(({ events }) => events.filter(({ type }) => type === 'experiment.ended'))
    const { pinned } = history.records.annotations
    // One whose removal has begun is not one of those that stay.
    const counts = history.ended && !history.records.removing
    const ended = counts ? { experiment, endedAt: ends.at(-1)?.at ?? 0, pinned } : undefined
    return { last, ended }
  }
}
