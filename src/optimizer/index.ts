/** The serving side of optimizers. */
export { serveOptimizer, servedPlugin, type ServedQuestion, type ServeOptions } from './serve.ts'
export { startOptimizer } from './service.ts'
export { createSession, type OptimizerPlugin } from './session.ts'
export { createSessions, defaultLimits, type SessionLimits } from './sessions.ts'
