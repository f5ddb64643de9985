/** The one file that imports the NATS client. It configures the client and translates its errors and events, by their codes. */
import {
  connect,
  type Authenticator,
  ErrorCode,
  Events,
  headers as newHeaders,
  type ConnectionOptions,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type NatsError,
  jwtAuthenticator,
  nkeyAuthenticator,
  type Status,
} from 'nats'
import semver from 'semver'
import { describe, inboxOf as inboxFor, MaggyError, problem } from '../../protocol/index.ts'
import { reconnectWait } from './backoff.ts'
import { parseAddress, type Address } from './nats-address.ts'
import { leavingNoSocket } from './nats-dialing.ts'
import { greetingOf, type Greeting } from './nats-greeting.ts'
import type { WireReply } from './nats-wire.ts'

export type { Msg, NatsConnection, Subscription as ClientSubscription } from 'nats'

/** The oldest nats-server that is good enough. */
const requiredServer = '2.12.6'

export interface ClientOptions {
  /** `nats://TOKEN@host:port`, `nats://user:pass@host`, `host:port`, or several with commas. */
  server: string
  /** Where the address has none; a function is asked with each connection that is made anew. */
  token?: string | (() => string)
  /** Shown in the server's list of connections. */
  name?: string
  /** Credentials for the server beside a token: read anew for each connection. */
  user?: () => { readonly jwt?: string; readonly seed: string }
  /** PEM. With any of these the connection is by TLS, or is not made. */
  tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  /** Called with the server's greeting before anything is shown to it; what it throws ends the attempt. */
  greeted?: (server: string, greeting: Greeting) => void
  /** Who this is, on a server that checks it: its role and its name are in its inbox. */
  identity?: { readonly role: string; readonly name: string }
  /** For each try to connect. Default 5,000. */
  connectTimeoutMs?: number
}

export interface ServerInfo {
  /** Without credentials. */
  readonly server: string
  readonly version: string
  readonly jetstream: boolean
  /** Bytes. */
  readonly maxPayload: number
  readonly id: string
}

/** Where the answers to this client's requests come. */
export const inboxOf = ({ identity }: ClientOptions): string =>
  inboxFor(identity?.role ?? 'any', identity?.name ?? 'any')

export const addressIn = ({ server, token }: ClientOptions): Address =>
  parseAddress(server, typeof token === 'function' ? undefined : token)

/** Looks at a server without staying: its version, and whether it has JetStream. Rejects as connectNats does, but takes any version. */
export async function readServerInfo(options: ClientOptions): Promise<ServerInfo> {
  const address = addressIn(options)
  const connection = await dial(address, options)
  const info = infoOf(connection, address)
  await connection.close()
  return info
}

function infoOf(connection: NatsConnection, address: Address): ServerInfo {
  const {
    version = '0.0.0',
    jetstream = false,
    max_payload: maxPayload = 0,
    server_id: id = '',
  } = connection.info ?? {}
  return { server: address.label, version, jetstream, maxPayload, id }
}

/** Servers of the cluster that this one names, itself included; 0: it is in none. undefined: there is no connection now. */
export function membersOf({ info }: NatsConnection): number | undefined {
  if (info === undefined) return undefined
  if (info.cluster === undefined || info.cluster === '') return 0
  return Math.max(1, new Set(info.connect_urls).size)
}

/** Connects; rejects with BUS_UNREACHABLE, BUS_UNAUTHORIZED or BUS_TOO_OLD. */
export async function openConnection(address: Address, options: ClientOptions): Promise<NatsConnection> {
  const connection = await dial(address, options)
  const { version } = infoOf(connection, address)
  if (semver.valid(version) !== null && semver.gte(version, requiredServer)) return connection
  await connection.close()
  throw problem('BUS_TOO_OLD', { server: address.label, version, required: requiredServer })
}

