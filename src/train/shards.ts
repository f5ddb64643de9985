/**
 * Cuts what a dataset generator gives into shards, one a member, behind the training function's back.
 * - `{ train, … }`: only `train` is cut. Otherwise everything but what is called after a test (`test…`, `val…`, `eval…`, `holdout…`).
 * - Tensors and arrays are cut by rows (as many as the first tensor has, else the longest list, else the shortest typed array); what
 *   has another number of rows is left whole. `tf.data.Dataset`s are cut by elements.
 * - Shard s of W has the rows p(j * W + s), j < floor(rows / W): disjoint, and all of one size, so that all ranks take the same
 *   number of steps. The rest (fewer than W rows) sits out; p changes with each epoch of `fit`, so it is another one each time.
 * - W is the most workers that there may be, not how many there are: the number of steps does not change when one is lost.
 * I1 Shards of one epoch are disjoint: when a member's shard changes, its tensors' contents change (they are variables), at once.
 */
import { problem } from '../../protocol/index.ts'
import { permutation } from '../random/index.ts'
import type { Tf } from './backend.ts'
import type { Variable } from './replica.ts'

type Tensor = ReturnType<Tf['tensor']>
type Rows = unknown[] | Float32Array | Int32Array | Uint8Array | Float64Array

export interface Shards {
  /** What the training function gets instead of `value`. */
  cut(value: unknown): unknown
  /** Whether a value is, or holds, a tensor that was cut. */
  holds(value: unknown): boolean
  /** This member's shard from now on. */
  move(index: number): void
  /** A new epoch: other rows. */
  shuffle(): void
  end(): void
}

export function createShards(options: {
  readonly tf: Tf
  /** Into how many. */
  readonly count: number
  readonly index: number
  readonly seed: number
  readonly onVariable: (variable: Variable) => void
}): Shards {
  const { tf, count, seed } = options
  let index = options.index
  let epoch = 0
  const refills: (() => void)[] = []
  const cutTensors = new Set<Tensor>()
  /** A generator that gives the same tensor twice gets the same shard twice. */
  const known = new Map<object, unknown>()

  function rowsOf(total: number): Int32Array {
    const size = Math.floor(total / count)
    if (size === 0) throw problem('DATASET_TOO_SMALL', { samples: total, shards: count })
    const order = epoch === 0 ? (at: number) => at : permutation(total, seed, 'epoch', epoch)
    return Int32Array.from({ length: size }, (_, at) => order(at * count + (index % count)))
  }

  function cutTensor(full: Tensor, total: number): Variable {
    const gather = (): Tensor => tf.tidy(() => tf.gather(full, tf.tensor1d(rowsOf(total), 'int32')))
    const first = gather()
    const shard = tf.variable(first, false)
    first.dispose()
    options.onVariable(shard)
    cutTensors.add(shard)
    refills.push(() => {
      if (full.isDisposed || shard.isDisposed) return
      const next = gather()
      shard.assign(next)
      next.dispose()
    })
    // Who disposes of the shard means the dataset.
    const dispose = shard.dispose.bind(shard)
    shard.dispose = () => {
      full.dispose()
      dispose()
    }
    return shard
  }

  function cutRows(full: Rows, total: number): Rows {
    const width = full.length / total
    const size = Math.floor(total / count)
    const shard: Rows = Array.isArray(full)
      ? Array.from({ length: size * width })
      : new (full.constructor as new (length: number) => Float32Array)(size * width)
    const fill = (): void => {
      for (const [at, row] of rowsOf(total).entries()) {
        for (let i = 0; i < width; i += 1) shard[at * width + i] = full[row * width + i]
      }
    }
    fill()
    refills.push(fill)
    return shard
  }

  function cutDataset(base: Dataset): Dataset {
    const iterator = async (): Promise<unknown> => {
      const all = await base.iterator()
      return await tf.data
        .func(async () => {
          const mine = index % count
          let kept: unknown
          // Of each group of W elements one; a last group that is not complete sits out.
          for (let at = 0; at < count; at += 1) {
            const next = await all.next()
            if (next.done) {
              tf.dispose(kept as Tensor)
              return { value: null, done: true } as never
            }
            if (at === mine) kept = next.value
            else tf.dispose(next.value as Tensor)
          }
          return { value: kept, done: false } as never
        })
        .iterator()
    }
    const shard = tf.data.generator(function* () {
      /* Its iterator is put in place below. */
    }) as unknown as Dataset & { size: number | null }
    const { size } = base as { size?: number | null }
    shard.size = typeof size === 'number' ? Math.floor(size / count) : null
    if (shard.size === 0) throw problem('DATASET_TOO_SMALL', { samples: size ?? 0, shards: count })
    shard.iterator = iterator as Dataset['iterator']
    return shard
  }

  function cutPart(value: unknown, total: number): unknown {
    if (typeof value !== 'object' || value === null) return value
    const before = known.get(value)
    if (before !== undefined) return before
    const after = cutNew(value, total)
    known.set(value, after)
    return after
  }

  function cutNew(value: object, total: number): unknown {
    if (isDataset(value)) return cutDataset(value)
    if (value instanceof tf.Tensor) return value.shape[0] === total ? cutTensor(value, total) : value
    if (isRows(value)) {
      const whole = Array.isArray(value) ? value.length === total : value.length > 0 && value.length % total === 0
      return whole ? cutRows(value, total) : value
    }
    if (Array.isArray(value)) return value.map((part) => cutPart(part, total))
    if (!isPlain(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, cutPart(part, total)]))
  }

  const cutWhole = (value: unknown): unknown => {
    const sizes = sizesOf(value, tf)
    return cutPart(value, sizes.tensor ?? sizes.list ?? sizes.typed ?? 0)
  }

  return {
    cut: (value) => {
      if (!isPlain(value)) return cutWhole(value)
      if ('train' in value) return { ...value, train: cutWhole(value['train']) }
      const held = Object.entries(value).filter(([key]) => heldOut.test(key))
      const rest = Object.entries(value).filter(([key]) => !heldOut.test(key))
      return { ...(cutWhole(Object.fromEntries(rest)) as object), ...Object.fromEntries(held) }
    },
    holds: (value) => {
      if (value instanceof tf.Tensor) return cutTensors.has(value)
      if (typeof value !== 'object' || value === null) return false
      return Object.values(value).some((part) => part instanceof tf.Tensor && cutTensors.has(part))
    },
    move: (to) => {
      if (to === index) return
      index = to
      for (const refill of refills) refill()
    },
    shuffle: () => {
      epoch += 1
      for (const refill of refills) refill()
    },
    end: () => {
      refills.length = 0
      known.clear()
      cutTensors.clear()
    },
  }
}

