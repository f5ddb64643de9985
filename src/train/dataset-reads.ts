/** Datasets (tf.data) as fitDataset and evaluateDataset read them: whether what they give was cut. */
import type { FitArgs } from './hooks.ts'
import type { TfDataset } from './tfjs.ts'

export interface DatasetReads {
  /** Call it when an iterator of a cut dataset is made: whatever reads it, reads cut data. */
  readonly onCut: () => void
  /** The same data. */
  readonly reads: (dataset: TfDataset) => TfDataset
  /** `batchesPerEpoch` counts the batches of one process: it is divided where a cut dataset would run out. */
  readonly shared: (data: readonly unknown[], args: FitArgs) => FitArgs
}

interface Elements {
  next(): Promise<object>
}

export function createDatasetReads(count: number): DatasetReads {
  let cuts = 0
  const cut = new WeakSet<object>()

  return {
    onCut: () => {
      cuts += 1
    },
    reads: (dataset) => {
      const read: TfDataset = {
        size: dataset.size ?? null,
        iterator: async () => {
          const before = cuts
          const elements = (await dataset.iterator()) as Elements
          return {
            next: async () => {
              const element = await elements.next()
              // `repeat` and its like make the iterator beneath them only now.
              if (cuts > before) cut.add(read)
              return element
            },
          }
        },
      }
      return read
    },
    shared: ([dataset], args) => {
      const { batchesPerEpoch, epochs } = args
      if (typeof batchesPerEpoch !== 'number' || typeof epochs !== 'number') return args
      const { size } = dataset as TfDataset
      const lasts = typeof size === 'number' && batchesPerEpoch * epochs <= size
      return {
        ...args,
        // tfjs looks at it again with each batch: once it has an element, it is known whether that is of cut data.
        get batchesPerEpoch() {
          const isCut = cut.has(dataset as object)
          return isCut && !lasts ? Math.max(1, Math.floor(batchesPerEpoch / count)) : batchesPerEpoch
        },
      }
    },
  }
}
