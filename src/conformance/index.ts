/** The other side of the bus, played against an actor that runs: check by check, whatever language it is written in. */
export type { Check } from './check.ts'
export { driversPatience, Line } from './line.ts'
export { optimizerChecks, OptimizerPeer, type HowMany } from './optimizer/index.ts'
export { runChecks, type Asked, type CheckResult } from './report.ts'
export { ablatorChecks, AblatorPeer } from './ablator.ts'
export { prunerChecks, PrunerPeer } from './pruner.ts'
export { program, programName, workerChecks, WorkerPeer } from './worker/index.ts'
export { startActor, type StartedActor } from './started-actor.ts'
