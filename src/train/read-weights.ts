/**
 * Weights that train has read and still holds, the best ones so far, say. They are part of the state that a newcomer takes over: its
 * own train has read them too, in steps that it passed, when it did not have them.
 * I1 Reads have names, the same on all ranks, for all run the same function: the collective that comes next, and how many were before it.
 * I2 A read is known by the data of its tensors: a copy that train makes of them has the same data, until train disposes of it.
 */
import type { Tf } from './backend.ts'
import type { Tensor, Variable } from './tfjs.ts'

interface KeptRead {
  readonly read: string
  readonly values: readonly Uint8Array[]
}

export interface ReadWeights {
  /** Train reads these. `collective`: the next one; `passing`: it is over, so that they are nobody's. */
  note(weights: readonly Tensor[], collective: number, passing: boolean): void
  /** What train still holds; of `variables` their own values do not count. */
  take(variables: readonly Variable[]): KeptRead[]
  /** What train has read by itself becomes what others have read. Gives the data that it has put. */
  put(kept: readonly KeptRead[]): object[]
}

interface Value {
  readonly dataId: object
  readonly shape: number[]
}

/** Reads that are remembered; the oldest go first. */
const readsAtMost = 8

export function createReadWeights(tf: Tf): ReadWeights {
  const reads = new Map<string, readonly Value[]>()
  let last = { collective: -1, times: 0 }
  const backend = (): ReturnType<Tf['backend']> => tf.backend()
  const isHeld = ({ dataId }: Value): boolean => backend().refCount(dataId) > 0

  /** Of its own for each read, for what is passed does not change. */
  function renew(weights: readonly Tensor[]): void {
    for (const one of weights) {
      if (!(one instanceof tf.Variable)) continue
      const copy = tf.tensor(one.dataSync().slice(), one.shape, one.dtype)
      one.assign(copy)
      copy.dispose()
    }
  }

  return {
    note(weights, collective, passing) {
      if (passing) renew(weights)
      last = { collective, times: last.collective === collective ? last.times + 1 : 0 }
      const floats = weights.filter(({ dtype }) => dtype === 'float32')
      for (const [read, values] of reads) if (!values.some(isHeld)) reads.delete(read)
      const [oldest] = reads.keys()
      if (oldest !== undefined && reads.size >= readsAtMost) reads.delete(oldest)
      reads.set(
        `${collective}/${last.times}`,
        floats.map(({ dataId, shape }) => ({ dataId, shape })),
      )
    },
    take: (variables) => {
      const own = new Set<object>(variables.map(({ dataId }) => dataId))
      const isTrains = ({ dataId }: Value): boolean => backend().refCount(dataId) > (own.has(dataId) ? 1 : 0)
      return [...reads].flatMap(([read, values]) => {
        if (!values.every(isTrains)) return []
        const bytes = values.map(({ dataId }) => {
          const data = backend().readSync(dataId) as Float32Array
          return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        })
        return [{ read, values: bytes }]
      })
    },
    put(kept) {
      const written: object[] = []
      for (const { read, values } of kept) {
        for (const [at, { dataId, shape }] of (reads.get(read) ?? []).entries()) {
          const value = values[at]
          const held = backend().refCount(dataId)
          if (held === 0 || value === undefined) continue
          const data = new Float32Array(new Uint8Array(value).buffer)
          backend().move(dataId, data, shape, 'float32', held)
          written.push(dataId)
        }
      }
      return written
    },
  }
}
