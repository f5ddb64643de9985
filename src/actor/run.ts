/**
 * An actor as a process: options, log, connection, signals, and the parent that started it.
 * I1 The first signal drains, the second ends at once.
 * I2 A parent that goes away leaves no child behind: with the channel to it closed, the actor drains quickly and ends.
 * I3 This also holds while the actor starts: what was not yet ready ends as well.
 * I4 A bus that goes away while the actor starts is waited for. One that is gone when it drains keeps it from nothing.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { describe, isProblem, problem, RemoteError, toProblem } from '../../protocol/index.ts'
import { accessOptions, accessTo, type Access } from '../access/index.ts'
import { connectNats, type Bus, type Fault } from '../bus/index.ts'
import type { MetricsServer } from '../prometheus/index.ts'
import { endTracing, startTracing } from '../tracing/index.ts'
import type { ActorDefinition, CommonOptions, RunningActor } from './actor.ts'
import { systemClock } from './clock.ts'
import { tolerateClosedPipes } from './closed-pipe.ts'
import { connectPatiently } from './connect.ts'
import { exitCodeFor, exitCodes } from './exit-codes.ts'
import { newId } from './ids.ts'
import { createLogger, droppedLog, logLevels, type Logger, type LogLevel } from './log.ts'
import { busMeasure, type Measure } from './measure.ts'
import { patiently } from './patiently.ts'

/** How long an actor whose parent is gone may take to drain, in ms. */
const orphanGraceMs = 3_000
/** How long an actor that is told to end while it starts may take to come so far that it can be drained, in ms. */
const startGraceMs = 3_000

/** The command of an actor, with the common options; `argv` without node and script. */
export function actorCommand<O extends object>(definition: ActorDefinition<O>): Command {
  const command = new Command(`maggy ${definition.name}`)
    .description(definition.description)
    .addOption(
      new Option('--server <url>', 'the bus: nats://TOKEN@host:port, host:port, several with commas')
        .env('MAGGY_SERVER')
        .default('nats://127.0.0.1:4222'),
    )
    .addOption(new Option('--id <id>', 'identity on the bus: letters, digits, - and _').argParser(parseId))
    .addOption(
      new Option('--log-level <level>')
        .choices([...logLevels])
        .default('info')
        .env('MAGGY_LOG_LEVEL'),
    )
    .addOption(
      new Option('--connect-timeout <seconds>', 'wait so long for a server that is not there yet')
        .argParser(parseSeconds)
        .default(30),
    )
    .addOption(new Option('--otlp <url>', 'send traces of trials to this collector (OTLP over HTTP)').env('MAGGY_OTLP'))
    .addOption(
      new Option('--metrics-port <port>', 'serve what Prometheus reads at /metrics on this port (0: any)').argParser(
        parsePort,
      ),
    )
    .addOption(new Option('--metrics-host <host>', 'on this address').default('127.0.0.1'))
  for (const [, flags, variable, description] of accessOptions)
    command.addOption(new Option(flags, description).env(variable))
  return definition.options(command).exitOverride().allowExcessArguments(false)
}

/** Runs an actor until it ends, and ends the process with its code. */
export async function runActor<O extends object>(
  definition: ActorDefinition<O>,
  argv: readonly string[] = process.argv.slice(2),
): Promise<never> {
  process.exit(await runToEnd(definition, argv))
}

/** Says that an actor's options cannot be used, and gives the exit code. */
function refuse(error: unknown): number {
  const { code, message, remedy = '' } = toProblem(error)
  tellParent({ error: toProblem(error) })
  process.stderr.write(`${code}: ${message}\n  ${remedy}\n`)
  return exitCodeFor(code)
}

