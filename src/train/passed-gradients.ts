/**
 * While a newcomer passes steps, gradients are zeros. What train makes of them and goes on with, moments in plain tensors, say, is state
 * that this process does not really have. It is known by its data, through every kernel of tfjs, and said when a step that counts uses it:
 * what is only left lying about is no state.
 * - Variables are put back, whatever was assigned to them.
 * - The zeros themselves may be applied late, where gradients of another model were asked for in between: that changes nothing.
 */
import type { Tf } from './backend.ts'
import type { Tensor } from './tfjs.ts'

export interface PassedGradients {
  /** Train is given these zeros. */
  give(zeros: readonly (Tensor | null | undefined)[]): void
  /** A gradient that counts is about to be computed. */
  over(): void
  /** A kernel has made `made` of `inputs`. */
  readonly computed: (inputs: object, made: unknown) => void
}

export function createPassedGradients(tf: Tf, onUse: (shape: readonly number[]) => void): PassedGradients {
  let state: 'none' | 'passing' | 'over' = 'none'
  const zeros = new WeakSet<object>()
  const derived = new WeakSet<object>()
  const tensorsIn = (value: unknown): Tensor[] =>
    [value].flat().filter((one): one is Tensor => one instanceof tf.Tensor && !(one instanceof tf.Variable))

  return {
    give: (given) => {
      state = 'passing'
      for (const { dataId } of tensorsIn(given)) zeros.add(dataId)
    },
    over: () => {
      if (state === 'passing') state = 'over'
    },
    computed: (inputs, made) => {
      if (state === 'none') return
      const given = Object.values(inputs).flatMap(tensorsIn)
      const mine = given.find(({ dataId }) => derived.has(dataId))
      if (state === 'passing') {
        if (mine === undefined && !given.some(({ dataId }) => zeros.has(dataId))) return
        for (const { dataId } of tensorsIn(made)) if (!zeros.has(dataId)) derived.add(dataId)
      } else if (mine !== undefined) {
        state = 'none'
        onUse(mine.shape)
      }
    },
  }
}
