/** The serving side of optimizers. */
export { serveOptimizer, servedPlugin, type ServedQuestion, type ServeOptions } from './serve.ts'
export { startOptimizer, type OptimizerService, type OptimizerServiceOptions } from './service.ts'
export {
  createSession,
  type AsyncSampler,
  type OptimizerPlugin,
  type Session,
  type Setting,
  type Suggestions,
} from './session.ts'
export { defaultLimits, type SessionLimits } from './sessions.ts'