async function dial(address: Address, options: ClientOptions): Promise<NatsConnection> {
  const timeout = options.connectTimeoutMs ?? 5_000
  const { user, tls } = options
  const secret = address.token ?? (typeof options.token === 'function' ? options.token() : undefined)
  if (options.greeted !== undefined) options.greeted(address.label, await greetingOf(address, timeout))
  const wanted: ConnectionOptions = {
    servers: [...address.servers],
    ...(secret === undefined ? {} : { token: secret }),
    ...(address.user === undefined ? {} : { user: address.user }),
    ...(address.pass === undefined ? {} : { pass: address.pass }),
    ...(tls !== undefined ? { tls: { ...tls } } : address.tls ? { tls: {} } : {}),
    ...(user === undefined ? {} : { authenticator: authenticating(user) }),
    inboxPrefix: inboxOf(options),
    name: options.name ?? 'maggy',
    timeout,
    // For ever: the default gives up after ten tries.
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: reconnectWait(),
    // A half-open peer is noticed within half a minute even without the watchdog (default: six minutes).
    pingInterval: 10_000,
    maxPingOut: 2,
    // The client asks the name server alone; the system's resolver knows /etc/hosts too.
    resolve: false,
    noAsyncTraces: true,
  }
  try {
    return await leavingNoSocket(() => connect(wanted))
  } catch (error) {
    const code = (error as Partial<NatsError> | undefined)?.code
    // The content of the file, read for a connection.
    if (error instanceof MaggyError) throw error
    if (refusals.has(code)) throw refusal(address, options, error)
    const { code: system = '' } = ((error as Partial<NatsError> | undefined)?.chainedError ?? error ?? {}) as {
      code?: unknown
    }
    const said = describe(error ?? 'the peer hung up')
    if (tlsFault.test(String(system)) || tlsFault.test(code ?? ''))
      throw problem('BUS_TLS_REFUSED', { server: address.label, reason: said }, { cause: error })
    const reason =
      code === codes.timeout ? `no answer within ${timeout} ms${options.identity === undefined ? '' : crowded}` : said
    throw problem('BUS_UNREACHABLE', { server: address.label, reason }, { cause: error })
  }
}

/** A server that hangs up for this reason says so, and nats.js keeps it to itself. */
const crowded = ', or its tenant has all the connections that it may have (`maggy auth limit TENANT --connections N`)'

/** The key with which the client signs the server's nonce. */
function authenticating(user: NonNullable<ClientOptions['user']>): Authenticator {
  return (nonce) => {
    const { jwt, seed } = user()
    const key = new TextEncoder().encode(seed)
    return jwt === undefined ? nkeyAuthenticator(key)(nonce) : jwtAuthenticator(jwt, key)(nonce)
  }
}

/** The codes of Node's TLS for a certificate or a handshake that will not do, and of the client for a server without TLS. */
const tlsFault = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO|^TLS|SERVER_OPTION_NA/

function refusal({ label }: Address, { identity }: ClientOptions, cause: unknown): MaggyError {
  if (identity === undefined) return problem('BUS_UNAUTHORIZED', { server: label }, { cause })
  return problem('BUS_CREDENTIALS_REVOKED', { server: label, name: identity.name }, { cause })
}

const codes = {
  noResponders: ErrorCode.NoResponders as string,
  timeout: ErrorCode.Timeout as string,
  disconnected: ErrorCode.Disconnect as string,
  permission: ErrorCode.PermissionsViolation as string,
  closed: [ErrorCode.ConnectionClosed, ErrorCode.ConnectionDraining] as readonly string[],
}

const refusals = new Set<string | undefined>([
  ErrorCode.AuthorizationViolation,
  ErrorCode.AuthenticationExpired,
  ErrorCode.AuthenticationTimeout,
  ErrorCode.AccountExpired,
  ErrorCode.BadAuthentication,
  ErrorCode.BadCreds,
])

