/** Variables that a forward pass changes, as batch normalization does: they are not trained, and are given new data. */
import type { Tf } from './backend.ts'
import type { Replica } from './replica.ts'
import type { Variable } from './tfjs.ts'

export interface Statistics {
  /** Those that have been given new data since. */
  changed(): Variable[]
  /** As they were: of a batch that does not count. Only where they are kept. */
  putBack(): void
  end(): void
}

/**
 * Variables of before the training that the forward pass changes are its statistics, too: they are adopted as they were, so that
 * all ranks begin with rank 0's. Call it before the forward pass; the function that it gives, after it.
 */
export function watchStrangers(tf: Tf, replica: Replica): () => void {
  const strangers = replica.strangers().map((one) => ({ one, before: one.dataId, value: one.clone() }))
  return () => {
    for (const { one, before, value } of strangers) {
      if (one.isDisposed || one.dataId === before) continue
      one.assign(value)
      replica.adopt(one)
    }
    tf.dispose(strangers.map(({ value }) => value))
  }
}

/** Call it before the forward pass. */
export function watchStatistics(tf: Tf, replica: Replica, keep: boolean): Statistics {
  const still = replica.variables().filter((one) => !one.trainable)
  const before = still.map(({ dataId }) => dataId)
  // No copies: data that nobody changes.
  const kept = keep ? still.map((one) => one.clone()) : []
  return {
    changed: () => still.filter((one, at) => one.dataId !== before[at]),
    putBack: () => {
      for (const [at, value] of kept.entries()) still[at]?.assign(value)
    },
    end: () => {
      tf.dispose(kept)
    },
  }
}
