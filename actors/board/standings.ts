/** How experiments stand between two entries of their logs: what their drivers say, and whether anybody drives them at all. */
import { progress } from '../../protocol/index.ts'
import type { Clock } from '../../src/actor/index.ts'
import type { Progress, Waiting } from '../../src/board/index.ts'
import { hear, type Bus, type OnDropped, type Subscription } from '../../src/bus/index.ts'
import type { Experiments } from './experiments.ts'
import type { Presence } from './presence.ts'

/** Actors need a moment to start: what has not been waited for this long is not worth a word. */
const noticeMs = 8_000
const most = 4_096

export class Standings {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #experiments: Experiments
  readonly #presence: Presence
  readonly #last = new Map<string, Progress>()
  readonly #subscription: Subscription
  readonly #since: number

  constructor(
    { bus, clock, onDropped }: { readonly bus: Bus; readonly clock: Clock; readonly onDropped: OnDropped },
    experiments: Experiments,
    presence: Presence,
    onChange: (experiment: string) => void,
  ) {
    this.#bus = bus
    this.#clock = clock
    this.#experiments = experiments
    this.#presence = presence
    this.#since = clock.elapsed()
    const take = (said: Progress, { experiment }: { experiment: string }) => {
      if (this.#last.size >= most && !this.#last.has(experiment)) return
      this.#last.set(experiment, said)
      onChange(experiment)
    }
    this.#subscription = hear(bus, progress, { experiment: '*' }, take, { onDropped })
  }

  close(): void {
    this.#subscription.unsubscribe()
  }

  /** The driver's last status, while the experiment runs. */
  progressOf(experiment: string): Progress | null {
    return this.#isOpen(experiment) ? (this.#last.get(experiment) ?? null) : null
  }

  /** Why it does not go on, if it does not. */
  waiting(experiment: string): Waiting | null {
    if (!this.#isOpen(experiment)) return null
    const sinceMs = Math.min(this.#presence.unownedMs(experiment), this.#clock.elapsed() - this.#since)
    if (sinceMs >= noticeMs) {
      const remedy = `start one with \`maggy driver --server ${this.#bus.server}\`, or take it up with \`maggy resume ${experiment}\``
      const message = `no driver has this experiment for ${Math.round(sinceMs / 1000)} s: ${remedy}`
      return { code: 'BUS_NO_RESPONDERS', message, sinceMs }
    }
    const said = this.#last.get(experiment)?.waiting ?? null
    return said === null || said.sinceMs < noticeMs ? null : said
  }

  waitingOf(experiments: readonly string[]): Record<string, Waiting> {
    return Object.fromEntries(
      experiments.flatMap((experiment) => {
        const waiting = this.waiting(experiment)
        return waiting === null ? [] : [[experiment, waiting] as const]
      }),
    )
  }

  #isOpen(experiment: string): boolean {
    const state = this.#experiments.card(experiment)?.state
    return state === 'running' || state === 'stopping'
  }
}
