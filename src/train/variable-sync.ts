/**
 * Variables that ranks may hold with different values, made equal: by their mean where each rank has stepped by itself, and by rank
 * 0's values where they are new, for every rank draws the first weights of a model by itself.
 */
import { problem } from '../../protocol/index.ts'
import type { Agreement } from './dataset/index.ts'
import { assign, pack, tensorOf } from './fuse.ts'
import type { Tf } from './backend.ts'
import type { Membership } from './membership.ts'
import type { Replica } from './replica.ts'
import type { Tensor, Variable } from './tfjs.ts'
import { plainName } from './tfjs.ts'

export interface VariableSync {
  /** The mean of all variables over all ranks, exactly. */
  average(): void
  /** Rank 0's values of the variables that were made since the last call; whether there were any. */
  takeNew(): boolean
  /**
   * What train is to set as weights, given what it would: rank 0's, for whoever came later has not had what train may have kept of
   * earlier steps. New tensors, or the same. Throws RING_WEIGHTS_PASSED where rank 0 has not had it either.
   */
  readonly set: (layer: string, weights: readonly Tensor[]) => readonly Tensor[]
  /** The variables made up to now are the same on all ranks: they came with rank 0's state, or an optimizer made them. */
  knowAll(): void
}

export function createVariableSync(options: {
  readonly tf: Tf
  readonly replica: Replica
  readonly membership: Membership
  /** Travels behind each mean of weights. */
  readonly agreement: Agreement
}): VariableSync {
  const { tf, replica, membership, agreement } = options
  const known = new WeakSet<Variable>()

  function reduce(variables: readonly Variable[], key: string, doing: string, weight: number): void {
    const floats = variables.filter((one) => one.dtype === 'float32' && !one.isDisposed)
    const length = floats.reduce((sum, one) => sum + one.size, 0)
    if (length === 0) return
    if (membership.skips) {
      membership.pass()
      return
    }
    const vector = membership.vectorFor(key, length + agreement.length)
    pack(floats, vector)
    agreement.write(vector.subarray(length, length + agreement.length))
    const got = membership.reduce({ key, vector, weight, doing })
    if (got === undefined || got.weight === 0) return
    agreement.check(got.vector.subarray(length, length + agreement.length))
    let offset = 0
    for (const variable of floats) {
      assign(tf, variable, got.vector, offset)
      offset += variable.size
    }
  }

  function set(layer: string, weights: readonly Tensor[]): readonly Tensor[] {
    if (!membership.hasBegun) return weights
    membership.enter()
    if (membership.skips) {
      membership.pass()
      return weights
    }
    const floats = weights.filter(({ dtype }) => dtype === 'float32')
    const length = floats.reduce((sum, one) => sum + one.size, 0)
    const vector = membership.vectorFor(`set ${length}`, length + 1)
    pack(floats, vector)
    vector[length] = weights.some((one) => replica.isPassed(one)) ? 1 : 0
    const weight = membership.place?.rank === 0 ? 1 : 0
    const got = membership.reduce({
      key: `set ${length}`,
      vector,
      weight,
      doing: `sets weights of ${plainName(layer)}`,
    })
    if (got === undefined || got.weight === 0) return weights
    if (got.vector[length] !== 0) throw problem('RING_WEIGHTS_PASSED', { layer })
    let offset = 0
    return weights.map((one) => {
      if (one.dtype !== 'float32') return one
      offset += one.size
      return tensorOf(tf, got.vector, offset - one.size, one.shape)
    })
  }

  const knowAll = (): void => {
    for (const variable of replica.variables()) known.add(variable)
  }

  return {
    knowAll,
    set,
    average: () => {
      membership.enter()
      reduce(replica.variables(), 'weights', 'averages its weights', 1)
    },
    takeNew: () => {
      const made = replica.variables().filter((one) => !known.has(one))
      if (made.length === 0) return false
      for (const one of made) known.add(one)
      membership.enter()
      const names = made.map(({ name, shape }) => `${plainName(name)}[${shape.join()}]`).join(', ')
      const { place } = membership
      reduce(made, `new ${names}`, `begins to train new variables: ${names}`, place?.rank === 0 ? 1 : 0)
      return true
    },
  }
}
