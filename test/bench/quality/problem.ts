/** The problems of the referee: a search space, and a measure that only the referee knows the truth of. All values are minimized. */
import type { Hparams, SearchSpace } from '../../../protocol/index.ts'
import type { Random } from '../../../src/random/index.ts'

export interface Instance {
  /** One value for each objective, noise included; undefined where a trial fails. */
  readonly measure: (hparams: Hparams, random: Random) => readonly number[] | undefined
  /** The same without noise. */
  readonly truth: (hparams: Hparams) => readonly number[]
  /** The least truth there is; with several objectives, the hypervolume of the front. */
  readonly ideal: number
}

export interface Problem {
  readonly family: string
  readonly name: string
  readonly space: SearchSpace
  readonly trials: number
  readonly objectives: number
  /** The corner that hypervolumes are measured from, with several objectives. */
  readonly corner?: readonly number[]
  /** By seed: where the optimum lies, how the axes are turned. */
  readonly instance: (seed: number) => Instance
}

/** An instance with one objective and Gaussian noise. */
export const single = (loss: (hparams: Hparams) => number, ideal: number, noise = 0): Instance => ({
  measure: (hparams, random) => [loss(hparams) + (noise === 0 ? 0 : noise * random.normal())],
  truth: (hparams) => [loss(hparams)],
  ideal,
})
