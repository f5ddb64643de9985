/** The other side of the bus, played against an actor that runs: check by check, whatever language it is written in. */
export type { Check, FindingKind } from './check.ts'
export { driversPatience, Line, type Exchange, type Patience } from './line.ts'
export { optimizerChecks, OptimizerPeer, type HowMany } from './optimizer/index.ts'
export { runChecks, type Asked, type CheckResult } from './report.ts'
