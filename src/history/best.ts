/** The best trial of an experiment with one objective, kept up result by result. Pure. */
import type { Metrics, Objective } from '../../protocol/index.ts'
import { lossOf } from '../pareto/index.ts'

export interface BestTrial {
  readonly trial: number
  readonly metrics: Metrics
}

export class Best {
  readonly #objective: Objective | undefined
  /** Ties go to the lower number. null: no trial has come to a finite value, or there are several objectives. */
  trial: BestTrial | null = null

  constructor(objectives: readonly Objective[]) {
    this.#objective = objectives.length === 1 ? objectives[0] : undefined
  }

  /** A trial is done. */
  done(trial: number, metrics: Metrics): void {
    if (this.#objective === undefined) return
    const loss = lossOf(metrics, this.#objective)
    const bar = this.trial === null ? Infinity : lossOf(this.trial.metrics, this.#objective)
    const first = this.trial === null && !Number.isNaN(loss)
    if (first || loss < bar || (loss === bar && trial < (this.trial?.trial ?? 0))) this.trial = { trial, metrics }
  }
}
