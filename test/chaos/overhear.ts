/** What can be heard of an experiment on the bus: results that were acknowledged, and whether somebody says why nothing goes on. */
import type { NatsConnection } from 'nats'
import {
  decode,
  done,
  doneSeveral,
  progress,
  subjectFor,
  type LogEvent,
  type PayloadOf,
  type ReplyOf,
} from '../../protocol/index.ts'
import { hear, type Bus } from '../../src/bus/index.ts'

/** G12: whatever stands still says so within 10 s; a moment more to be heard. */
const standsMs = 13_000
const freshMs = 3_000
/** An event of the log is read so long after an acknowledgement that rests on it was heard. */
const behindMs = 2_000

const finalKinds: ReadonlySet<string> = new Set(['done', 'stopped', 'failed'])

type Result = PayloadOf<typeof done>
type Answer = { readonly error?: unknown } & Partial<ReplyOf<typeof doneSeveral>>

export class Overheard {
  /** Results whose acknowledgement was heard, by `trial/attempt`, and when it was heard. */
  readonly #acknowledged = new Map<string, { readonly trial: number; readonly attempt: number; readonly at: number }>()
  /** Of each attempt that the log has ended, when that was read. */
  readonly #ended = new Map<string, { readonly trial: number; readonly isFinal: boolean; readonly at: number }>()
  readonly #stops: (() => void)[] = []
  /** undefined: nobody has spoken of the experiment yet. */
  #movedAt: number | undefined
  #silentMs = 0
  #lastSaid = 'nobody has said how it stands'
  #longest = ''

  constructor(bus: Bus, raw: NatsConnection, experiment: string) {
    const asked = new Map<string, readonly Result[]>()
    const question = (subject: string, resultsOf: (payload: unknown) => readonly Result[]) =>
      raw.subscribe(subject, {
        callback: (_, { data, reply }) => {
          if (reply !== undefined) asked.set(reply, resultsOf(decode(data)))
        },
      })
    const of = { worker: '*', experiment }
    const questions = [
      question(subjectFor(done, of), (payload) => [payload as Result]),
      question(subjectFor(doneSeveral, of), (payload) => (payload as PayloadOf<typeof doneSeveral>).results),
    ]
    const answers = raw.subscribe('_INBOX.>', {
      callback: (_, { data, subject }) => {
        const results = asked.get(subject)
        if (results === undefined) return
        const { error, refusals } = decode(data) as Answer
        const at = performance.now()
        for (const [place, { trial, attempt }] of results.entries()) {
          const isTaken = error === undefined && (refusals?.[place] ?? null) === null
          if (isTaken) this.#acknowledged.set(`${trial}/${attempt}`, { trial, attempt, at })
        }
      },
    })
    const heard = hear(bus, progress, { experiment }, ({ waiting, at, driver, state, counts, running, workers }) => {
      const now = performance.now()
      this.#lastSaid = `at ${new Date(at).toISOString()} ${JSON.stringify({ driver, state, counts, waiting, workers })}`
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
      ...questions.map((one) => () => one.unsubscribe()),
      () => answers.unsubscribe(),
      () => heard.unsubscribe(),
    )
  }

  /** Something was reported. */
  moved(): void {
    this.#movedAt = performance.now()
  }

  /** An event was written into the log. */
  logged(event: LogEvent): void {
    this.moved()
    if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return
    const { trial, attempt } = event
    const isFinal = event.type === 'trial.ended' && finalKinds.has(event.outcome.kind)
    this.#ended.set(`${trial}/${attempt}`, { trial, isFinal, at: performance.now() })
  }

  /** An acknowledged result is in the log, or its attempt was given up before, or another attempt had settled the trial before. */
  gone(): string[] {
    const isSettled = (trial: number, at: number) =>
      [...this.#ended.values()].some((one) => one.isFinal && one.trial === trial && one.at <= at + behindMs)
    return [...this.#acknowledged]
      .filter(([key, { trial, at }]) => !this.#ended.has(key) && !isSettled(trial, at))
      .map(([key]) => `the acknowledged result of ${key} is gone`)
  }

  /** What was not said, if anything. */
  silent(): string[] {
    return this.#longest === '' ? [] : [this.#longest]
  }

  /** For people: how it stands, as a driver has last said. */
  get lastSaid(): string {
    return this.#lastSaid
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }
}