interface Dataset {
  iterator(): Promise<{ next(): Promise<{ value: unknown; done: boolean }> }>
}

const heldOut = /^(test|val|eval|holdout)/i

const isDataset = (value: object): value is Dataset =>
  typeof (value as Partial<Dataset>).iterator === 'function' && 'batch' in value && 'forEachAsync' in value

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** Samples by row; a list of tensors, arrays or datasets is a structure instead. */
function isRows(value: object): value is Rows {
  if (ArrayBuffer.isView(value)) return !(value instanceof DataView)
  if (!Array.isArray(value)) return false
  const [first] = value as unknown[]
  if (typeof first !== 'object' || first === null) return value.length > 0
  if (ArrayBuffer.isView(first) || isDataset(first)) return value.length > 8
  return !('dataId' in first)
}

interface Sizes {
  readonly tensor?: number
  readonly list?: number
  readonly typed?: number
}

/** The rows of the first tensor, of the longest list, and of the shortest typed array, which may hold several values a row. */
function sizesOf(value: unknown, tf: Tf): Sizes {
  if (typeof value !== 'object' || value === null || isDataset(value)) return {}
  if (value instanceof tf.Tensor) return value.rank === 0 ? {} : { tensor: value.shape[0] as number }
  if (isRows(value)) return Array.isArray(value) ? { list: value.length } : { typed: value.length }
  if (!Array.isArray(value) && !isPlain(value)) return {}
  const parts = Object.values(value).map((part) => sizesOf(part, tf))
  const tensor = parts.find((part) => part.tensor !== undefined)?.tensor
  const lists = parts.flatMap(({ list }) => list ?? [])
  const typed = parts.flatMap((part) => part.typed ?? [])
  return {
    ...(tensor === undefined ? {} : { tensor }),
    ...(lists.length === 0 ? {} : { list: Math.max(...lists) }),
    ...(typed.length === 0 ? {} : { typed: Math.min(...typed) }),
  }
}
