/**
 * How a process comes to the bus: its server, and what it shows there. The same options everywhere, and the same variables.
 * I1 What is secret comes from a file or from the address of the server; it is in no argument list of ours, and no user code sees it.
 */
import { readFileSync } from 'node:fs'
import { describe, problem, type Role } from '../../protocol/index.ts'
import type { ClientOptions } from '../bus/index.ts'
import { readCredentials, type Credentials } from './credentials.ts'
import { meetServer } from './known-servers.ts'

/** As they are given on a command line, or to `lagom`. */
export interface AccessOptions {
  readonly server?: string | undefined
  readonly token?: string | undefined
  readonly tokenFile?: string | undefined
  /** A file of credentials that `maggy auth add-…` has made. */
  readonly creds?: string | undefined
  /** A file with the seed of an nkey, for a server of one's own that knows it. */
  readonly nkey?: string | undefined
  readonly tlsCa?: string | undefined
  readonly tlsCert?: string | undefined
  readonly tlsKey?: string | undefined
}

export type AccessName = keyof AccessOptions

/** The options: their flags, their variables, and what they mean. */
export const accessOptions: readonly (readonly [
  name: Exclude<AccessName, 'server'>,
  flags: string,
  variable: string,
  description: string,
])[] = [
  [
    'token',
    '--token <token>',
    'MAGGY_TOKEN',
    'its token, where the address has none; better in a file: others see the command line',
  ],
  ['tokenFile', '--token-file <file>', 'MAGGY_TOKEN_FILE', 'a file with its token'],
  ['creds', '--creds <file>', 'MAGGY_CREDS', 'credentials, as `maggy auth add-…` makes them'],
  ['nkey', '--nkey <file>', 'MAGGY_NKEY', 'a file with the seed of an nkey'],
  ['tlsCa', '--tls-ca <file>', 'MAGGY_TLS_CA', "the certificate of the authority that signed the server's"],
  ['tlsCert', '--tls-cert <file>', 'MAGGY_TLS_CERT', "this client's certificate, where the server asks for one"],
  ['tlsKey', '--tls-key <file>', 'MAGGY_TLS_KEY', 'its key'],
]

/** Variables that user code must not find in its environment. */
export const secretVariables: readonly string[] = [
  ...accessOptions.map(([, , variable]) => variable),
  'MAGGY_BOARD_TOKEN',
  // Addresses may hold a password.
  'MAGGY_SERVER',
  'MAGGY_OTLP',
  'MLFLOW_TRACKING_TOKEN',
]

/** Given options, filled up from the environment. */
export function withEnvironment(given: AccessOptions, environment: NodeJS.ProcessEnv = process.env): AccessOptions {
  const filled: Record<string, string> = {}
  for (const [name, variable] of [
    ['server', 'MAGGY_SERVER'] as const,
    ...accessOptions.map(([name, , variable]) => [name, variable] as const),
  ]) {
    const value = given[name] ?? environment[variable]
    if (value !== undefined && value !== '') filled[name] = value
  }
  return filled
}

export interface Access extends Pick<ClientOptions, 'token' | 'user' | 'tls' | 'identity' | 'greeted'> {
  readonly credentials?: Credentials
}

/**
 * The credentials to connect with. `role`: the role to connect as. Throws CREDENTIALS_INVALID, BUS_CREDENTIALS_EXPIRED, IDENTITY_DIFFERS, OPTION_INVALID.
 */
export function accessTo(options: AccessOptions, as: readonly Role[]): Access {
  const { token, tokenFile, creds, nkey, tlsCa, tlsCert, tlsKey } = options
  if (creds !== undefined && nkey !== undefined)
    throw problem('OPTION_INVALID', { option: '--nkey', reason: 'is given beside --creds; give one of them' })
  const credentials = creds === undefined ? undefined : readCredentials(creds)
  if (credentials !== undefined && !as.includes(credentials.role)) {
    throw problem('IDENTITY_DIFFERS', {
      file: credentials.file,
      reason: `they are of the ${credentials.role} ${credentials.name}, and not of a ${as.join(' or a ')}`,
    })
  }
  const authority = tlsCa === undefined ? credentials?.authority : textIn('--tls-ca', tlsCa)
  const tls = {
    ...(authority === undefined ? {} : { ca: authority }),
    ...(tlsCert === undefined ? {} : { cert: textIn('--tls-cert', tlsCert) }),
    ...(tlsKey === undefined ? {} : { key: textIn('--tls-key', tlsKey) }),
  }
  // With an authority of its own a server proves by its certificate who it is.
  const shows = (creds ?? nkey ?? tokenFile) !== undefined && authority === undefined
  return {
    ...(shows ? { greeted: meetServer } : {}),
    ...(token === undefined ? (tokenFile === undefined ? {} : { token: () => tokenIn(tokenFile) }) : { token }),
    // Read anew with each connection: the file may have been renewed meanwhile.
    ...(creds === undefined ? {} : { user: () => readCredentials(creds) }),
    ...(nkey === undefined ? {} : { user: () => ({ seed: textIn('--nkey', nkey).trim() }) }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(credentials === undefined ? {} : { identity: { role: credentials.role, name: credentials.name }, credentials }),
  }
}

/** A server that only starts has not written it yet: that is waited for as for the server. */
function tokenIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') throw problem('OPTION_INVALID', { option: '--token-file', reason: describe(error) })
    throw problem('TOKEN_FILE_MISSING', { file })
  }
}

function textIn(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw problem('OPTION_INVALID', { option, reason: describe(error) })
  }
}
