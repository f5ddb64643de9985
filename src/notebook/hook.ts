/** Who runs a notebook's cells without a kernel hears what they would run, in the place of it being run. */
import type { ContextOf, Experiment } from '../experiment/index.ts'
import type { NotebookOptions } from './running.ts'

/** What a cell asks to be run. */
export interface Call {
  readonly experiment: Experiment
  readonly definition: Readonly<Record<string, unknown>>
  readonly contextName: string
  /** undefined: it is to be explored. */
  readonly context: ContextOf | undefined
  readonly options: NotebookOptions
}

export interface Hook {
  /** Resolves with what the cell gets for a result. */
  run(call: Call): Promise<unknown>
  /** An experiment with contexts of its own was defined. */
  defined(call: Call): void
}

/** The same symbol in every copy of maggy that a process holds. */
const key = Symbol.for('maggy.notebook.hook')
const table = globalThis as unknown as Record<symbol, Hook | undefined>

export const hookHere = (): Hook | undefined => table[key]

export async function withHook<T>(hook: Hook, work: () => Promise<T>): Promise<T> {
  table[key] = hook
  try {
    return await work()
  } finally {
    table[key] = undefined
  }
}