async function runToEnd<O extends object>(definition: ActorDefinition<O>, argv: readonly string[]): Promise<number> {
  const command = actorCommand(definition)
  // An actor outlives whoever read its log.
  tolerateClosedPipes()
  try {
    command.parse([...argv], { from: 'user' })
  } catch (error) {
    // Commander has said what is wrong, or has shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    throw error
  }
  const options = command.opts<O & CommonOptions>()
  let access: Access
  let id: string
  try {
    access = accessTo(options, definition.roles)
    id = identityOf(definition.name, options.id, access)
  } catch (error) {
    return refuse(error)
  }
  const logger = createLogger({
    actor: definition.name,
    id,
    level: options.logLevel as LogLevel,
    pretty: process.stderr.isTTY,
    write: (line) => void process.stderr.write(line),
  })
  if (options.otlp !== undefined) {
    const onDropped = (reason: string) => logger.warn({ reason }, 'traces are lost')
    try {
      startTracing({ endpoint: options.otlp, service: definition.name, id, onDropped })
    } catch (error) {
      return refuse(error)
    }
  }
  const end = new Ending(logger)
  let bus: Bus | undefined
  let metrics: MetricsServer | undefined
  try {
    bus = await connectPatiently(
      () =>
        connectNats({
          server: options.server,
          ...access,
          name: `${definition.name} ${id}`,
          onFault: (fault) => {
            logFault(logger, fault)
          },
        }),
      { clock: systemClock, logger, timeoutMs: options.connectTimeout * 1000, aborted: () => end.asked },
    )
    bus.onStatus((status) => {
      if (status === 'disconnected') logger.warn(`lost the connection to ${options.server.replace(/[^/,]*@/g, '')}`)
      else if (status === 'connected') logger.info('connected again')
    })
    const dropped = droppedLog(systemClock, logger)
    const { onDropped } = dropped
    const actor = await end.before(
      definition.start({ bus, clock: systemClock, logger, id, onDropped, access }, options),
    )
    if (actor === undefined) {
      logger.warn(`it was still starting ${startGraceMs} ms after it was told to end`)
      return exitCodes.terminated
    }
    const { server } = bus
    const connection = bus
    metrics = await served(options, function* () {
      yield* actor.measures?.() ?? []
      yield* ofEveryActor(connection, dropped.count())
    })
    if (metrics !== undefined) logger.info({ url: metrics.url }, 'metrics')
    // At work is an actor that can be asked: the server knows of its subscriptions (I4).
    const heard = () => patiently({ clock: systemClock, logger }, () => connection.flush())
    await end.of(actor, heard, () => {
      logger.info({ server }, 'ready')
      tellParent({ ready: true, id, ...(actor.address === undefined ? {} : { address: actor.address }) })
    })
    await metrics?.close()
    await bus.close()
    await endTracing()
    logger.info('ended')
    return exitCodes.done
  } catch (error) {
    await metrics?.close()
    await bus?.close()
    return failure(error, logger)
  }
}

/** Loaded by those who ask for it. */
async function served(
  { metricsHost: host, metricsPort: port }: CommonOptions,
  measures: () => Iterable<Measure>,
): Promise<MetricsServer | undefined> {
  if (port === undefined) return undefined
  const { serveMetrics } = await import('../prometheus/index.ts')
  return await serveMetrics({ host, port }, measures)
}

function* ofEveryActor(bus: Bus, dropped: number): Iterable<Measure> {
  yield busMeasure(bus)
  const help = 'Messages that were dropped: malformed, too large, of another version'
  yield { name: 'maggy_messages_dropped_total', kind: 'counter', help, value: dropped }
}

/** Waits for a reason to end: a signal, the parent gone, or the actor itself. */
class Ending {
  asked = false
  readonly #logger: Logger
  readonly #reason: Promise<string>

