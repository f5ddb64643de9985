/** What came out of experiments: folded from the log, read from the bus, written to files. */
export { apply, emptyHistory, isFinal, type ExperimentState, type History, type TrialState } from './fold.ts'
export { outputLine, writeFiles, writeTensorBoard } from './files.ts'
export {
  latestExperiment,
  linesOf,
  outputSubject,
  readOutput,
  readPoints,
  readResult,
  type KeptPoint,
} from './reader.ts'
export { rank, resultOf, searchedHparams, summarize, trialResult, type Result, type TrialResult } from './results.ts'
export { ablationRows } from './ablation-table.ts'
export { cell, toCsv, trialRows, type Cell } from './table.ts'
