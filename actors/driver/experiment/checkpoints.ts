/** Keeps of an experiment's checkpoints what is of use (retention.ts), and deletes the rest from the object store. */
import {
  checkpointBucket,
  checkpointName,
  codeOf,
  ringCheckpointName,
  ringName,
  type LogEvent,
  type Observation,
  type Submission,
} from '../../../protocol/index.ts'
import type { Logger } from '../../../src/actor/index.ts'
import type { Bus } from '../../../src/bus/index.ts'
import { Retention, type Standings } from './retention.ts'

export class Checkpoints {
  readonly #bus: Bus
  readonly #logger: Logger
  readonly #submission: Submission
  readonly #retention: Retention

  constructor(bus: Bus, logger: Logger, submission: Submission) {
    this.#bus = bus
    this.#logger = logger
    this.#submission = submission
    this.#retention = new Retention(submission.context.objectives)
  }

  /** A trial may have saved something: it said so, or its attempt ended without a word. */
  note(event: LogEvent): void {
    if (event.type === 'trial.lost' || (event.type === 'trial.saved' && !event.ring)) this.#retention.put(event.trial)
    if (event.type !== 'trial.ended') return
    if (event.checkpoint === true || event.outcome.kind === 'crashed') this.#retention.put(event.trial)
  }

  /**
   * A trial has settled. A cancelled one goes on from its checkpoint when the experiment is resumed, and so does a training that
   * failed: theirs stay.
   */
  async settled(trial: number, state: Observation['state'], standings: Standings): Promise<void> {
    const { experiment, context } = this.#submission
    const goesOn = state === 'cancelled' || (state === 'failed' && context.kind === 'training')
    if (goesOn) return
    if ('ring' in context) await this.#delete(ringCheckpointName(ringName(experiment, trial)), trial)
    await this.#clear(standings, false)
  }

  /** The experiment is done, and will not be resumed. */
  over(standings: Standings): Promise<void> {
    return this.#clear(standings, true)
  }

  async #clear(standings: Standings, over: boolean): Promise<void> {
    for (const trial of this.#retention.clear(standings, over)) {
      await this.#delete(checkpointName(this.#submission.experiment, trial), trial)
    }
  }

  async #delete(name: string, trial: number): Promise<void> {
    try {
      await this.#bus.blobs.delete(checkpointBucket, name)
    } catch (error) {
      // It takes room, and does no other harm.
      const { experiment } = this.#submission
      this.#logger.warn({ experiment, trial, code: codeOf(error) }, 'a checkpoint could not be deleted')
    }
  }
}
