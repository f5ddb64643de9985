/**
 * A nats-server made for maggy, as long as this process lives.
 * I1 One server per data folder: a lock names its holder (BUS_BUSY).
 * I2 It never outlives the process that started it (nats-process.ts).
 * I3 At no time do two nats-servers write to one data folder.
 * I4 Its address is handed out only once it takes connections and has JetStream.
 * I5 When it cannot write a stream any more (write-failure.ts), it is started again on the same port and data once there is room.
 */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, problem } from '../../protocol/index.ts'
import { systemClock } from '../actor/index.ts'
import type { AuthoritySettings } from './authority-configuration.ts'
import { findNatsServer, identityOf, isAlive, tryLock } from '../setup/index.ts'
import { lastServer, writeAddress } from './address-file.ts'
import { clusterConfiguration, type ClusterOptions } from './cluster-options.ts'
import {
  addressOf,
  configurationText,
  defaultMaxPayloadBytes,
  portsDirectory,
  type ServerConfiguration,
} from './configuration.ts'
import { assertDataFits } from './data-folder.ts'
import { watchMembership } from './membership.ts'
import { spawnNats, type NatsProcess, type ServerEnd } from './nats-process.ts'
import { hasRoom, writeFailureIn, type WriteFailure } from './write-failure.ts'
import { assertPortFree, greeting, writtenPort } from './port.ts'

export interface ServerOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string
  /** 4222 by default; 0 or -1: any that is free. */
  readonly port?: number
  /** Default: that of the last server in this folder, or else one that is made up. */
  readonly token?: string
  /** A folder of an authority's (`maggy auth init DIR`: DIR/server): who is known to it. There is no token then. */
  readonly auth?: string
  /** `.maggy/server` by default. */
  readonly data?: string
  /** It is a member of a cluster. */
  readonly cluster?: ClusterOptions
  readonly maxPayloadBytes?: number
  readonly monitorPort?: number
  /** Hears the log of nats-server, line by line. */
  readonly onLog?: (line: string) => void
  /** Hears what people should know: that the disk is full, that the server was started again, that its cluster has no leader. */
  readonly onNotice?: (text: string) => void
}

export interface RunningServer {
  /** For --server, with the token in it. */
  readonly url: string
  readonly port: number
  readonly token: string | undefined
  /** Where the token is kept, for the owner alone. */
  readonly tokenFile: string | undefined
  /** The process id of nats-server; another one after I5. */
  readonly pid: number
  readonly version: string
  readonly data: string
  /** Settles when it has ended for good, asked or not. */
  readonly ended: Promise<ServerEnd>
  /** Stops it and gives the data folder free. */
  stop(): Promise<void>
}

const startMs = 30_000
const predecessorMs = 5000
const lookMs = 1000
const longestPauseMs = 60_000

