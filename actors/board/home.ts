/** Content of the first page and of the fleet's page. */
import type { Clock } from '../../src/actor/index.ts'
import type { FleetFrame, HomeFrame, LaneAttempt } from '../../src/board/index.ts'
import type { Experiments } from './experiments.ts'
import { recentMs, type Presence } from './presence.ts'
import type { Source, Told } from './channel.ts'
import type { Standings } from './standings.ts'

const mostRecent = 5_000

export class Home implements Source {
  readonly #experiments: Experiments
  readonly #standings: Standings
  readonly #presence: Presence
  #fresh = new Set<string>()
  /** The last place in the log at which an experiment was found to be removed: a page from before it is told everything anew. */
  #removedAt = 0
  #isWhole = false
  #last = ''

  constructor(experiments: Experiments, standings: Standings, presence: Presence) {
    this.#experiments = experiments
    this.#standings = standings
    this.#presence = presence
  }

  changes(experiment: string): void {
    this.#fresh.add(experiment)
  }

  removed(): void {
    this.#removedAt = this.#experiments.sequence
    this.#isWhole = true
  }

  changed(): Told | undefined {
    if (this.#isWhole) {
      this.#isWhole = false
      return this.since(undefined)
    }
    const fresh = this.#fresh
    this.#fresh = new Set()
    const frame = this.#frame([...fresh])
    const beside = JSON.stringify([frame.waiting, frame.fleet])
    if (fresh.size === 0 && beside === this.#last) return undefined
    this.#last = beside
    return { id: this.#id, frame }
  }

  since(id: string | undefined): Told {
    const known = placeIn(id, this.#experiments.sequence)
    const after = known <= this.#removedAt ? 0 : known
    const ids = this.#experiments.ids().filter((experiment) => this.#experiments.sequenceOf(experiment) > after)
    return { id: this.#id, frame: { ...this.#frame(ids), ...(after === 0 ? { whole: true } : {}) } }
  }

  get #id(): string {
    return String(this.#experiments.sequence)
  }

  #frame(ids: readonly string[]): HomeFrame {
    const workers = this.#presence.workers().filter(({ state }) => state === 'here' || state === 'silent')
    const slots = workers.flatMap((worker) => worker.slots)
    const busy = slots.filter(({ running }) => running !== null).length
    return {
      experiments: ids.flatMap((id) => this.#experiments.card(id) ?? []),
      waiting: this.#standings.waitingOf(this.#experiments.ids()),
      fleet: { workers: workers.length, slots: slots.length, busy },
    }
  }
}

/** A place that a browser brings back; of another log than this one, which ends before it, it means nothing. */
export function placeIn(id: string | undefined, last: number): number {
  const place = Number(id ?? 0)
  return Number.isSafeInteger(place) && place > 0 && place <= last ? place : 0
}

/** The fleet is small, and told whole. */
export class FleetSource implements Source {
  readonly #experiments: Experiments
  readonly #presence: Presence
  readonly #clock: Clock
  #last = ''

  constructor(experiments: Experiments, presence: Presence, clock: Clock) {
    this.#experiments = experiments
    this.#presence = presence
    this.#clock = clock
  }

  changed(): Told | undefined {
    const frame = this.#frame()
    const text = JSON.stringify({ ...frame, workers: frame.workers.map((worker) => ({ ...worker, heardAt: 0 })) })
    if (text === this.#last) return undefined
    this.#last = text
    return { id: '0', frame }
  }

  since(): Told {
    return { id: '0', frame: this.#frame() }
  }

  #frame(): FleetFrame {
    return {
      workers: this.#presence.workers(),
      drivers: this.#presence.drivers(),
      actors: this.#presence.actors(),
      recent: this.#recent(),
      stays: this.#presence.stays(),
    }
  }

  #recent(): LaneAttempt[] {
    const since = this.#clock.now() - recentMs
    const found: LaneAttempt[] = []
    for (const { reading, attempts } of this.#experiments.whole()) {
      // The newest are at the end.
      for (const record of attempts.records.toReversed()) {
        if (record.endedAt !== null && record.endedAt < since) break
        const { trial, attempt, worker, slot, startedAt, assignedAt, endedAt: to, ending } = record
        const { experiment } = reading
        found.push({ experiment, trial, attempt, worker, slot, from: startedAt ?? assignedAt, to, ending })
        if (found.length >= mostRecent) return found
      }
    }
    return found
  }
}
