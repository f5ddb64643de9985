/** The serving side of optimizers. */
export { startOptimizer, type OptimizerService, type OptimizerServiceOptions } from './service.ts'
export {
  createSession,
  type AsyncSampler,
  type OptimizerPlugin,
  type Session,
  type Setting,
  type Suggestions,
} from './session.ts'
export { createSessions, defaultLimits, type SessionLimits, type Sessions } from './sessions.ts'