/** Starts a nats-server. @throws BUS_PORT_IN_USE, BUS_PEER_PORT_IN_USE, BUS_BUSY, BUS_DATA_ALONE, BUS_DATA_CLUSTERED, OPTION_INVALID, SETUP_FAILED */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const binary = await findNatsServer()
  const host = options.host ?? '127.0.0.1'
  const port = options.port ?? 4222
  const random = port <= 0
  const authority = options.auth === undefined ? undefined : await authorityIn(resolve(options.auth))
  const cluster =
    options.cluster === undefined
      ? undefined
      : clusterConfiguration(options.cluster, { token: options.token, folder: authority?.folder })
  assertApart(port, cluster?.peerPort, options.monitorPort)
  const data = resolve(options.data ?? join('.maggy', 'server'))
  const lock = await tryLock(join(data, 'server.lock'))
  if (lock.kind === 'taken') throw problem('BUS_BUSY', { directory: data, pid: lock.holder.pid })
  try {
    await awaitPredecessor(data)
    // Before anything is written there.
    await assertDataFits(data, cluster !== undefined)
    const tokenFile = authority === undefined ? join(data, 'token') : undefined
    const token = tokenFile === undefined ? undefined : await tokenIn(tokenFile, options.token)
    if (!random) await assertPortFree(host, port)
    if (cluster !== undefined) await assertPortFree(host, cluster.peerPort, '--peer-port')
    const kept = await keepRunning(
      binary.path,
      {
        host,
        port: random ? -1 : port,
        data,
        maxPayloadBytes: options.maxPayloadBytes ?? defaultMaxPayloadBytes,
        ...(token === undefined ? {} : { token }),
        ...(authority === undefined ? {} : { authority }),
        ...(cluster === undefined ? {} : { cluster }),
        ...(options.monitorPort === undefined ? {} : { monitorPort: options.monitorPort }),
      },
      options,
    )
    const ended = kept.ended.then(async (end) => {
      await lock.release()
      return end
    })
    return {
      url: addressOf(host, kept.port, token, authority !== undefined),
      port: kept.port,
      token,
      tokenFile,
      get pid() {
        return kept.pid()
      },
      version: binary.version,
      data,
      ended,
      async stop() {
        await kept.stop()
        await ended
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

interface Launched {
  readonly process: NatsProcess
  readonly port: number
}

/** A nats-server that is started again when it cannot write any more (I5). Any other end is its end. */
async function keepRunning(
  path: string,
  configuration: ServerConfiguration,
  { onLog = () => undefined, onNotice = () => undefined }: Pick<ServerOptions, 'onLog' | 'onNotice'>,
) {
  const stopping = new AbortController()
  const { data } = configuration
  let failed = false
  let mended = 0
  let again: Promise<Launched> | undefined
  const membership =
    configuration.cluster === undefined ? undefined : watchMembership(configuration.cluster, onNotice, systemClock)
  const onLine = (line: string): void => {
    onLog(line)
    membership?.hear(line)
    const failure = writeFailureIn(line)
    if (failure === undefined || failed) return
    failed = true
    void mend(failure)
  }
  let nats = await launch(path, onLine, configuration).catch((error: unknown) => {
    membership?.end()
    throw error
  })

  const startAgain = async (): Promise<Launched> => {
    const { process, port } = nats
    await process.stop()
    return await launch(path, onLine, { ...configuration, port })
  }
  const mend = async ({ reason, full }: WriteFailure): Promise<void> => {
    const what = full ? `the disk of ${data} is full: nats-server cannot write` : `nats-server cannot write: ${reason}`
    onNotice(
      `${what}; it is started again ${full ? 'once there is room' : 'now'}, and nothing that was acknowledged is lost`,
    )
    // Where the disk cannot be asked, the start anew shows.
    const writable = async () => !full || (await hasRoom(data).catch(() => true))
    try {
      // A server that ends in the same way again and again is not started all the time.
      await delay(Math.min(longestPauseMs, lookMs * 2 ** mended), undefined, { signal: stopping.signal })
      while (!(await writable())) await delay(lookMs, undefined, { signal: stopping.signal })
    } catch (error) {
      if (stopping.signal.aborted) return
      throw error
    }
    mended += 1
    failed = false
    again = startAgain()
    const launched = await again.catch(() => undefined) // `ended` tells
    if (launched !== undefined) onNotice('nats-server was started again, and writes')
  }
  const untilEnd = async (): Promise<ServerEnd> => {
    for (;;) {
      const end = await nats.process.ended
      if (again === undefined) return end
      try {
        nats = await again
      } catch (error) {
        return { ...end, lastLines: describe(error) }
      }
      again = undefined
    }
  }
  return {
    port: nats.port,
    pid: () => nats.process.pid,
    ended: untilEnd().finally(() => membership?.end()),
    async stop() {
      stopping.abort()
      membership?.end()
      // One that is being started is stopped once it has been.
      const { process } = (await again?.catch(() => undefined)) ?? nats
      await process.stop()
    },
  }
}

async function launch(
  path: string,
  onLine: (line: string) => void,
  configuration: ServerConfiguration,
): Promise<Launched> {
  const ports = portsDirectory(configuration.data)
  await rm(ports, { recursive: true, force: true })
  await mkdir(ports, { recursive: true })
  const file = join(configuration.data, 'nats-server.conf')
  // The token is in it.
  await writeFile(file, configurationText(configuration), { mode: 0o600 })
  const nats = spawnNats(path, file, onLine)
  try {
    const identity = identityOf(nats.pid)
    await writeAddress(configuration.data, identity)
    const port = await listeningPort(nats, ports, configuration)
    const host = new URL(addressOf(configuration.host, port, undefined)).hostname.replace(/^\[|\]$/g, '')
    const { jetstream } = await greeting(host, port)
    if (jetstream !== true) throw problem('BUS_NO_JETSTREAM', { server: `${host}:${port}` })
    await writeAddress(
      configuration.data,
      identity,
      addressOf(configuration.host, port, configuration.token, configuration.authority !== undefined),
    )
    return { process: nats, port }
  } catch (error) {
    await nats.stop()
    throw error
  }
}

/**
 * A nats-server whose process was killed is told to end by the watch, but may take a moment over it, and two of them must not
 * write to one folder. One that does not end is killed: it is ours, by its start time.
 */
async function awaitPredecessor(data: string): Promise<void> {
  const predecessor = await lastServer(data)
  if (predecessor === undefined) return
  const deadline = performance.now() + predecessorMs
  while (isAlive(predecessor)) {
    if (performance.now() > deadline) process.kill(predecessor.pid, 'SIGKILL')
    await delay(20)
  }
}

/** Waits until nats-server has written down its port, which it does once it listens. */
async function listeningPort(nats: NatsProcess, directory: string, { host, port, cluster }: ServerConfiguration) {
  const deadline = performance.now() + startMs
  while (performance.now() < deadline) {
    const end = await Promise.race([nats.ended, delay(10, undefined)])
    if (end !== undefined) {
      // Somebody may have taken a port since it was found free.
      if (port > 0) await assertPortFree(host, port)
      if (cluster !== undefined) await assertPortFree(host, cluster.peerPort, '--peer-port')
      throw problem('SETUP_FAILED', { part: 'nats-server', reason: `it ended at once:\n${end.lastLines}` })
    }
    const found = await writtenPort(directory, nats.pid)
    if (found !== undefined) return found
  }
  throw problem('SETUP_FAILED', { part: 'nats-server', reason: `it took no connection within ${startMs / 1000} s` })
}

/** nats-server would end at once, with its log as the only word about it. */
function assertApart(port: number, peerPort: number | undefined, monitorPort: number | undefined): void {
  const invalid = (option: string, other: string) =>
    problem('OPTION_INVALID', { option, reason: `is the port of ${other}, too; each needs one of its own` })
  if (peerPort === port) throw invalid('--peer-port', '--port')
  if (monitorPort === port && port > 0) throw invalid('--monitor', '--port')
  if (monitorPort !== undefined && monitorPort === peerPort) throw invalid('--monitor', '--peer-port')
}

async function authorityIn(folder: string): Promise<NonNullable<ServerConfiguration['authority']>> {
  try {
    const settings = JSON.parse(await readFile(join(folder, 'settings.json'), 'utf8')) as AuthoritySettings
    return { settings, folder }
  } catch (error) {
    throw problem(
      'AUTHORITY_INVALID',
      { folder, reason: 'there is no settings.json of a server in it' },
      { cause: error },
    )
  }
}

/** Keeps the token for the next server in the folder, and for those of the same user who look for it. */
async function tokenIn(file: string, given: string | undefined): Promise<string> {
  const kept = await readFile(file, 'utf8').catch(() => '')
  const token = given ?? (kept.trim() || randomBytes(18).toString('base64url'))
  if (token !== kept.trim()) await writeFile(file, `${token}\n`, { mode: 0o600 })
  await chmod(file, 0o600)
  return token
}
