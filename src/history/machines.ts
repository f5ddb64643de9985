/**
 * The machine of an experiment and those of its trials, which move each other: a trial that settles moves the experiment, and an
 * experiment that stops cancels the trials that wait. Pure.
 * I1 Trials that wait are cancelled here, so that a replay does it alike; those that run only the world can stop (`stopRunning`).
 * I2 A trial is not tried again once its experiment is being stopped, nor once another repeat of its configuration was pruned.
 */
import type { Context, LogEvent } from '../../protocol/index.ts'
import type { ExperimentEvent, ExperimentInput } from './experiment.machine.ts'
import { isFinal } from './final.ts'
import { Lifecycle, type Effect } from './lifecycle.ts'
import { Ranking } from './ranking.ts'
import type { TrialEvent } from './trial.machine.ts'
import { TrialTable } from './trial-table.ts'

export class Machines {
  readonly lifecycle: Lifecycle
  readonly trials: TrialTable
  readonly ranking: Ranking

  constructor(context: Context) {
    this.trials = new TrialTable(context.kind === 'optimization' ? (context.repeats ?? 1) : 1)
    this.lifecycle = new Lifecycle(this.#askedBy(context))
    this.ranking = new Ranking(context)
  }

  move(event: ExperimentEvent): Effect[] {
    const effects: Effect[] = []
    for (const action of this.lifecycle.move(event)) {
      if (action === 'cancelQueued' || action === 'cancelTrials') {
        // I1
        for (const trial of Array.from(this.trials.queued)) {
          effects.push(...this.moveTrial(trial, { type: 'trial.cancelled' }))
        }
        if (action === 'cancelTrials') effects.push('stopRunning')
      } else {
        effects.push(action as Effect)
      }
    }
    return effects
  }

  moveTrial(trial: number, event: TrialEvent): Effect[] {
    const { trials } = this
    const moved = trials.move(trial, event)
    if (moved === undefined) return []
    const { before, after } = moved
    if (isFinal(after.value) && !isFinal(before.value)) {
      this.ranking.settled(after, trials.configuration(trials.configurationOf(trial)))
      const refused = after.context.problem?.code === 'SURGERY_REFUSED'
      const effects = this.move({ type: 'trial.settled', state: after.value, refused })
      if (after.value !== 'pruned' || trials.repeats === 1) return effects
      return [...effects, ...this.#dropNeedless(), 'stopRepeats']
    }
    if (after.value !== 'queued') return []
    // I2
    return this.lifecycle.stopping ? this.moveTrial(trial, { type: 'trial.cancelled' }) : this.#dropNeedless()
  }

  /** It goes on: trials that were cancelled are open again. */
  resume(event: Extract<LogEvent, { type: 'experiment.resumed' }>): Effect[] {
    if (this.lifecycle.ended) this.ranking.startOver()
    this.#reopen(event)
    return [...this.move(event), ...this.#dropNeedless()]
  }

  /** It is another from here on: `context`. */
  change(event: Extract<LogEvent, { type: 'experiment.changed' }>, context: Context): Effect[] {
    const { policy, failed } = event.change
    this.ranking.follow(context)
    if (policy !== undefined) this.trials.follow(context.policy)
    const asked = this.move({ type: 'asked', ...this.#askedBy(context) })
    if (failed === true) this.#reopen(event)
    return [...asked, ...this.move(event)]
  }

  /** Trials that are open when the experiment ends will not run, unless it is resumed. */
  end(event: Extract<LogEvent, { type: 'experiment.ended' }>): Effect[] {
    const effects = this.move(event)
    if (!this.lifecycle.ended) return effects
    const open = [...this.trials.queued, ...this.trials.held]
    return [...effects, ...open.flatMap((trial) => this.moveTrial(trial, { type: 'trial.cancelled' }))]
  }

  #askedBy({ trials, policy }: Context): ExperimentInput {
    return { target: trials * this.trials.repeats, maxFailed: policy.maxFailed }
  }

  /** I2: trials that wait, and whose configuration was pruned in another trial. */
  #dropNeedless(): Effect[] {
    const { trials } = this
    if (trials.repeats === 1) return []
    return [...trials.queued].flatMap((trial) =>
      trials.prunedBeside(trial) === undefined ? [] : this.moveTrial(trial, { type: 'trial.dropped' }),
    )
  }

  #reopen(event: Extract<LogEvent, { type: 'experiment.resumed' | 'experiment.changed' }>): void {
    for (const state of this.trials.reopen(event)) {
      this.move({ type: 'trial.reopened', failed: state === 'failed' && event.type === 'experiment.changed' })
    }
  }
}
