/**
 * Decides by a request's headers whether it may speak to the board. Pure.
 * I1 A request must name the board as its host: a name of somebody else's that leads here (DNS rebinding) is refused.
 * I2 A page of another origin reads nothing and does nothing here.
 * I3 Without the token nothing is told, not even which experiments there are.
 */
import { createHash, timingSafeEqual } from 'node:crypto'

export interface Access {
  readonly token: string
  readonly port: number
  /** Host names under which browsers may speak to it, besides those of loopback. */
  readonly hosts: readonly string[]
}

/** The fields of a request that decide. */
export interface Asking {
  readonly host: string | undefined
  readonly origin: string | undefined
  /** Sec-Fetch-Site. */
  readonly site: string | undefined
  readonly cookie: string | undefined
  /** The token of the address, where it has one. */
  readonly token: string | undefined
  /** The token of an `Authorization: Bearer` header, where the path may be asked for so. */
  readonly bearer: string | undefined
}

export type Verdict =
  | { readonly kind: 'allowed' }
  /** The token came in the address: it becomes a cookie, and leaves the address. */
  | { readonly kind: 'enter' }
  | { readonly kind: 'refused'; readonly status: 401 | 403 | 421; readonly reason: string }

const loopback = ['127.0.0.1', 'localhost', '[::1]']

export function admit(access: Access, asking: Asking): Verdict {
  const hosts = [...loopback, ...access.hosts].flatMap((name) => [
    `${name}:${access.port}`,
    ...(access.port === 80 ? [name] : []),
  ])
  // Behind a proxy the port is the proxy's.
  const known = [...hosts, ...access.hosts]
  if (asking.host === undefined || !known.includes(asking.host.toLowerCase())) {
    return { kind: 'refused', status: 421, reason: 'this host name is not the board’s (allow it with --allow-host)' }
  }
  if (asking.origin !== undefined && !sameOrigin(asking.origin, asking.host)) {
    return { kind: 'refused', status: 403, reason: 'a page of another origin may not ask the board' }
  }
  if (asking.token !== undefined) {
    if (same(asking.token, access.token)) return { kind: 'enter' }
    return { kind: 'refused', status: 401, reason: 'this token is not the board’s' }
  }
  if (asking.site !== undefined && asking.site !== 'same-origin' && asking.site !== 'none') {
    return { kind: 'refused', status: 403, reason: 'another site may not ask the board' }
  }
  // No page of another site can send this header: a browser asks the board first, and is told nothing.
  if (asking.bearer !== undefined && same(asking.bearer, access.token)) return { kind: 'allowed' }
  const given = cookieIn(asking.cookie, cookieName(access.port))
  if (given !== undefined && same(given, cookieValue(access.token))) return { kind: 'allowed' }
  return { kind: 'refused', status: 401, reason: 'open the address that the board printed: it has the token in it' }
}

/** Cookies are shared by all ports of a host: each board has one of its own. */
export const cookieName = (port: number): string => `maggy-board-${port}`

/** Not the token itself, which opens the board to whoever has it. */
const cookieValue = (token: string): string => createHash('sha256').update(`maggy board ${token}`).digest('hex')

export const cookieFor = ({ token, port }: Access): string =>
  `${cookieName(port)}=${cookieValue(token)}; Path=/; HttpOnly; SameSite=Strict`

/** The token of an Authorization header (RFC 6750). */
export const bearerIn = (header: string | undefined): string | undefined => /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1]

function sameOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}

function cookieIn(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const [key, value] = part.trim().split('=')
    if (key === name) return value
  }
  return undefined
}

function same(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** On every answer. */
export const safeHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': policy,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}