/** The client's error as one of our table, by its code. An error of our table stays as it is. `server`: for people. */
export function mapped(error: unknown, subject: string, ms: number, server: string): MaggyError {
  if (error instanceof MaggyError) return error
  const code = (error as Partial<NatsError> | undefined)?.code
  if (code === codes.noResponders) return problem('BUS_NO_RESPONDERS', { subject })
  if (code === codes.timeout) return problem('BUS_TIMEOUT', { subject, ms })
  if (code === codes.disconnected) return problem('BUS_DISCONNECTED', { server }, { cause: error })
  if (code !== undefined && codes.closed.includes(code)) return problem('BUS_CLOSED', {})
  if (code === codes.permission) return problem('BUS_FORBIDDEN', { subject }, { cause: error })
  const reason = describe(error)
  return problem('BUS_REFUSED', { subject, reason }, { cause: error })
}

/** A status event of the client, in our words. */
export function eventKind(event: Status, label: string): { kind?: 'up' | 'down'; refused?: MaggyError } {
  if (event.type === Events.Disconnect) return { kind: 'down' }
  if (event.type === Events.Reconnect) return { kind: 'up' }
  if (event.type !== Events.Error) return {}
  const { subject } = event.permissionContext ?? {}
  if (subject !== undefined) return { refused: problem('BUS_FORBIDDEN', { subject }) }
  const reason = typeof event.data === 'string' ? event.data : 'an error without a code'
  return { refused: problem('BUS_REFUSED', { subject: label, reason }) }
}

export function headersOf(values: Readonly<Record<string, string>>): MsgHdrs {
  const made = newHeaders()
  for (const [name, value] of Object.entries(values)) made.set(name, value)
  return made
}

/** The subject on which this connection was not let publish. */
export function permissionRefused(event: Status): string | undefined {
  const { operation, subject } = event.type === Events.Error ? (event.permissionContext ?? {}) : {}
  return operation === 'publish' ? subject : undefined
}

/** A plain view: the client hands out Buffers, whose slice() is no copy. It never uses their memory again. */
export function dataOf({ data }: Msg): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/**
 * An entry of a stream has the headers that it was written with, and the server's own after them: so the last one of a name counts, and a
 * status that an entry brings along is none. (Whoever writes into a stream could pass its entries off as another's, or hide those after it.)
 */
export function wireReply(message: Msg): WireReply {
  const header = (name: string): string => message.headers?.last(name) ?? ''
  return { data: dataOf(message), code: header('Nats-Sequence') === '' ? (message.headers?.code ?? 0) : 0, header }
}

/** No map, no JSON: those who hear it drop it, and JetStream's API refuses it. Where it would be kept, the fence does not hold. */
const harmless = {
  data: new TextEncoder().encode('x'),
  headers: { 'Nats-Expected-Last-Sequence': String(Number.MAX_SAFE_INTEGER) },
}

/** Tries to publish and to subscribe, and gives the places in the list of what the server refused. Changes nothing. */
export async function probe(
  options: ClientOptions,
  tried: readonly { readonly kind: 'publish' | 'subscribe'; readonly subject: string }[],
): Promise<ReadonlySet<number>> {
  const connection = await openConnection(addressIn(options), options)
  const refused = new Set<number>()
  let current = -1
  const watch = async (): Promise<void> => {
    for await (const { type, permissionContext } of connection.status())
      if (type === Events.Error && permissionContext !== undefined) refused.add(current)
  }
  // The client's list of events has no end, also when it is closed.
  watch().catch(() => undefined)
  try {
    for (const [index, { kind, subject }] of tried.entries()) {
      current = index
      const subscription =
        kind === 'subscribe' ? connection.subscribe(subject, { callback: () => undefined }) : undefined
      if (kind === 'publish') connection.publish(subject, harmless.data, { headers: headersOf(harmless.headers) })
      // The server's word about it comes before its answer to this; the client hands it on a moment later.
      await connection.flush()
      await new Promise((resolve) => setImmediate(resolve))
      if (subscription !== undefined && !subscription.isClosed()) subscription.unsubscribe()
    }
  } finally {
    await connection.close()
  }
  return refused
}
