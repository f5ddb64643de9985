/**
 * One shard of an array or a tensor: rows chosen by `rowsOf`. What user code was given never changes, for it may have made other data of
 * it that go with the rest: other rows come in copies, which nobody else sees.
 * A tensor's `slice` that finds too little because the data were cut is an error that says so. An array's may well be empty: loops
 * end by it.
 */
import { problem } from '../../../protocol/index.ts'
import type { Tf } from '../backend.ts'
import type { Tensor, Typed } from './kinds.ts'

type Variable = ReturnType<Tf['variable']>

/** A shard of its own rows at first, and then of others. */
export interface RowsCopy {
  /** Two-dimensional at least, as tfjs makes it where it is not. */
  readonly variable: Variable
  fill(epoch: number): void
}

export interface CutRows {
  tensor(full: Tensor, rows: number): Tensor
  list<T extends unknown[] | Typed>(full: T, rows: number): T
  /** Whether a tensor is a shard of ours. */
  has(tensor: unknown): tensor is Tensor
  copy(shard: Tensor): RowsCopy
}

export function createCutRows(options: {
  readonly tf: Tf
  readonly count: number
  /** The rows of this member's shard, of so many, in an epoch. */
  readonly rowsOf: (total: number, epoch: number) => Int32Array
}): CutRows {
  const { tf, count, rowsOf } = options
  /** What each shard was cut from. */
  const sources = new WeakMap<object, { readonly full: Tensor; readonly rows: number }>()

  /** Throws where tfjs is about to refuse a slice that it would have taken had nothing been cut. */
  function checkSlice(call: string, from: number, to: number, of: { has: number; whole: number }): void {
    if (to > of.whole || (from <= of.has && to <= of.has)) return
    const found = from >= of.has ? 'leaves nothing' : 'reaches beyond the end'
    throw problem('DATASET_PART_EMPTY', { call: `${call} ${found}`, ...of, shards: count })
  }

  return {
    tensor: (full, rows) => {
      const shard = rowsIn(tf, full, rowsOf(rows, 0))
      sources.set(shard, { full, rows })
      // A `tidy` around the generator must leave the rest of the data alone, and dispose of the shard unless it is given on.
      tf.keep(full)
      const dispose = shard.dispose.bind(shard)
      shard.dispose = () => {
        if (!full.isDisposed) full.dispose()
        if (!shard.isDisposed) dispose()
      }
      const [has] = shard.shape as [number]
      const slice = shard.slice.bind(shard) as (begin: number | number[], size?: number | number[]) => never
      shard.slice = (begin: number | number[], size?: number | number[]): never => {
        const from = Array.isArray(begin) ? begin[0] : begin
        const length = Array.isArray(size) ? size[0] : size
        if (from !== undefined && from >= 0) {
          // -1: up to the end.
          const to = length === undefined || length < 0 ? Math.max(has, from) : from + length
          checkSlice(
            `slice(${[begin, size]
              .filter((one) => one !== undefined)
              .map(shown)
              .join(', ')})`,
            from,
            to,
            { has, whole: rows },
          )
        }
        return slice(begin, size)
      }
      return shard
    },
    list: (full, rows) => {
      const width = full.length / rows
      const shard = emptyLike(full, Math.floor(rows / count) * width)
      for (const [at, row] of rowsOf(rows, 0).entries()) {
        for (let i = 0; i < width; i += 1) shard[at * width + i] = full[row * width + i]
      }
      return shard
    },
    has: (tensor): tensor is Tensor => typeof tensor === 'object' && tensor !== null && sources.has(tensor),
    copy: (shard) => {
      const { full, rows } = sources.get(shard) ?? { full: shard, rows: shard.shape[0] ?? 0 }
      const rowsAt = (epoch: number): Tensor =>
        tf.tidy(() => {
          const chosen = rowsIn(tf, full, rowsOf(rows, epoch))
          return chosen.rank === 1 ? chosen.expandDims(1) : chosen
        })
      const first = rowsAt(0)
      const variable = tf.variable(first, false)
      first.dispose()
      return {
        variable,
        fill: (epoch) => {
          const next = rowsAt(epoch)
          variable.assign(next)
          next.dispose()
        },
      }
    },
  }
}

export function rowsIn(tf: Tf, full: Tensor, rows: Int32Array): Tensor {
  if (full.dtype !== 'string') return tf.tidy(() => tf.gather(full, tf.tensor1d(rows, 'int32')))
  // tfjs gathers numbers only.
  const [total = 1, ...shape] = full.shape
  const width = full.size / total
  const texts = full.dataSync() as unknown as string[]
  const chosen = [...rows].flatMap((row) => texts.slice(row * width, (row + 1) * width))
  return tf.tensor(chosen, [rows.length, ...shape], 'string')
}

const shown = (value: unknown): string => JSON.stringify(value)

function emptyLike<T extends unknown[] | Typed>(full: T, length: number): T {
  if (Array.isArray(full)) return Array.from({ length }) as T
  if (Buffer.isBuffer(full)) return Buffer.alloc(length) as unknown as T
  return new (full.constructor as new (length: number) => T)(length)
}
