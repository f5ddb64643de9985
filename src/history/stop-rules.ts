/** Whether results still get better, and whether they are good enough: what the stop rules of a context look at. Pure. */
import type { Conclusion, Metrics, OptimizationContext } from '../../protocol/index.ts'
import { dominates, lossesOf, lossOf } from '../pareto/index.ts'

export class Improvement {
  readonly #objectives: OptimizationContext['objectives']
  #rule: NonNullable<OptimizationContext['stop']>
  /** The losses that none beats; with one objective the best alone. */
  #front: number[][] = []
  /** Trials since the front last moved. */
  #since = 0
  /** Of the first objective, the least loss since it was last said to go on. */
  #least = Infinity

  constructor({ objectives, stop = {} }: Pick<OptimizationContext, 'objectives' | 'stop'>) {
    this.#objectives = objectives
    this.#rule = stop
  }

  /** A trial has ended. One that failed says nothing about whether there is something better. */
  settled(state: string, metrics: Metrics): void {
    if (state === 'failed') return
    const losses = state === 'done' ? lossesOf(metrics, this.#objectives) : undefined
    const [first] = this.#objectives
    const loss = state === 'done' && first !== undefined ? lossOf(metrics, first) : NaN
    if (loss < this.#least) this.#least = loss
    if (losses === undefined || this.#front.some((best) => !dominates(losses, best) && !this.#differs(losses, best))) {
      this.#since += 1
      return
    }
    this.#front = [...this.#front.filter((best) => !dominates(losses, best)), losses]
    this.#since = 0
  }

  /** The search goes on because somebody said so: it gets as many trials again. */
  startOver(): void {
    this.#since = 0
    this.#least = Infinity
  }

  /** Another rule from here on; what came before counts by it too. */
  follow(rule: OptimizationContext['stop'] = {}): void {
    this.#rule = rule
  }

  get conclusion(): Conclusion | null {
    const { target, withoutImprovement } = this.#rule
    const [first] = this.#objectives
    if (target !== undefined && first !== undefined) {
      if (this.#least <= (first.direction === 'minimize' ? target : -target)) return 'target'
    }
    return withoutImprovement !== undefined && this.#since >= withoutImprovement ? 'no-improvement' : null
  }

  /** Better in one objective, worse in another: both stay. */
  #differs(losses: readonly number[], best: readonly number[]): boolean {
    return !dominates(best, losses) && losses.some((loss, index) => loss !== best[index])
  }
}
