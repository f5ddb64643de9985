/**
 * Takes artifacts of trials from runners into the stream of artifacts (protocol/artifact.ts).
 * I1 Only the worker to which the log assigned the attempt saves anything.
 * I2 Bounded: of an upload nothing is held but the part that is under way; so many are remembered at once, and what is forgotten is
 *    found again in the stream.
 * I3 An artifact is in the log, with its hash, once all its parts are kept; what the log does not list is none.
 * I4 A part is appended behind the one before it, or not at all: an upload that two drivers write is written once.
 * I5 What no trial keeps is removed when its trial has settled, and once more before the experiment ends.
 */
import { createHash, type Hash } from 'node:crypto'
import {
  artifactPart,
  artifactsAtMost,
  codeOf,
  decodePayload,
  encodePayload,
  isProblem,
  paramsFrom,
  problem,
  subjectFor,
  writeArtifact,
  type LogEvent,
  type PayloadOf,
  type ReplyOf,
} from '../../../protocol/index.ts'
import type { Clock, Logger } from '../../../src/actor/index.ts'
import { answer, type Bus, type OnDropped, type Subscription } from '../../../src/bus/index.ts'
import type { History } from '../../../src/history/index.ts'

type Said = PayloadOf<typeof writeArtifact>
type Answer = ReplyOf<typeof writeArtifact>
type Saved = Extract<LogEvent, { type: 'trial.artifact' }>

/** How far an upload has come. */
interface Upload {
  readonly hash: Hash
  /** Bytes that are kept. */
  next: number
  /** The sequence of the last part; 0: there is none. */
  last: number
  busy: boolean
}

const rememberedAtOnce = 64

export interface ArtifactsHost {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  readonly onDropped: OnDropped
  /** Whether the log says that the worker has the attempt now. */
  readonly isAssigned: (worker: string, trial: number, attempt: number) => boolean
  /** Writes into the log that an artifact is kept; resolves once that is, rejects if it cannot be. */
  readonly saved: (event: Saved) => Promise<void>
}

export class Artifacts {
  readonly #host: ArtifactsHost
  readonly #history: History
  readonly #experiment: string
  readonly #uploads = new Map<string, Upload>()
  /** Trials of which something lies in the stream. */
  readonly #trials = new Set<number>()

  constructor(host: ArtifactsHost, history: History) {
    this.#host = host
    this.#history = history
    this.#experiment = history.submission.experiment
  }

