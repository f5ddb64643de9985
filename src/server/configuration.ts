import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { authorityLines, type AuthoritySettings } from './authority-configuration.ts'

export interface ServerConfiguration {
  readonly host: string
  /** -1: the system chooses one. */
  readonly port: number
  readonly token?: string
  /** The folder that everything is kept in. */
  readonly data: string
  readonly maxPayloadBytes: number
  /** The port of the HTTP monitoring page, on loopback; none by default. */
  readonly monitorPort?: number
  /** The cluster that it is a member of. */
  readonly cluster?: ClusterConfiguration
  /** An authority that says who is known; there is no token then. */
  readonly authority?: { readonly settings: AuthoritySettings; readonly folder: string }
}

export interface ClusterConfiguration {
  readonly name: string
  /** Its own name in the cluster: a server that is to take the place of another has the same. */
  readonly member: string
  /** The port on which the other members reach it. */
  readonly peerPort: number
  /** Some of the members, itself or not: `nats://host:port` of their peer ports. */
  readonly routes: readonly string[]
  /** Whether clients are told the addresses of all members. */
  readonly advertise: boolean
  /** The same for all members, and known to nobody else. */
  readonly secret: string
}

const mebibyte = 2 ** 20
export const defaultMaxPayloadBytes = 8 * mebibyte
/** Above what the streams of protocol/streams.ts reserve, bundles included: JetStream refuses a stream that does not fit. */
const maxFileStoreBytes = 64 * 2 ** 30

/** The configuration of nats-server, as the text of its file. deploy/nats-server.conf is the same for a server of your own. */
export function configurationText(configuration: ServerConfiguration): string {
  const { host, port, token, data, maxPayloadBytes, monitorPort, authority, cluster } = configuration
  const lines = [
    `server_name: ${cluster?.member ?? authority?.settings.serverName ?? nameBy(token)}`,
    `host: ${quoted(host)}`,
    `port: ${port}`,
    `max_payload: ${maxPayloadBytes}`,
    // A peer whose cable is cut is given up after a minute, not after the default of six.
    'ping_interval: "20s"',
    'ping_max: 2',
    `ports_file_dir: ${quoted(portsDirectory(data))}`,
    'jetstream {',
    `  store_dir: ${quoted(data)}`,
    '  max_memory_store: 256MB',
    `  max_file_store: ${maxFileStoreBytes}`,
    // An acknowledged message is on the disk. The default acknowledges up to two minutes before that.
    '  sync_interval: always',
    '}',
  ]
  if (authority !== undefined) lines.push(...authorityLines(authority.settings, authority.folder))
  else if (token !== undefined) lines.push(`authorization { token: ${quoted(token)} }`)
  if (cluster !== undefined) lines.push(...clusterLines(cluster, configuration))
  if (monitorPort !== undefined) lines.push(`http: "127.0.0.1:${monitorPort}"`)
  return `${lines.join('\n')}\n`
}

/** Members know each other by a secret; under an authority they talk by TLS, too. */
function clusterLines(
  { name, peerPort, routes, advertise, secret }: ClusterConfiguration,
  { host, authority }: ServerConfiguration,
): string[] {
  const shown = (route: string): string => route.replace('://', `://maggy:${secret}@`)
  return [
    'cluster {',
    `  name: ${quoted(name)}`,
    `  listen: ${quoted(`${host.includes(':') ? `[${host}]` : host}:${peerPort}`)}`,
    `  authorization { user: maggy, password: ${quoted(secret)}, timeout: 5 }`,
    `  routes: [${routes.map((route) => quoted(shown(route))).join(', ')}]`,
    ...(advertise ? [] : ['  no_advertise: true']),
    ...(authority === undefined ? [] : ['  tls {', ...tlsLines(authority.folder), '    timeout: 5', '  }']),
    '}',
  ]
}

/** Routes are dialled by whoever starts: a member shows the certificate that it shows to clients, and is known by the secret. */
const tlsLines = (folder: string): string[] => [
  `    cert_file: ${quoted(join(folder, 'server.pem'))}`,
  `    key_file: ${quoted(join(folder, 'server.key'))}`,
  `    ca_file: ${quoted(join(folder, 'ca.pem'))}`,
  '    min_version: "1.3"',
]

/** nats-server writes the port that it got into a file here. */
export function portsDirectory(data: string): string {
  return join(data, 'ports')
}

/** The address for --server, with the token in it (`tls`: without). A wildcard host is reached by loopback. */
export function addressOf(host: string, port: number, token: string | undefined, tls = false): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  return `${tls ? 'tls' : 'nats'}://${token === undefined ? '' : `${encodeURIComponent(token)}@`}${reachable}:${port}`
}

/** The same for as long as its token: clients notice that another server answers at its address. */
function nameBy(token: string | undefined): string {
  if (token === undefined) return 'maggy'
  return `maggy-${createHash('sha256').update(token).digest('hex').slice(0, 8)}`
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
