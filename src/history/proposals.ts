/**
 * Proposals of shadow optimizers, which are asked on the side. Pure.
 * I1 An optimizer's first proposal in the place of a trial counts.
 */
import type { Hparams, LogEvent } from '../../protocol/index.ts'

type Proposed = Extract<LogEvent, { type: 'shadow.proposed' }>

export class Proposals {
  readonly #byOptimizer = new Map<string, Map<number, Hparams>>()
  /** By the optimizers' names, each with the trial in whose place it stands. */
  readonly byOptimizer: ReadonlyMap<string, ReadonlyMap<number, Hparams>> = this.#byOptimizer

  /** I1 */
  takes({ optimizer, trial }: Proposed): boolean {
    return this.#byOptimizer.get(optimizer)?.has(trial) !== true
  }

  note({ optimizer, trial, hparams }: Proposed): void {
    const points = this.#byOptimizer.get(optimizer) ?? new Map<number, Hparams>()
    this.#byOptimizer.set(optimizer, points.set(trial, hparams))
  }
}
