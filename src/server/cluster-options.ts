/** A member of a cluster, as `maggy server` is told of it. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { problem } from '../../protocol/index.ts'
import type { ClusterConfiguration } from './configuration.ts'

export interface ClusterOptions {
  readonly name: string
  /** The peer addresses of some members, with commas: `host:port`, `nats://host:port`. */
  readonly routes: string
  /** 6222 by default. */
  readonly peerPort?: number
  /** Its name in the cluster. Default: of its host and its peer port. */
  readonly member?: string
  /** Whether clients are told the addresses of all members. Default: they are. */
  readonly advertise?: boolean
}

const defaultPeerPort = 6222
const nameOfMember = /^[A-Za-z0-9_.-]{1,128}$/

/**
 * `token`: what the operator has given to all members; `folder`: that of the authority, if there is one.
 * Throws OPTION_INVALID, AUTHORITY_INVALID.
 */
export function clusterConfiguration(
  { name, routes, peerPort = defaultPeerPort, member, advertise = true }: ClusterOptions,
  { token, folder }: { readonly token: string | undefined; readonly folder: string | undefined },
): ClusterConfiguration {
  const invalid = (option: string, reason: string) => problem('OPTION_INVALID', { option, reason })
  if (!nameOfMember.test(name)) throw invalid('--cluster', 'is a name of letters, digits, ., - and _')
  const own = member ?? `${hostname().replaceAll(/[^A-Za-z0-9_.-]/g, '-')}-${peerPort}`
  if (!nameOfMember.test(own)) throw invalid('--name', 'is a name of letters, digits, ., - and _')
  const given = routes.split(',').flatMap((route) => (route.trim() === '' ? [] : [routeIn(route.trim())]))
  if (given.length === 0) throw invalid('--routes', 'names no member; give the peer address of one at least')
  return { name, member: own, peerPort, routes: given, advertise, secret: secretOf(token, folder) }
}

function routeIn(text: string): string {
  const full = text.includes('://') ? text : `nats://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url?.protocol === 'nats:' && url.hostname !== '' && url.username === '')
    return `nats://${url.hostname}:${url.port === '' ? defaultPeerPort : url.port}`
  throw problem('OPTION_INVALID', { option: '--routes', reason: `has ${text}, which is no nats://host:port` })
}

/** The secret by which members know each other: all of them have it, and nobody else. */
function secretOf(token: string | undefined, folder: string | undefined): string {
  if (folder !== undefined) {
    if (!existsSync(join(folder, 'ca.pem')))
      throw problem('AUTHORITY_INVALID', { folder, reason: 'it was made before there were clusters: it has no ca.pem' })
    return digest(readFileSync(join(folder, 'server.key'), 'utf8'))
  }
  if (token !== undefined) return digest(token)
  throw problem('OPTION_INVALID', {
    option: '--cluster',
    reason: 'needs what all its members share: give each the same --token-file, or --auth with the same folder',
  })
}

const digest = (text: string): string => createHash('sha256').update(`maggy route ${text}`).digest('hex')
