/**
 * One shard of a `tf.data.Dataset`: of each group of as many elements as there are shards, one. A last group that is not complete
 * sits out.
 * Datasets made of a shard (by `take`, `skip`, `batch`, …) remember that it was cut. A part that is empty because of that is an error
 * that says so: the user chose the counts with the whole dataset in mind.
 */
import { problem } from '../../../protocol/index.ts'
import type { Tf } from '../backend.ts'
import type { Dataset, Elements } from './kinds.ts'

type Container = Parameters<Tf['dispose']>[0]

export interface CutOptions {
  readonly tf: Tf
  readonly count: number
  /** The elements of each group that this rank takes. */
  readonly index: number
  /** Around all that runs code of the user's to make elements; `iteration` counts from 0. */
  readonly within: <T>(iteration: number, make: () => T) => T
  /** An iterator of the shard is made. */
  readonly onRead?: () => void
  /** Each element as all ranks see it. `at`: its place in its group. */
  readonly onElement?: (iteration: number, group: number, at: number, element: unknown) => void
}

/** All of the dataset, made as `within` says. */
export function wholeDataset({ tf, within }: Pick<CutOptions, 'tf' | 'within'>, base: Dataset): Dataset {
  let iterations = 0
  return datasetOf(base, base.size ?? null, async () => {
    const iteration = iterations++
    const all = await within(iteration, () => base.iterator())
    return elementsOf(tf, async () => await within(iteration, () => all.next()))
  })
}

/** Throws DATASET_TOO_SMALL where the dataset says that it has fewer elements than there are shards. */
export function cutDataset(options: CutOptions, base: Dataset): Dataset {
  const { tf, count, within } = options
  const { size = null } = base
  const own = typeof size === 'number' ? Math.floor(size / count) : null
  if (own === 0) throw problem('DATASET_TOO_SMALL', { samples: size ?? 0, shards: count })
  let iterations = 0
  const shard = datasetOf(base, own, async () => {
    options.onRead?.()
    const iteration = iterations++
    const all = await within(iteration, () => base.iterator())
    let groups = 0
    return elementsOf(tf, async () => {
      const mine = options.index % count
      let kept: unknown
      for (let at = 0; at < count; at += 1) {
        const next = await within(iteration, () => all.next())
        if (next.done) {
          tf.dispose(kept as Container)
          if (groups === 0) throw problem('DATASET_TOO_SMALL', { samples: at, shards: count })
          return { value: null, done: true }
        }
        options.onElement?.(iteration, groups, at, next.value)
        if (at === mine) kept = next.value
        else tf.dispose(next.value as Container)
      }
      groups += 1
      return { value: kept, done: false }
    })
  })
  return remembering(tf, shard, size, count)
}

/** With everything else that the dataset can do (`columnNames` of a CSV file). */
const datasetOf = (base: Dataset, size: number | null, iterator: () => Promise<Elements>): Dataset =>
  Object.assign(Object.create(base) as Dataset, { size, iterator })

/** One after the other, also for those who ask for several at once (`shuffle`, `prefetch`). */
async function elementsOf(tf: Tf, pull: () => Promise<{ value: unknown; done: boolean }>): Promise<Elements> {
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = async (): Promise<{ value: unknown; done: boolean }> => {
    const mine = last.then(async () => await pull())
    last = mine.catch(() => undefined)
    return await mine
  }
  return (await tf.data.func(inTurn as never).iterator()) as unknown as Elements
}

type Method = (this: unknown, ...args: unknown[]) => Dataset
type Methods = Record<string, Method>

const derived = [
  'batch',
  'rowMajorBatch',
  'columnMajorBatch',
  'concatenate',
  'filter',
  'map',
  'mapAsync',
  'prefetch',
  'repeat',
]

/** `whole`: how many elements it would have, had the dataset not been cut; null: nobody knows. */
function remembering(tf: Tf, dataset: Dataset, whole: number | null, count: number): Dataset {
  const prototype = tf.data.Dataset.prototype as unknown as Methods
  const own = dataset as unknown as Methods
  const sizeAfter = (name: string, args: readonly unknown[]): number | null => {
    const twin = Object.assign(Object.create(tf.data.Dataset.prototype) as object, { size: whole })
    return prototype[name]?.apply(twin, [...args]).size ?? null
  }
  for (const name of [...derived, 'shuffle']) {
    if (prototype[name] === undefined) continue
    own[name] = (...args) => {
      const made = prototype[name]?.apply(dataset, args) as Dataset
      return remembering(tf, made, name === 'shuffle' ? whole : sizeAfter(name, args), count)
    }
  }
  for (const name of ['take', 'skip']) {
    own[name] = (...args) => {
      const made = prototype[name]?.apply(dataset, args) as Dataset
      const alone = sizeAfter(name, args)
      const [asked] = args
      const emptied = (has: number): Error =>
        problem('DATASET_PART_EMPTY', {
          call: `${name}(${String(asked)}) leaves nothing`,
          has,
          whole: whole ?? '?',
          shards: count,
        })
      // A part that would be empty without the cut, too, is meant to be.
      if (made.size === 0 && alone !== 0) throw emptied(dataset.size ?? 0)
      if (name === 'skip' && made.size === null && typeof asked === 'number' && asked > 0) {
        made.iterator = async () => await skipped(tf, dataset, asked, emptied)
      }
      return remembering(tf, made, alone, count)
    }
  }
  return dataset
}

async function skipped(tf: Tf, dataset: Dataset, asked: number, emptied: (has: number) => Error): Promise<Elements> {
  const all = await dataset.iterator()
  let passed = 0
  let given = 0
  return await elementsOf(tf, async () => {
    for (; passed < asked; passed += 1) {
      const next = await all.next()
      if (next.done) throw emptied(passed)
      tf.dispose(next.value as Container)
    }
    const next = await all.next()
    if (next.done && given === 0) throw emptied(passed)
    given += 1
    return next
  })
}
