/**
 * Variables that ranks may hold with different values, made equal: by their mean where each rank has stepped by itself, and by rank
 * 0's values where they are new, for every rank draws the first weights of a model by itself.
 */
import type { Agreement } from './dataset/index.ts'
import { assign, pack } from './fuse.ts'
import type { Tf } from './backend.ts'
import type { Membership } from './membership.ts'
import type { Replica } from './replica.ts'
import type { Variable } from './tfjs.ts'
import { plainName } from './tfjs.ts'

export interface VariableSync {
  /** The mean of all variables over all ranks, exactly. */
  average(): void
  /** Rank 0's values of the variables that were made since the last call; whether there were any. */
  takeNew(): boolean
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

  const knowAll = (): void => {
    for (const variable of replica.variables()) known.add(variable)
  }

  return {
    knowAll,
    average: () => {
      membership.enter()
      reduce(replica.variables(), 'weights', 'averages its weights', 1)
    },
    takeNew: () => {
      const made = replica.variables().filter((one) => !known.has(one))
      if (made.length === 0) return false
      for (const one of made) known.add(one)
      membership.enter()
      const names = made
        .map(({ name, shape }) => `${plainName(name) || 'one without a name'} [${shape.join(', ')}]`)
        .join(', ')
      const { place } = membership
      reduce(made, `new ${names}`, `begins to train new variables: ${names}`, place?.rank === 0 ? 1 : 0)
      return true
    },
  }
}
