/** Actors: what one is, how one is run as a process, how others start it, and the time it lives by. */
export {
  exitCodes,
  type ActorDefinition,
  type ActorEnvironment,
  type CommonOptions,
  type RunningActor,
} from './actor.ts'
export { systemClock, type Clock } from './clock.ts'
export { connectPatiently } from './connect.ts'
export { every } from './every.ts'
export { newId } from './ids.ts'
export { actorEntry, packageRoot, spawnActor, spawnEntry, type Child, type Exit, type LaunchOptions } from './launch.ts'
export { createLogger, droppedLog, logLevels, prettyLine, type Logger, type LogLevel } from './log.ts'
export { actorCommand, runActor } from './run.ts'
export { stepper, type Stepper } from './stepper.ts'
