/** The serving side of optimizers, and samplers without a bus. */
export { createSearch, type Search, type SearchOptions, type Suggestion, type SearchOutcome } from './search.ts'
export { serveOptimizer, servedPlugin, type ServedQuestion, type ServeOptions } from './serve.ts'
export { startOptimizer } from './service.ts'
export type { OptimizerPlugin } from './plugin.ts'
export { createSession } from './session.ts'
