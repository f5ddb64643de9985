/** `maggy/notebook`: experiments whose functions stand in cells of a notebook, in a script, or were typed into a REPL. */
export { notebook, type DefinedNotebook, type Notebook } from './notebook.ts'
export type { NotebookOptions, RunOptions } from './running.ts'
export type { NotebookResult } from './result.ts'
export { ablation, fromBest, optimization, training } from '../experiment/index.ts'
export { study, withoutColumns } from '../ablation/index.ts'
export { space } from '../space/index.ts'
export type { TrainArguments } from '../experiment/index.ts'
