/** Results of experiments: folded from the log, read from the bus, written to files. */
export { artifactNamed, modelOf, readArtifact, trialWanted, wholeArtifact, type Artifact } from './artifacts.ts'
export { outputLine, writeFiles, writeTensorBoard } from './files.ts'
export { LogHolders } from './log-holders.ts'
export {
  followPoints,
  latestExperiment,
  linesOf,
  outputSubject,
  readAllPoints,
  readExperiment,
  readOutput,
  readOutline,
  readPoints,
  readResult,
  refuseUnknown,
  type KeptPoint,
  type OutputLine,
} from './reader.ts'
export {
  outlineOf,
  rank,
  resultOf,
  searchedHparams,
  summarize,
  trialResult,
  type ConfigurationResult,
  type Outline,
  type Result,
  type TrialResult,
} from './results.ts'
export { ablationRows } from './ablation-table.ts'
export { reportsAsParquet, trialsAsParquet } from './parquet.ts'
export { reportRows, toCsv, trialRows } from './table.ts'
