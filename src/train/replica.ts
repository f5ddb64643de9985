/**
 * What makes a replica what it is: its variables (weights, statistics, the optimizers' moments) and the optimizers' counters.
 * Taken and put as bytes, for a member that comes new and for checkpoints.
 * Variables are matched by their order: names count up in a process that has trained before, and so differ between ranks.
 */
import { Type } from 'typebox'
import { check, decode, encode } from '../../protocol/index.ts'
import { createManifest, requireSameVariables, sharedVector, type VariableSpec } from '../ring/index.ts'
import type { Tf } from './backend.ts'

export type Variable = ReturnType<Tf['variable']>

/** tfjs's own name for what an optimizer counts. */
const counter = 'iterations_'

export interface CountingOptimizer {
  [counter]?: number
}

export interface Replica {
  /** In the order in which they were made. */
  variables(): Variable[]
  specs(): VariableSpec[]
  hash(): string
  /** A variable that was there before the training, and is trained by it. */
  adopt(variable: Variable): void
  /** A variable that is none of the model's. */
  exclude(variable: Variable): void
  counts(optimizer: CountingOptimizer): void
  take(): Uint8Array
  /** Throws RING_MANIFEST_DIFFERS where the variables are not the same. */
  put(bytes: Uint8Array, rank: number): void
}

const State = Type.Object({
  specs: Type.Array(Type.Object({ name: Type.String(), shape: Type.Array(Type.Number()), dtype: Type.String() })),
  values: Type.Array(Type.Unsafe<Uint8Array>({})),
  iterations: Type.Array(Type.Number()),
})

interface Registry {
  readonly state: { readonly registeredVariables: Record<string, Variable> }
}

/** Without the numbers that make a name unique in its process. */
export const plainName = (name: string): string => name.replace(/_?\d+/g, '')

export function createReplica(tf: Tf): Replica {
  const registered = (): Record<string, Variable> => (tf.engine() as unknown as Registry).state.registeredVariables
  const before = new Set<Variable>(Object.values(registered()))
  const excluded = new WeakSet<Variable>()
  const adopted = new Set<Variable>()
  const optimizers = new Set<CountingOptimizer>()

  const variables = (): Variable[] =>
    Object.values(registered()).filter((one) => (!before.has(one) || adopted.has(one)) && !excluded.has(one))
  const specs = (): VariableSpec[] =>
    variables().map(({ name, shape, dtype }) => ({ name: plainName(name), shape, dtype }))

  return {
    variables,
    specs,
    hash: () => createManifest(specs()).hash,
    adopt: (variable) => {
      if (before.has(variable)) adopted.add(variable)
    },
    exclude: (variable) => {
      excluded.add(variable)
    },
    counts: (optimizer) => {
      optimizers.add(optimizer)
    },
    take: () =>
      encode({
        specs: specs(),
        values: variables().map((one) => {
          const values = one.dataSync()
          return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
        }),
        iterations: [...optimizers].map((optimizer) => optimizer[counter] ?? 0),
      }),
    put: (bytes, rank) => {
      const state = check(State, decode(bytes), 'ring state')
      requireSameVariables(specs(), state.specs, { mine: rank, theirs: 0 })
      for (const [index, variable] of variables().entries()) {
        const data = state.values[index] ?? new Uint8Array()
        const value = tf.tensor(typed(data, variable.dtype), variable.shape, variable.dtype)
        variable.assign(value)
        value.dispose()
      }
      for (const [index, optimizer] of [...optimizers].entries()) {
        optimizer[counter] = state.iterations[index] ?? 0
      }
    },
  }
}

/** A copy: decoded bytes are often not 4-aligned. */
function typed(data: Uint8Array, dtype: string): Float32Array | Int32Array | Uint8Array {
  const copy = new Uint8Array(data)
  if (dtype === 'int32') return new Int32Array(copy.buffer)
  return dtype === 'bool' ? copy : new Float32Array(copy.buffer)
}

export interface Fuse {
  /** Shared memory for a vector of a key: it is written anew each time. */
  vectorFor(key: string, length: number): Float32Array
  /** The ring would rather have it here. */
  moveTo(key: string, memory: Float32Array): void
}

export function createFuse(): Fuse {
  const vectors = new Map<string, Float32Array>()
  return {
    vectorFor(key, length) {
      let vector = vectors.get(key)
      if (vector?.length !== length) {
        vector = sharedVector(length)
        vectors.set(key, vector)
      }
      return vector
    },
    moveTo(key, memory) {
      vectors.set(key, memory)
    },
  }
}
