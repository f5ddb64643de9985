/** How a server is named: `nats://TOKEN@host:port`, `nats://user:pass@host`, `tls://host`, `host:port`, or several with commas. */
import { describe, problem } from '../../protocol/index.ts'

export interface Address {
  /** host:port */
  readonly servers: readonly string[]
  /** For messages to people: no credentials in it. */
  readonly label: string
  readonly tls: boolean
  readonly token?: string
  readonly user?: string
  readonly pass?: string
}

const defaultPort = '4222'

/** Throws OPTION_INVALID for a text that is no address. */
export function parseAddress(server: string, token?: string): Address {
  const urls = server
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => toUrl(part))
  if (urls.length === 0) throw invalid(server, 'is empty')
  const servers = urls.map((url) => `${url.hostname}:${url.port || defaultPort}`)
  const withCredentials = urls.find((url) => url.username !== '')
  const username = decodeURIComponent(withCredentials?.username ?? '')
  const password = decodeURIComponent(withCredentials?.password ?? '')
  const common = {
    servers,
    label: servers.map((s) => `nats://${s}`).join(','),
    tls: urls.some((url) => url.protocol === 'tls:'),
  }
  if (password !== '') return { ...common, user: username, pass: password }
  const effective = username || token
  return effective ? { ...common, token: effective } : common
}

function toUrl(part: string): URL {
  let url: URL
  try {
    url = new URL(part.includes('://') ? part : `nats://${part}`)
  } catch (error) {
    throw invalid(part, describe(error))
  }
  if (!['nats:', 'tls:'].includes(url.protocol)) throw invalid(part, 'an address starts with nats:// or tls://')
  if (url.hostname === '') throw invalid(part, 'names no host')
  return url
}

function invalid(server: string, reason: string): Error {
  // The text before the @ is a secret.
  return problem('OPTION_INVALID', { option: `server ${server.replace(/[^/,]*@/g, '')}`, reason })
}
