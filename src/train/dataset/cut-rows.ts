/**
 * One shard of an array or a tensor: rows chosen by `rowsOf`, and chosen anew in place when the epoch or the member's shard changes.
 * A tensor's `slice` that finds too little because the data were cut is an error that says so. An array's may well be empty: loops
 * end by it.
 */
import { problem } from '../../../protocol/index.ts'
import type { Tf } from '../backend.ts'
import type { Tensor, Typed } from './kinds.ts'

type Variable = ReturnType<Tf['variable']>

export interface CutRows {
  tensor(full: Tensor, rows: number): Variable
  list<T extends unknown[] | Typed>(full: T, rows: number): T
  /** Whether a tensor is a shard of ours. */
  has(tensor: object): boolean
  /** Other rows are due. */
  refill(): void
  end(): void
}

export function createCutRows(options: {
  readonly tf: Tf
  readonly count: number
  /** The rows of this member's shard, of so many. */
  readonly rowsOf: (total: number) => Int32Array
}): CutRows {
  const { tf, count, rowsOf } = options
  const refills = new Set<() => void>()
  const tensors = new Set<object>()
  /** An array that nobody has any more needs no other rows. */
  const forgotten = new FinalizationRegistry<() => void>((refill) => refills.delete(refill))

  /** Throws where tfjs is about to refuse a slice that it would have taken had nothing been cut. */
  function checkSlice(call: string, from: number, to: number, of: { has: number; whole: number }): void {
    if (to > of.whole || (from <= of.has && to <= of.has)) return
    const found = from >= of.has ? 'leaves nothing' : 'reaches beyond the end'
    throw problem('DATASET_PART_EMPTY', { call: `${call} ${found}`, ...of, shards: count })
  }

  return {
    tensor: (full, rows) => {
      const gather = (): Tensor => rowsIn(tf, full, rowsOf(rows))
      const first = gather()
      const shard = tf.variable(first, false)
      first.dispose()
      tensors.add(shard)
      const refill = (): void => {
        if (full.isDisposed) return
        const next = gather()
        shard.assign(next)
        next.dispose()
      }
      refills.add(refill)
      // A `tidy` around the generator must leave the rest of the data alone, and dispose of the shard unless it is given on.
      tf.keep(full)
      const engine = tf.engine() as unknown as { track(tensor: Tensor): void }
      engine.track(shard)
      const dispose = shard.dispose.bind(shard)
      shard.dispose = () => {
        refills.delete(refill)
        tensors.delete(shard)
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
      const weak = new WeakRef(shard)
      const fill = (): void => {
        const into = weak.deref()
        if (into === undefined) return
        for (const [at, row] of rowsOf(rows).entries()) {
          for (let i = 0; i < width; i += 1) into[at * width + i] = full[row * width + i]
        }
      }
      fill()
      refills.add(fill)
      forgotten.register(shard, fill)
      return shard
    },
    has: (tensor) => tensors.has(tensor),
    refill: () => {
      for (const refill of refills) refill()
    },
    end: () => {
      refills.clear()
      tensors.clear()
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
