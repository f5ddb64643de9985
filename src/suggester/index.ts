/** What optimizers and ablators share: sessions of experiments, a process around them, their options. */
export { hostSessions, type Service, type ServiceOptions } from './host.ts'
export { suggesterOptions, type SuggesterOptions } from './options.ts'
export { atWork, requireServable, serveProcess, type ServeProcessOptions } from './serve.ts'
export { defaultLimits } from './sessions.ts'
