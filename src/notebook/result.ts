/** A result that shows itself: in a notebook as a picture, in a terminal as a table. */
import { inspect } from 'node:util'
import { problem } from '../../protocol/index.ts'
import type { Hparams } from '../../protocol/index.ts'
import { resultText } from '../cli/index.ts'
import type { Result, TrialResult } from '../store/index.ts'
import { kernelHere, type MimeBundle } from './kernel.ts'

/** The result of a context. To ask for `best` where no trial came to a value throws NOTEBOOK_INVALID. */
export type NotebookResult<H extends object = Hparams> = Omit<Result<H>, 'best'> & { readonly best: TrialResult<H> }

const display = Symbol.for('Jupyter.display')

export function showing(result: Result, bundle: MimeBundle | undefined): NotebookResult {
  const shown = { ...result } as unknown as NotebookResult
  const text = () => bundle?.['text/plain'] ?? resultText(result)
  Object.defineProperty(shown, display, { value: () => bundle ?? { 'text/plain': text() } })
  Object.defineProperty(shown, inspect.custom, {
    value: (depth: number, options: { readonly depth?: number | null }) => {
      const kernel = kernelHere()
      // tslab shows what a cell comes to by printing it.
      if (kernel?.name === 'tslab' && bundle !== undefined && depth === (options.depth ?? depth)) {
        void kernel.place().show(bundle)
        return `${result.experiment}: ${result.state}`
      }
      return text()
    },
  })
  if (result.best === null) {
    Object.defineProperty(shown, 'best', {
      enumerable: false,
      get() {
        const reason = `has no best trial: ${result.objectives.length === 0 ? 'its context names no metric' : 'none came to a value'}`
        throw problem('NOTEBOOK_INVALID', { path: result.experiment, reason })
      },
    })
  }
  return shown
}
