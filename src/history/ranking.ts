/**
 * What the trials that have settled came to: the best, whether it still gets better, why the first one failed. Pure.
 * I1 A configuration counts once, when all its trials have settled; until then nothing is known of it.
 */
import type { Conclusion, Context, Objective } from '../../protocol/index.ts'
import { Best, type BestTrial } from './best.ts'
import type { Configuration } from './configurations.ts'
import { Improvement } from './stop-rules.ts'
import type { TrialSnapshot } from './trial.machine.ts'

export class Ranking {
  readonly #objectives: readonly Objective[]
  readonly #best: Best
  readonly #improvement: Improvement
  /** Why the first trial that failed did. */
  firstFailure: string | null = null

  constructor(context: Context) {
    this.#objectives = context.objectives
    this.#best = new Best(context.objectives)
    this.#improvement = new Improvement(context)
  }

  /** A trial has settled. */
  settled({ value, context }: TrialSnapshot, configuration: Configuration | undefined): void {
    if (value === 'failed') this.firstFailure ??= context.problem?.message ?? null
    // I1
    if (configuration === undefined || configuration.state === 'pending') return
    const { state, metrics } = configuration
    if (state !== 'cancelled') this.#improvement.settled(state, metrics)
    if (state === 'done') this.#best.done(this.standingFor(configuration), metrics)
  }

  /** Where there is one objective: the trial with the best value; ties go to the lower number. */
  get best(): BestTrial | null {
    return this.#best.trial
  }

  /** The stop rule that the results meet. */
  get conclusion(): Conclusion | null {
    return this.#improvement.conclusion
  }

  /** The search goes on because somebody said so. */
  startOver(): void {
    this.#improvement.startOver()
  }

  /** The context has changed: its stop rule counts from here on. */
  follow(context: Context): void {
    if (context.kind === 'optimization') this.#improvement.follow(context.stop)
  }

  /** The trial that stands for a configuration: its best, the first of equals. */
  standingFor({ trials }: Configuration): number {
    const [first] = trials
    const best = new Best(this.#objectives)
    for (const { context } of trials) best.done(context.trial, context.metrics)
    return best.trial?.trial ?? first?.context.trial ?? 0
  }
}
