/** The board: what it tells browsers and to whom, pure; its pages are in page/, which esbuild makes into one file. */
export { admit, bearerIn, cookieFor, safeHeaders, type Access } from './access.ts'
export { cardOf, standingOf, trialsOf } from './card.ts'
export { trialColumns } from './columns.ts'
export { Trials } from './model/trials.ts'
export { picturesOf, type Picture, type Seen } from './pictures.ts'
export { fullCurves, importanceIn } from './questions.ts'
export { reportPage } from './report.ts'
export { Series } from './series.ts'
export { Watched } from './watched.ts'
export type {
  BoardStatus,
  Card,
  CurveColumns,
  DriverCard,
  ExperimentFrame,
  FleetFrame,
  HomeFrame,
  LaneAttempt,
  OutputRow,
  PointBatch,
  Progress,
  Stay,
  Waiting,
  WorkerCard,
} from './wire.ts'
