/** Shared by optimizers and ablators: sessions of experiments, a process around them, their options. */
export { guardOf, type Guard } from './guard.ts'
export type { Service, ServiceOptions } from './host.ts'
export { suggesterOptions, type SuggesterOptions } from './options.ts'
export { optionCheck, type OptionSchema } from './option-schema.ts'
export { requireServable, serveProcess, type ServeProcessOptions } from './serve.ts'
export { startService } from './service.ts'
export { sessionOf } from './session.ts'
export { defaultLimits } from './sessions.ts'
