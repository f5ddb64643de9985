/**
 * Experiments that have ended, as people keep them: notes, tags, and their removal.
 * I1 One that a driver has is not touched: what is written here is fenced by the log's end, so that a driver that takes it up meanwhile
 *    wins, or this one does.
 * I2 A removal is in the log before anything goes, and the log goes last: whoever finds it half done goes on with it.
 */
import {
  bundleBucket,
  checkpointBucket,
  checkpointName,
  artifactPart,
  metrics,
  output,
  problem,
  ringCheckpointName,
  ringName,
  subjectFor,
  type annotateArchived,
  type LogEvent,
  type PayloadOf,
  type ReplyOf,
} from '../../../protocol/index.ts'
import type { ActorEnvironment } from '../../../src/actor/index.ts'
import { experimentIds, logSubject, readLog } from '../../../src/archive/index.ts'
import { annotationOf, LogWriter } from '../experiment/index.ts'
import { historyOf, readArchive, type ArchivedExperiment } from './archive.ts'

export interface KeepingHost {
  /** Whether this driver has it, or is about to. */
  readonly isHere: (experiment: string) => boolean
  /** Whether no driver has it. */
  readonly isAbandoned: (experiment: string, owner: string | undefined) => Promise<boolean>
  /** It is gone. */
  readonly removed: (experiment: string) => void
  /** The code is gone from the store. */
  readonly bundleRemoved: (sha256: string) => void
}

export class Keeping {
  readonly #env: ActorEnvironment
  readonly #host: KeepingHost
  /** The code of each experiment, by its hash: it never changes. */
  readonly #bundles = new Map<string, string | undefined>()
  readonly #removals = new Map<string, Promise<{ bundle: boolean }>>()

  constructor(env: ActorEnvironment, host: KeepingHost) {
    this.#env = env
    this.#host = host
  }

  async annotate(said: PayloadOf<typeof annotateArchived>): Promise<ReplyOf<typeof annotateArchived>> {
    const { experiment } = said
    const archived = await this.#unowned(experiment)
    const history = historyOf(archived)
    if (history.records.removing) throw problem('EXPERIMENT_REMOVING', { experiment })
    const event = annotationOf(history, said, this.#env.clock.now())
    if (history.takes(event)) {
      await this.#append(archived, event)
      history.apply(event)
    }
    return { tags: [...history.records.annotations.tags] }
  }

  /** Rejects with EXPERIMENT_BUSY, EXPERIMENT_PINNED or EXPERIMENT_UNKNOWN. */
  remove(experiment: string): Promise<{ bundle: boolean }> {
    const removal = this.#removals.get(experiment) ?? this.#remove(experiment)
    this.#removals.set(experiment, removal)
    return removal.finally(() => this.#removals.delete(experiment))
  }

  async #remove(experiment: string): Promise<{ bundle: boolean }> {
    const archived = await this.#unowned(experiment)
    const history = historyOf(archived)
    if (!history.records.removing) {
      if (history.records.annotations.pinned) throw problem('EXPERIMENT_PINNED', { experiment })
      // I2
      await this.#append(archived, { type: 'experiment.removing', at: this.#env.clock.now() })
    }
    const { bus, logger } = this.#env
    const { streams, blobs } = bus
    const anywhere = { experiment, trial: '*' }
    await streams.purge('artifacts', subjectFor(artifactPart, { ...anywhere, attempt: '*', upload: '*' }))
    for (const conversation of [metrics, output]) {
      await streams.purge('telemetry', subjectFor(conversation, { ...anywhere, worker: '*' }))
    }
    const ofRing = (name: string): boolean => {
      const trial = Number(name.slice(ringCheckpointName(`${experiment}-`).length))
      return Number.isSafeInteger(trial) && name === ringCheckpointName(ringName(experiment, trial))
    }
    for (const name of await blobs.names(checkpointBucket)) {
      const trial = Number(name.slice(experiment.length + 1))
      const isOwn = Number.isSafeInteger(trial) && name === checkpointName(experiment, trial)
      if (isOwn || ofRing(name)) await blobs.delete(checkpointBucket, name)
    }
    const sha256 = archived.submission.bundle?.sha256
    const bundle = sha256 !== undefined && !(await this.#isUsed(sha256, experiment))
    if (bundle) {
      await blobs.delete(bundleBucket, sha256)
      this.#host.bundleRemoved(sha256)
    }
    await streams.purge('log', logSubject(experiment))
    this.#bundles.delete(experiment)
    this.#host.removed(experiment)
    logger.info({ experiment, bundle }, 'experiment removed')
    return { bundle }
  }

  /** I1 */
  async #unowned(experiment: string): Promise<ArchivedExperiment> {
    const busy = problem('EXPERIMENT_BUSY', { experiment, doing: 'run by a driver' })
    if (this.#host.isHere(experiment)) throw busy
    const archived = await readArchive(this.#env.bus, experiment)
    if (archived === undefined) throw problem('EXPERIMENT_UNKNOWN', { experiment })
    // One that has ended is nobody's, whatever the last beat of its driver says.
    if (historyOf(archived).ended || (await this.#host.isAbandoned(experiment, archived.owner))) return archived
    throw busy
  }

  async #append({ submission: { experiment }, last, next }: ArchivedExperiment, event: LogEvent): Promise<void> {
    const { bus, clock } = this.#env
    const writer = new LogWriter(bus, clock, experiment, { last, next }, () => {})
    if (await writer.open([event])) return
    throw problem('EXPERIMENT_BUSY', { experiment, doing: 'changed by somebody else' })
  }

  /** Whether another experiment has the same code. */
  async #isUsed(sha256: string, but: string): Promise<boolean> {
    for (const id of await experimentIds(this.#env.bus)) {
      if (id === but) continue
      if (!this.#bundles.has(id)) this.#bundles.set(id, await this.#bundleOf(id))
      if (this.#bundles.get(id) === sha256) return true
    }
    return false
  }

  async #bundleOf(experiment: string): Promise<string | undefined> {
    for await (const { entry } of readLog(this.#env.bus, experiment)) {
      const [first] = entry?.events ?? []
      if (first?.type === 'experiment.accepted') return first.submission.bundle?.sha256
    }
    return undefined
  }
}
