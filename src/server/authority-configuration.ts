/** The configuration of a nats-server that knows an authority. */

/** The part of its authority that a server must know; nothing in it is secret. */
export interface AuthoritySettings {
  readonly serverName: string
  readonly operatorJwt: string
  /** Its public key. */
  readonly systemAccount: string
}

/** Connections at once, on the whole server. */
const maximumConnections = 16_384
const quoted = (text: string): string => JSON.stringify(text)

/**
 * Lines for identities, certificates and limits. `folder`: where the authority's `server/` lies. Accounts lie in `jwt/`, where the server
 * itself writes what `maggy auth` tells it (the full resolver), so that revoking, rotating and new tenants need no restart.
 */
export function authorityLines({ operatorJwt, systemAccount }: AuthoritySettings, folder: string): string[] {
  const inFolder = (name: string): string => quoted(folder === '.' ? `./${name}` : `${folder}/${name}`)
  return [
    `operator: ${operatorJwt}`,
    `system_account: ${systemAccount}`,
    `resolver { type: full, dir: ${inFolder('jwt')}, allow_delete: false, interval: "2m" }`,
    'tls {',
    `  cert_file: ${inFolder('server.pem')}`,
    `  key_file: ${inFolder('server.key')}`,
    '  min_version: "1.3"',
    // Of a host that is busy, whose clients all come at once.
    '  timeout: 10',
    '}',
    `max_connections: ${maximumConnections}`,
    'max_control_line: 4KB',
    'max_pending: 64MB',
    'write_deadline: "10s"',
  ]
}

/** A whole configuration, for a nats-server of one's own; it is started in the folder in which it lies. */
export function serverConfiguration(settings: AuthoritySettings, port: number): string {
  return [
    '# Made by `maggy auth init`. Start it in this folder: GOGC=400 nats-server -c nats-server.conf   (2.12.6 or later)',
    '# or let maggy start it: maggy server --auth THIS-FOLDER',
    '',
    `server_name: ${settings.serverName}`,
    'host: "0.0.0.0"',
    `port: ${port}`,
    '',
    '# Log events travel in messages of this size at most.',
    'max_payload: 8MB',
    '# A peer whose cable is cut is given up after a minute, not after the default of six.',
    'ping_interval: "20s"',
    'ping_max: 2',
    '',
    'jetstream {',
    '  store_dir: "./data"',
    '  max_memory_store: 256MB',
    "  # Above what maggy's streams reserve: 8 GiB for the log, 8 GiB for metrics and output, and code and checkpoints.",
    '  max_file_store: 64GB',
    '  # What is acknowledged is on the disk. The default acknowledges up to two minutes before it syncs.',
    '  sync_interval: always',
    '}',
    '',
    '# Who may do what is in the accounts in jwt/: one a tenant, with a signing key for each role (protocol/README.md).',
    ...authorityLines(settings, '.'),
    '',
  ].join('\n')
}
