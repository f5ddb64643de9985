/** Experiments as runs of MLflow's. */
export { MlflowRecord } from './record.ts'
export { mlflowServer, type MlflowServer } from './server.ts'
