/**
 * The state of a replica: its variables (weights, statistics, the optimizers' moments) and the optimizers' counters.
 * Taken and put as bytes, for a member that comes new and for checkpoints.
 * Variables are matched by their order: names count up in a process that has trained before, and so differ between ranks.
 */
import { Type } from 'typebox'
import { check, decode, encode } from '../../protocol/index.ts'
import { createManifest, requireSameVariables, sharedVector, type VariableSpec } from '../ring/index.ts'
import type { Tf } from './backend.ts'
import { digestOfValues } from './digest.ts'
import type { Fact } from './facts.ts'
import { createReadWeights } from './read-weights.ts'
import {
  iterationsOf,
  plainName,
  registeredVariables,
  setIterations,
  settingsOf,
  toldNames,
  type Tensor,
  type TfOptimizer,
  type Variable,
} from './tfjs.ts'

export interface Replica {
  /** In the order in which they were made. */
  variables(): Variable[]
  specs(): VariableSpec[]
  hash(): string
  /** A variable that was there before the training, and is part of what it trains. */
  adopt(variable: Variable): void
  /** Variables that were there before the training, are not trained, and were not adopted. */
  strangers(): Variable[]
  /** A variable that is none of the model's. */
  exclude(variable: Variable): void
  counts(optimizer: TfOptimizer): void
  /** Train reads weights, before this collective; `passing`: it is over. */
  reads(weights: readonly Tensor[], collective: number, passing: boolean): void
  /** The variables' values of now are nobody's: this process passes a step that is over. */
  markPassed(): void
  /** Whether it holds a value of a variable that was nobody's. */
  isPassed(value: Tensor): boolean
  /** A digest of each variable, and what is set on the optimizers: the same on all ranks between two steps. */
  facts(): Fact[]
  take(): Uint8Array
  /** Throws RING_MANIFEST_DIFFERS where the variables are not the same. */
  put(bytes: Uint8Array, rank: number): void
}

const State = Type.Object({
  specs: Type.Array(Type.Object({ name: Type.String(), shape: Type.Array(Type.Number()), dtype: Type.String() })),
  values: Type.Array(Type.Unsafe<Uint8Array>({})),
  iterations: Type.Array(Type.Number()),
  /** None in checkpoints of earlier versions. */
  kept: Type.Optional(
    Type.Array(Type.Object({ read: Type.String(), values: Type.Array(Type.Unsafe<Uint8Array>({})) })),
  ),
})

export function createReplica(tf: Tf): Replica {
  const before = new Set<Variable>(registeredVariables(tf))
  const excluded = new WeakSet<Variable>()
  const adopted = new Set<Variable>()
  const optimizers = new Set<TfOptimizer>()
  /** A copy that tfjs makes has the data of its original. */
  const passed = new WeakSet<object>()
  const read = createReadWeights(tf)

  const isIts = (one: Variable): boolean => !before.has(one) || adopted.has(one)
  const variables = (): Variable[] => registeredVariables(tf).filter((one) => isIts(one) && !excluded.has(one))
  const specs = (): VariableSpec[] =>
    variables().map(({ name, shape, dtype }) => ({ name: plainName(name), shape, dtype }))

  return {
    variables,
    specs,
    hash: () => createManifest(specs()).hash,
    adopt: (variable) => {
      if (before.has(variable)) adopted.add(variable)
    },
    strangers: () => registeredVariables(tf).filter((one) => !one.trainable && !isIts(one)),
    exclude: (variable) => {
      excluded.add(variable)
    },
    counts: (optimizer) => {
      optimizers.add(optimizer)
    },
    reads: (weights, collective, passing) => {
      read.note(weights, collective, passing)
      if (passing) for (const { dataId } of weights) passed.add(dataId)
    },
    markPassed: () => {
      for (const { dataId } of variables()) passed.add(dataId)
    },
    isPassed: ({ dataId }) => passed.has(dataId),
    facts: () => [
      ...[...optimizers].flatMap((optimizer, at) =>
        [...settingsOf(optimizer), ['iterations', iterationsOf(optimizer)] as const].map(([what, value]): Fact => ({
          kind: 'decision',
          what: `${what} of optimizer ${at}`,
          value,
        })),
      ),
      ...toldVariables(variables()),
    ],
    take: () =>
      encode({
        specs: specs(),
        values: variables().map((one) => {
          const values = one.dataSync()
          return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
        }),
        iterations: [...optimizers].map(iterationsOf),
        kept: read.take(variables()),
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
        setIterations(optimizer, state.iterations[index] ?? 0)
      }
      for (const dataId of read.put(state.kept ?? [])) passed.delete(dataId)
    },
  }
}

function toldVariables(variables: readonly Variable[]): Fact[] {
  const names = toldNames(variables)
  return variables.map((one, at) => {
    const value = digestOfValues(one.dataSync() as Float32Array)
    return { kind: 'variable', what: names[at] ?? '?', value }
  })
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
