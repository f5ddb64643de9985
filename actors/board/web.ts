/** The board's HTTP: what is asked, by whom, and what is answered. Nothing else on the network is asked for anything. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { problem, toProblem, toTold } from '../../protocol/index.ts'
import type { Logger } from '../../src/actor/index.ts'
import { admit, bearerIn, cookieFor, safeHeaders, type Access } from '../../src/board/index.ts'
import { enterPage, refusedPage } from './documents.ts'

/** The request that a route handles. */
export interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  /** The groups of the pattern, decoded. */
  readonly parts: readonly string[]
}

export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: RegExp
  handle(asked: Asked): Promise<void> | void
}

export interface Web {
  readonly port: number
  close(): Promise<void>
}

/** Whoever sends a request byte by byte has so long, and holds one of so many connections. */
const limits = {
  keepAliveTimeout: 30_000,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
}
const mostConnections = 4_096

/** Programs that read it have no cookie: they show the token in a header. */
export const metricsPath = '/metrics'

const mostBody = 64 * 1024
/** The header that is needed to change something; a page of another origin cannot send it unasked. */
const jsonType = 'application/json'

/** Rejects with BOARD_PORT_IN_USE. */
export async function startWeb(
  options: {
    readonly port: number
    readonly host: string
    readonly access: Omit<Access, 'port'>
    readonly logger: Logger
  },
  routes: readonly Route[],
): Promise<Web> {
  const { host, logger } = options
  let access: Access = { ...options.access, port: options.port }
  const server = createServer(limits, (request, response) => {
    const failed = (error: unknown) => {
      logger.error({ path: request.url?.split('?')[0] }, toProblem(error).message)
      if (response.headersSent) response.destroy()
      else answerProblem(response, 500, error)
    }
    response.on('error', () => {}) // the browser has gone; `close` says so too
    answer(request, response, access, routes).catch(failed)
  })
  server.maxConnections = mostConnections
  server.listen(options.port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw problem('BOARD_PORT_IN_USE', { port: options.port })
    throw error
  }
  const { port } = server.address() as AddressInfo
  access = { ...access, port }
  return {
    port,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  access: Access,
  routes: readonly Route[],
): Promise<void> {
  for (const [name, value] of Object.entries(safeHeaders)) response.setHeader(name, value)
  const url = urlOf(request)
  if (url === undefined) return answerHtml(response, 400, refusedPage('this is no address of the board'))
  const verdict = admit(access, {
    host: request.headers.host,
    origin: request.headers.origin,
    site: headerOf(request, 'sec-fetch-site'),
    cookie: request.headers.cookie,
    token: url.pathname === '/' ? (url.searchParams.get('token') ?? undefined) : undefined,
    bearer: url.pathname === metricsPath ? bearerIn(request.headers.authorization) : undefined,
  })
  if (verdict.kind === 'refused') return answerHtml(response, verdict.status, refusedPage(verdict.reason))
  if (verdict.kind === 'enter') {
    response.setHeader('Set-Cookie', cookieFor(access))
    return answerHtml(response, 200, enterPage)
  }
  for (const route of routes) {
    const match = route.path.exec(url.pathname)
    if (match === null) continue
    if (request.method !== route.method) return answerJson(response, 405, { error: 'another method' })
    await route.handle({ request, response, url, parts: match.slice(1).map(decodeURIComponent) })
    return
  }
  answerJson(response, 404, { error: 'there is no such page' })
}

const base = 'http://board'

/** undefined: it is no path here. `//host`, `/\\host` and `http://host` are places elsewhere. */
function urlOf({ url: text = '/' }: IncomingMessage): URL | undefined {
  if (!text.startsWith('/') || !URL.canParse(text, base)) return undefined
  const url = new URL(text, base)
  return url.origin === base ? url : undefined
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

export function answerHtml(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' }).end(html)
}

export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': `${jsonType}; charset=utf-8` }).end(JSON.stringify(body))
}

export function answerProblem(response: ServerResponse, status: number, error: unknown): void {
  const fault = toTold(error)
  answerJson(response, status, { error: fault })
}

/** The body of a request that changes something. Throws OPTION_INVALID for what is no JSON object. */
export async function jsonBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const invalid = (reason: string) => problem('OPTION_INVALID', { option: 'body', reason })
  if (request.headers['content-type']?.startsWith(jsonType) !== true) throw invalid('is no JSON')
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > mostBody) throw invalid('is too long')
  }
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw invalid('is no JSON')
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('is no JSON object')
  return body as Record<string, unknown>
}
