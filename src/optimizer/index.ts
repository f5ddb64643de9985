/** The serving side of optimizers, and samplers without a bus. */
export { optionSchemas } from './option-schemas.ts'
export { createSearch, type Search, type SearchOptions, type Suggestion } from './search.ts'
export { serveOptimizer, servedPlugin, type OpenedSearch, type ServedQuestion, type ServeOptions } from './serve.ts'
export { startOptimizer } from './service.ts'
export type { OptimizerPlugin } from './plugin.ts'
export { createSession, toldOf } from './session.ts'
export type { SearchOutcome } from './told.ts'
