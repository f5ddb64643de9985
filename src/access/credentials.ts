/**
 * A credentials file as `maggy auth add-…` writes it: a user's JWT and the seed of its key, as every NATS client reads it; after these,
 * for a worker, the same two of its runners, and the certificate of the authority that signed the server's.
 * I1 Nothing that is secret stands in an error.
 */
import { readFileSync, statSync } from 'node:fs'
import { describe, problem, roles, type Role } from '../../protocol/index.ts'

/** A user's JWT and the seed of its key. */
interface UserKey {
  readonly jwt: string
  readonly seed: string
}

export interface Credentials extends UserKey {
  readonly file: string
  readonly role: Role
  readonly name: string
  /** In milliseconds since 1970; null: never. */
  readonly expiresAt: number | null
  /** Names of plug-ins that it answers to. */
  readonly serves: readonly string[]
  /** Of a worker: what its runners speak with. */
  readonly runner?: UserKey
  /** PEM. */
  readonly authority?: string
}

const block = /-{3,} ?BEGIN ([A-Z ]+?) ?-{3,}\r?\n([\s\S]*?)\r?\n-{3,} ?END \1 ?-{3,}/g
/** Those of others, in the mode of a file. */
const forOthers = 0o007

/** Reads a file of credentials. Throws CREDENTIALS_INVALID, BUS_CREDENTIALS_EXPIRED. */
export function readCredentials(file: string, now = Date.now()): Credentials {
  const invalid = (reason: string) => problem('CREDENTIALS_INVALID', { file, reason })
  let text: string
  try {
    if (process.platform !== 'win32' && (statSync(file).mode & forOthers) !== 0)
      throw invalid('other users of this host may read it')
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw error instanceof Error && 'code' in error && error.code === 'CREDENTIALS_INVALID'
      ? error
      : invalid(describe(error))
  }
  const found = [...text.matchAll(block)].map(([, kind = '', content = '']) => ({ kind, content: content.trim() }))
  const of = (kind: string): string[] => found.filter((one) => one.kind === kind).map(({ content }) => content)
  const [jwt, runnerJwt] = of('NATS USER JWT')
  const [seed, runnerSeed] = of('USER NKEY SEED')
  if (jwt === undefined || seed === undefined) throw invalid('it holds no user and no key')
  const claims = claimsOf(jwt)
  if (claims === undefined) throw invalid('its user cannot be read')
  const { role, name, expiresAt, serves } = claims
  if (expiresAt !== null && expiresAt <= now)
    throw problem('BUS_CREDENTIALS_EXPIRED', { name, at: new Date(expiresAt).toISOString() })
  const [authority] = of('CERTIFICATE')
  return {
    file,
    jwt,
    seed,
    role,
    name,
    expiresAt,
    serves,
    ...(runnerJwt === undefined || runnerSeed === undefined ? {} : { runner: { jwt: runnerJwt, seed: runnerSeed } }),
    ...(authority === undefined
      ? {}
      : { authority: `-----BEGIN CERTIFICATE-----\n${authority}\n-----END CERTIFICATE-----\n` }),
  }
}

/** The claims of a user's JWT, unchecked: the server checks them. */
function claimsOf(jwt: string): Pick<Credentials, 'role' | 'name' | 'expiresAt' | 'serves'> | undefined {
  try {
    const claims = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as {
      name?: unknown
      exp?: unknown
      nats?: { tags?: unknown }
    }
    const tags: unknown[] = Array.isArray(claims.nats?.tags) ? claims.nats.tags : []
    const role = roles.find((one) => tags.includes(`role:${one}`))
    if (role === undefined || typeof claims.name !== 'string') return undefined
    const serves = tags.flatMap((tag) => (typeof tag === 'string' ? (/^serves:(.+)$/.exec(tag)?.[1] ?? []) : []))
    return { role, name: claims.name, expiresAt: typeof claims.exp === 'number' ? claims.exp * 1000 : null, serves }
  } catch {
    return undefined
  }
}
