/** The serving side of ablators. */
export {
  serveAblator,
  servedAblator,
  type OpenedStudy,
  type ServeAblatorOptions,
  type ServedAblationQuestion,
} from './serve.ts'
export { startAblator } from './service.ts'
export { createAblation, type ServedAblator } from './session.ts'
