/** What can be heard of an experiment on the bus: results that were acknowledged, and whether somebody says why nothing goes on. */
import type { NatsConnection } from 'nats'
import { decode, done, progress, subjectFor } from '../../protocol/index.ts'
import { hear, type Bus } from '../../src/bus/index.ts'

/** G12: whatever stands still says so within 10 s; a moment more to be heard. */
const standsMs = 13_000
const freshMs = 3_000

export class Overheard {
  /** `trial/attempt` of results whose acknowledgement was heard. */
  readonly acknowledged = new Set<string>()
  readonly #stops: (() => void)[] = []
  /** undefined: nobody has spoken of the experiment yet. */
  #movedAt: number | undefined
  #silentMs = 0
  #longest = ''

  constructor(bus: Bus, raw: NatsConnection, experiment: string) {
    const asked = new Map<string, string>()
    const results = raw.subscribe(subjectFor(done, { worker: '*', experiment }), {
      callback: (_, { data, reply }) => {
        const { trial, attempt } = decode(data) as { readonly trial: number; readonly attempt: number }
        if (reply !== undefined) asked.set(reply, `${trial}/${attempt}`)
      },
    })
    const answers = raw.subscribe('_INBOX.>', {
      callback: (_, { data, subject }) => {
        const key = asked.get(subject)
        if (key === undefined) return
        const { error } = decode(data) as { readonly error?: unknown }
        if (error === undefined) this.acknowledged.add(key)
      },
    })
    const heard = hear(bus, progress, { experiment }, ({ waiting, at, driver, state, counts, running }) => {
      const now = performance.now()
      this.#movedAt ??= now
      const stands = now - this.#movedAt
      if (
        waiting !== null ||
        state === 'done' ||
        stands < standsMs ||
        Date.now() - at > freshMs ||
        bus.status !== 'connected'
      )
        return
      if (stands > this.#silentMs) {
        this.#silentMs = stands
        const known = JSON.stringify({ driver, state, counts, running })
        this.#longest = `nothing went on for ${Math.round(stands / 1000)} s, and progress said no reason: ${known}`
      }
    })
    this.#stops.push(
      () => results.unsubscribe(),
      () => answers.unsubscribe(),
      () => heard.unsubscribe(),
    )
  }

  /** Something was written into the log, or reported. */
  moved(): void {
    this.#movedAt = performance.now()
  }

  /** What was not said, if anything. */
  silent(): string[] {
    return this.#longest === '' ? [] : [this.#longest]
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }
}
