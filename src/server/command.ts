import { readFileSync } from 'node:fs'
import { describe, isProblem, problem, toProblem } from '../../protocol/index.ts'
import { exitCodeFor, parseCopies, patiently, systemClock } from '../actor/index.ts'
import { connectNats } from '../bus/index.ts'
import { streamsShortOf } from './copies.ts'
import { startServer, type RunningServer, type ServerOptions } from './server.ts'

/** The messages that a parent process hears over its IPC channel when it starts `maggy server` as a child. */
export type ServerMessage =
  | { readonly ready: true; readonly url: string; readonly pid: number }
  | { readonly ready: false; readonly problem: ReturnType<typeof toProblem> }

export interface ServerFlags {
  readonly host?: string
  readonly port?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly data?: string
  readonly auth?: string
  readonly monitor?: string
  readonly random?: boolean
  readonly cluster?: string
  readonly routes?: string
  readonly peerPort?: string
  readonly name?: string
  readonly advertise?: boolean
  readonly replicas?: number
  readonly verbose?: boolean
}

/** The options of `maggy server`, for commander: flags and what they mean. */
export const serverFlags: readonly (readonly [flags: string, description: string, parse?: (text: string) => number])[] =
  [
    ['--host <host>', 'the address to listen on (default 127.0.0.1)'],
    ['--port <port>', 'the port to listen on; 0: any that is free (default 4222)'],
    ['--random', 'the same as --port 0'],
    ['--token <token>', 'what clients must show; better in a file: others see the command line'],
    ['--token-file <file>', 'a file with it (default: made up, and kept in the data folder)'],
    [
      '--auth <folder>',
      'the authority that says who is known: the folder server/ of `maggy auth init`; there is no token then',
    ],
    ['--data <folder>', 'where the log and all else is kept (default .maggy/server)'],
    ['--cluster <name>', 'be a member of this cluster; all members share one token file, or one authority'],
    ['--routes <addresses>', 'peer addresses of some members, with commas; one that runs is enough'],
    ['--peer-port <port>', 'where the other members reach this one (default 6222)'],
    [
      '--name <name>',
      'its name in the cluster (default: of host and peer port); one that replaces another has the same',
    ],
    ['--no-advertise', 'tell clients only of this address, and not of the other members (behind NAT or a proxy)'],
    ['--monitor <port>', "nats-server's monitoring page, on loopback"],
    [
      '--replicas <n>',
      'servers that keep a copy of what is kept: streams are made so, or given what they lack (default: as drivers say)',
      parseCopies,
    ],
    ['--verbose', "print nats-server's log"],
  ]

/**
 * `maggy server`: runs until it is told to stop (SIGTERM, SIGINT, or the parent that holds its IPC channel goes), or until
 * nats-server ends by itself. Returns the exit code.
 */
export async function runServer(flags: ServerFlags): Promise<number> {
  const onNotice = (text: string): void => void process.stderr.write(`${text}\n`)
  let server: RunningServer
  try {
    server = await startServer({ ...optionsFrom(flags), onNotice })
  } catch (thrown) {
    const error = asServer(thrown)
    const fault = toProblem(error)
    await tell({ ready: false, problem: fault })
    const remedy = isProblem(error) ? `\n  ${error.remedy}` : ''
    process.stderr.write(`${describe(error)}${remedy}\n`)
    return exitCodeFor(fault.code)
  }
  const told = new Promise<'told'>((resolve) => {
    for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) process.once(event, () => resolve('told'))
    // The parent may have gone before we listened.
    if (process.send !== undefined && !process.connected) resolve('told')
  })
  await tell({ ready: true, url: server.url, pid: server.pid })
  process.stdout.write(`${server.url.replace(/\/\/[^/]*@/, '//')}\n`)
  if (server.tokenFile !== undefined)
    process.stderr.write(`its token is in ${server.tokenFile} (--token-file, or MAGGY_TOKEN_FILE)\n`)
  if (flags.replicas !== undefined) void makeCopies(server.url, flags.replicas, onNotice)
  const end = await Promise.race([told, server.ended])
  if (end === 'told') {
    await server.stop()
    return 0
  }
  process.stderr.write(`nats-server ended (${end.signal ?? `exit code ${end.code}`}):\n${end.lastLines}\n`)
  return 1
}

