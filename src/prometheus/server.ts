/** `/metrics` on a port of its own. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, problem } from '../../protocol/index.ts'
import type { Measure } from '../actor/index.ts'
import { pageOf, type PageMaker } from './page.ts'

export interface MetricsServer {
  /** Where it is read. */
  readonly url: string
  close(): Promise<void>
}

/** Rejects with METRICS_PORT_UNUSABLE. `port` 0: any. */
export async function serveMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  measures: () => Iterable<Measure>,
): Promise<MetricsServer> {
  const page = pageOf(measures)
  const server = createServer((request, response) => {
    answer(request, response, page).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' }).end(`${describe(error)}\n`)
    })
  })
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    throw problem('METRICS_PORT_UNUSABLE', { host, port, reason: describe(error) }, { cause: error })
  }
  // It keeps no process alive.
  server.unref()
  const { port: actual } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}/metrics`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, page: PageMaker): Promise<void> {
  const isKnown = request.url?.split('?')[0] === '/metrics'
  if (!isKnown || (request.method !== 'GET' && request.method !== 'HEAD')) {
    response.writeHead(isKnown ? 405 : 404).end()
    return
  }
  const { contentType, text } = await page()
  response.writeHead(200, { 'content-type': contentType }).end(text)
}