  constructor(logger: Logger) {
    this.#logger = logger
    this.#reason = new Promise((resolve) => {
      for (const [signal, code] of [
        ['SIGINT', exitCodes.interrupted],
        ['SIGTERM', exitCodes.terminated],
      ] as const) {
        process.on(signal, () => {
          // I1
          if (this.asked) process.exit(code)
          this.asked = true
          logger.info(`${signal}: draining; once more ends at once`)
          resolve(signal)
        })
      }
      if (process.channel) {
        process.on('disconnect', () => {
          // I2
          setTimeout(() => process.exit(exitCodes.terminated), orphanGraceMs).unref()
          this.asked = true
          resolve('the parent process is gone')
        })
        // A parent that has nothing to say must not keep the actor alive.
        process.channel.unref()
      }
    })
  }

  /** I3: the actor, once it can be drained; undefined when it is to end and does not come so far in time. */
  async before(starting: Promise<RunningActor>): Promise<RunningActor | undefined> {
    // A failure that comes after the time is up has nobody to tell.
    starting.catch(() => undefined)
    const late = this.#reason.then(
      () => new Promise<undefined>((resolve) => void setTimeout(resolve, startGraceMs, undefined).unref()),
    )
    return await Promise.race([starting, late])
  }

  /** Until it has ended; `onReady` is called when it is at work and heard, if it comes to that. */
  async of(actor: RunningActor, heard: () => Promise<void>, onReady: () => void): Promise<void> {
    const byItself = actor.ended?.then(() => undefined) ?? new Promise<undefined>(() => {})
    const asked = Promise.race([this.#reason, byItself])
    // An actor that cannot start says so by both.
    await Promise.race([actor.ready, asked])
    if (!this.asked) await Promise.race([heard(), asked])
    if (!this.asked) onReady()
    const reason = await asked
    if (reason !== undefined) {
      this.#logger.debug(`draining: ${reason}`)
      await this.#drain(actor, reason)
    }
  }

  /** I4: without a bus nobody can be told good-bye. */
  async #drain(actor: RunningActor, reason: string): Promise<void> {
    try {
      await actor.drain(reason)
    } catch (error) {
      if (!isProblem(error, 'BUS_DISCONNECTED', 'BUS_TIMEOUT', 'BUS_NO_RESPONDERS', 'BUS_CLOSED')) throw error
      this.#logger.warn({ code: error.code }, `${error.message}; it ends all the same, and is missed by its silence`)
    }
  }
}

/** Says what went wrong, with the remedy, to the people at the terminal and to the parent; gives the exit code. */
function failure(error: unknown, logger: Logger): number {
  const known = isProblem(error) || error instanceof RemoteError
  const fault = toProblem(error)
  tellParent({ error: fault })
  logger.error(
    { code: fault.code, ...(fault.remedy ? { remedy: fault.remedy } : {}) },
    known ? fault.message : describe(error),
  )
  if (!known) {
    logger.error({ stack: fault.stack }, 'this is a fault of maggy, or of the actor')
  }
  return exitCodeFor(fault.code)
}

function logFault(logger: Logger, fault: Fault): void {
  const { code, message, stack } = fault.problem
  const subject = fault.kind === 'handler' ? { subject: fault.subject } : {}
  logger.error({ code, ...subject, ...(stack ? { stack } : {}) }, `${fault.kind}: ${message}`)
}

function tellParent(message: object): void {
  // Without a parent, or with one that has just gone, there is nobody to tell.
  if (process.connected) process.send?.(message, () => {})
}

/** Credentials say who an actor is. Drivers are many under one name: their subjects are no identity. */
function identityOf(actor: string, given: string | undefined, { credentials }: Access): string {
  if (credentials === undefined || credentials.role === 'driver') return given ?? newId(actor)
  const { name, file, role } = credentials
  if (given === undefined || given === name) return name
  throw problem('IDENTITY_DIFFERS', { file, reason: `they are of the ${role} ${name}, and --id is ${given}` })
}

function parseId(value: string): string {
  if (/^[A-Za-z0-9_-]{1,128}$/.test(value)) return value
  throw new InvalidArgumentError('Letters, digits, - and _ only, at most 128.')
}

function parsePort(value: string): number {
  const port = Number(value)
  if (/^\d+$/.test(value) && port < 65_536) return port
  throw new InvalidArgumentError('Not a port.')
}

function parseSeconds(value: string): number {
  const seconds = Number(value)
  if (Number.isFinite(seconds) && seconds >= 0) return seconds
  throw new InvalidArgumentError('Not a number of seconds.')
}