  serve(): Subscription {
    const { bus, onDropped } = this.#host
    const here = { worker: '*', experiment: this.#experiment }
    return answer(bus, writeArtifact, here, (said, { worker }) => this.#write(worker, said), { onDropped })
  }

  /** Another driver had the experiment before: what it was about to remove is removed. */
  async takeUp(): Promise<void> {
    for (const { trial } of await this.#found()) this.#trials.add(trial)
    for (const trial of this.#trials) if (this.#history.settled(trial)) await this.settled(trial)
  }

  /** I5. It takes room and does no other harm: what cannot be removed now is removed with the experiment. */
  async settled(trial: number): Promise<void> {
    if (!this.#trials.has(trial)) return
    await this.#clear(String(trial))
    if (this.#history.artifacts(trial).length === 0) this.#trials.delete(trial)
  }

  /** Whether there may be something to remove before the experiment ends. */
  get isEmpty(): boolean {
    return this.#trials.size === 0
  }

  /** The experiment is about to end: what is open by now will not be run. */
  async over(): Promise<void> {
    await this.#clear('*')
  }

  async #clear(trial: string): Promise<void> {
    try {
      for (const { subject, trial: of, upload } of await this.#found(trial)) {
        const kept = this.#history.settled(of) ? this.#history.artifacts(of) : []
        if (!kept.some((one) => one.upload === upload)) await this.#host.bus.streams.purge('artifacts', subject)
      }
    } catch (error) {
      const code = codeOf(error)
      this.#host.logger.warn({ experiment: this.#experiment, code }, 'what no trial keeps could not be removed')
    }
  }

  async #found(trial = '*'): Promise<{ subject: string; trial: number; upload: string }[]> {
    const filter = subjectFor(artifactPart, { experiment: this.#experiment, trial, attempt: '*', upload: '*' })
    const subjects = await this.#host.bus.streams.subjects('artifacts', filter)
    return subjects.flatMap((subject) => {
      const found = paramsFrom(artifactPart, subject)
      return found === undefined ? [] : [{ subject, trial: Number(found.trial), upload: found.upload }]
    })
  }

  async #write(worker: string, said: Said): Promise<Answer> {
    // I1
    this.#requireAssigned(worker, said)
    const { trial, attempt, upload, bytes } = said
    const before = this.#history.records.artifacts.saved(trial).filter((one) => one.attempt === attempt)
    // Its answer was lost.
    if (before.some((one) => one.upload === upload)) return { next: bytes, kept: true }
    if (new Set([...before.map(({ name }) => name), said.name]).size > artifactsAtMost) {
      throw invalid(said, `an attempt saves at most ${artifactsAtMost} of them`)
    }
    if (said.offset + said.data.length > bytes) throw invalid(said, `more comes than the ${bytes} bytes that were said`)
    this.#trials.add(trial)
    const subject = subjectFor(artifactPart, {
      experiment: this.#experiment,
      trial: String(trial),
      attempt: String(attempt),
      upload,
    })
    const found = await this.#upload(subject, said.offset)
    if (found.busy) throw problem('STORE_BUSY', {})
    found.busy = true
    try {
      return await this.#take(worker, said, subject, found)
    } catch (error) {
      // It is not known whether the part was kept: the stream says it.
      this.#uploads.delete(subject)
      throw error
    } finally {
      found.busy = false
    }
  }

  async #take(worker: string, said: Said, subject: string, found: Upload): Promise<Answer> {
    const { bus } = this.#host
    const { offset, data, bytes, sha256 } = said
    if (offset !== found.next) return { next: found.next, kept: false }
    if (data.length > 0) {
      try {
        found.last = await bus.streams.append(subject, encodePayload(artifactPart, { data }, subject), {
          expectedLast: found.last,
        })
      } catch (error) {
        if (!isProblem(error, 'BUS_CONFLICT')) throw error
        // I4: somebody was here before.
        this.#uploads.delete(subject)
        const there = await this.#recall(subject)
        return { next: there.next, kept: false }
      }
      found.hash.update(data)
      found.next += data.length
    }
    if (!this.#isAssigned(worker, said)) {
      // The trial has settled, or is another worker's, while the part was on its way.
      this.#uploads.delete(subject)
      await bus.streams.purge('artifacts', subject)
      this.#requireAssigned(worker, said)
    }
    if (found.next < bytes) return { next: found.next, kept: false }
    if (sha256 === undefined) throw invalid(said, 'the part that ends it says no sha256')
    await this.#finish(worker, said, subject, found.hash.copy().digest('hex'), sha256)
    this.#uploads.delete(subject)
    return { next: bytes, kept: true }
  }

  async #finish(worker: string, said: Said, subject: string, found: string, sha256: string): Promise<void> {
    const { bus, clock, saved } = this.#host
    const { trial, attempt, name, kind, bytes, upload } = said
    if (found !== sha256) {
      await bus.streams.purge('artifacts', subject)
      throw problem('ARTIFACT_CORRUPT', { name })
    }
    const replaced = this.#history.records.artifacts
      .saved(trial)
      .find((one) => one.attempt === attempt && one.name === name && one.upload !== upload)
    // I3
    const at = clock.now()
    await saved({ type: 'trial.artifact', at, trial, attempt, worker, name, kind, bytes, upload, sha256 })
    if (replaced === undefined) return
    const experiment = this.#experiment
    const of = { experiment, trial: String(trial), attempt: String(attempt), upload: replaced.upload }
    await bus.streams.purge('artifacts', subjectFor(artifactPart, of))
  }

  /** I2 */
  async #upload(subject: string, offset: number): Promise<Upload> {
    const known = this.#uploads.get(subject)
    if (known !== undefined) return known
    const found = offset === 0 ? fresh() : await this.#recall(subject)
    const [oldest] = this.#uploads.keys()
    if (this.#uploads.size >= rememberedAtOnce && oldest !== undefined) this.#uploads.delete(oldest)
    // Another part may have come while the stream was read.
    const now = this.#uploads.get(subject) ?? found
    this.#uploads.set(subject, now)
    return now
  }

  /** How far an upload has come, by what lies in the stream. */
  async #recall(subject: string): Promise<Upload> {
    const found = fresh()
    for await (const { sequence, data: entry } of this.#host.bus.streams.read('artifacts', subject)) {
      const { data } = decodePayload(artifactPart, entry, subject)
      found.hash.update(data)
      found.next += data.length
      found.last = sequence
    }
    return found
  }

  #isAssigned(worker: string, { trial, attempt }: Said): boolean {
    return this.#host.isAssigned(worker, trial, attempt)
  }

  #requireAssigned(worker: string, said: Said): void {
    const { trial, attempt } = said
    if (!this.#isAssigned(worker, said)) throw problem('ARTIFACT_REFUSED', { worker, trial, attempt })
  }
}

const fresh = (): Upload => ({ hash: createHash('sha256'), next: 0, last: 0, busy: false })
const invalid = ({ name }: Said, reason: string) => problem('ARTIFACT_INVALID', { name, reason })