/** What is in use for others is there for whoever would start the same. */
function asServer(error: unknown): unknown {
  if (!isProblem(error, 'BUS_BUSY')) return error
  const { directory = '', pid = '' } = error.details
  return problem('BUS_SERVER_THERE', { directory, pid }, { cause: error })
}

/** So long copies may take before it is said which are missing. */
const copyMs = 60_000

/** Once the cluster is there; what is said of the copies has been seen. What cannot be had is said: the server runs all the same. */
async function makeCopies(server: string, replicas: number, onNotice: (text: string) => void): Promise<void> {
  try {
    const bus = await connectNats({ server, name: 'server' })
    await patiently({ clock: systemClock, logger: { warn: (_, text) => onNotice(text) } }, () =>
      bus.streams.ensure({ replicas }),
    )
    const short = await streamsShortOf(bus, replicas, copyMs)
    await bus.close()
    const servers = replicas === 1 ? '1 server has' : `${replicas} servers have`
    if (short.length === 0) onNotice(`${servers} all that is kept`)
    else onNotice(`these streams are whole on fewer servers than ${replicas}: ${short.join(', ')}`)
  } catch (error) {
    onNotice(describe(error))
  }
}

/** @throws OPTION_INVALID for what is no port, for a token file that cannot be read, and for options that do not go together. */
export function optionsFrom(flags: ServerFlags, environment: NodeJS.ProcessEnv = process.env): ServerOptions {
  const invalid = (option: string, reason: string) => problem('OPTION_INVALID', { option, reason })
  if (flags.replicas !== undefined && flags.auth !== undefined)
    throw invalid('--replicas', 'is for drivers where an authority says who may make streams: maggy driver --replicas')
  if (flags.cluster === undefined && (flags.routes ?? flags.peerPort ?? flags.name) !== undefined)
    throw invalid('--cluster', 'is missing: --routes, --peer-port and --name are of a cluster')
  const file = flags.tokenFile ?? environment['MAGGY_TOKEN_FILE'] ?? ''
  const token =
    flags.token ??
    environment['MAGGY_TOKEN'] ??
    (file === '' ? undefined : tokenIn(file, flags.tokenFile === undefined ? 'MAGGY_TOKEN_FILE' : '--token-file'))
  return {
    ...(flags.host === undefined ? {} : { host: flags.host }),
    ...(flags.random === true ? { port: -1 } : flags.port === undefined ? {} : { port: portOf('--port', flags.port) }),
    ...(token === undefined || token === '' ? {} : { token }),
    ...(flags.auth === undefined ? {} : { auth: flags.auth }),
    ...(flags.data === undefined ? {} : { data: flags.data }),
    ...(flags.cluster === undefined
      ? {}
      : {
          cluster: {
            name: flags.cluster,
            routes: flags.routes ?? '',
            advertise: flags.advertise !== false,
            ...(flags.name === undefined ? {} : { member: flags.name }),
            ...(flags.peerPort === undefined ? {} : { peerPort: portOf('--peer-port', flags.peerPort, 1) }),
          },
        }),
    ...(flags.monitor === undefined ? {} : { monitorPort: portOf('--monitor', flags.monitor) }),
    ...(flags.verbose === true ? { onLog: (line: string) => void process.stderr.write(`${line}\n`) } : {}),
  }
}

/** `least` 1: others have to know it beforehand, so that any that is free will not do. */
function portOf(option: string, text: string, least: 0 | 1 = 0): number {
  const port = Number(text)
  const isAny = least === 0 && port === -1
  if (text.trim() !== '' && Number.isInteger(port) && (isAny || port >= least) && port <= 65_535) return port
  throw problem('OPTION_INVALID', {
    option,
    reason: `${JSON.stringify(text)} is no port; give a number from ${least} to 65535`,
  })
}

function tokenIn(file: string, option: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw problem('OPTION_INVALID', { option, reason: describe(error) })
  }
}

/** Settles once it is on its way, for a message that is still queued is lost when the process exits. */
async function tell(message: ServerMessage): Promise<void> {
  if (process.send === undefined || !process.connected) return
  await new Promise<void>((resolve) => {
    process.send?.(message, undefined, undefined, () => resolve())
  })
}
