/**
 * The order in which `fit`s run. Begun beside each other, they take turns as chance has it, other ones on each worker. One that a
 * callback of another awaits has its place.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { problem } from '../../protocol/index.ts'

export interface FitOrder {
  /** Throws FITS_AT_ONCE where another runs that this one is not part of. */
  run<T>(fit: () => Promise<T>): Promise<T>
}

export function createFitOrder(): FitOrder {
  const running = new Set<object>()
  const around = new AsyncLocalStorage<ReadonlySet<object>>()
  return {
    run: async (fit) => {
      const outer = around.getStore() ?? new Set()
      if ([...running].some((one) => !outer.has(one))) throw problem('FITS_AT_ONCE', {})
      const self = {}
      running.add(self)
      try {
        return await around.run(new Set([...outer, self]), fit)
      } finally {
        running.delete(self)
      }
    },
  }
}
