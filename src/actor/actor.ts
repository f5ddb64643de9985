/** An actor: a definition, an environment that it is given, and something that runs until it is drained. */
import type { Command } from 'commander'
import type { Role } from '../../protocol/index.ts'
import type { Access, AccessOptions } from '../access/index.ts'
import type { Bus, OnDropped } from '../bus/index.ts'
import type { Clock } from './clock.ts'
import type { Logger } from './log.ts'
import type { Measure } from './measure.ts'

export interface ActorDefinition<O extends object> {
  /** Lower case: the folder under actors/, and the command `maggy <name>`. */
  readonly name: string
  readonly description: string
  /** The roles whose credentials it takes. */
  readonly roles: readonly Role[]
  /** Adds the actor's own options to the common ones. */
  options(command: Command): Command
  /** Resolves when it can be drained, which may be before it is ready. */
  start(environment: ActorEnvironment, options: O & CommonOptions): Promise<RunningActor>
}

export interface ActorEnvironment {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  /** From --id, or made up. */
  readonly id: string
  /** For `hear` and `answer`: counted, and logged at most once a second. */
  readonly onDropped: OnDropped
  /** The credentials that it came to the bus with, for children of its own. */
  readonly access: Access
}

export interface RunningActor {
  /** Ends in good order: hands back, says good-bye. A drain that was asked for twice is one. */
  drain(reason: string): Promise<void>
  /** Resolves when it is at work; rejects when it cannot be. Without it: it is when `start` resolves. */
  readonly ready?: Promise<void>
  /** How it stands, in numbers, whenever it is asked. */
  measures?(): Iterable<Measure>
  /** Where people reach it, if they do. */
  readonly address?: string
  /** Resolves when the actor ends by itself; rejects when it cannot go on. */
  readonly ended?: Promise<void>
}

/** Options that every actor takes. */
export interface CommonOptions extends AccessOptions {
  readonly server: string
  readonly id?: string
  readonly logLevel: string
  /** Seconds. */
  readonly connectTimeout: number
  readonly otlp?: string
  readonly metricsPort?: number
  readonly metricsHost: string
}
