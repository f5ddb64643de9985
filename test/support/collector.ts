/** A collector of traces for tests: keeps what it is sent over OTLP/HTTP. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface KeptSpan {
  readonly service: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly startedAt: number
  readonly endedAt: number
  readonly status: number
  readonly links: number
}

export interface Collector {
  readonly url: string
  readonly spans: readonly KeptSpan[]
  /** What those showed that sent them. */
  readonly shown: ReadonlySet<string>
  close(): Promise<void>
}

interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: {
      readonly attributes: readonly { readonly key: string; readonly value: { stringValue?: string } }[]
    }
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[]
  }[]
}
interface SentSpan extends Pick<KeptSpan, 'traceId' | 'spanId' | 'parentSpanId' | 'name'> {
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status: { readonly code: number }
  readonly links?: readonly object[]
}

/** `status`: what it answers. */
export async function startCollector(status = 200): Promise<Collector> {
  const spans: KeptSpan[] = []
  const shown = new Set<string>()
  const take = ({ resourceSpans }: Sent): void => {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? ''
      for (const {
        startTimeUnixNano,
        endTimeUnixNano,
        status: { code },
        links,
        ...span
      } of scopeSpans.flatMap((one) => one.spans)) {
        const [startedAt, endedAt] = [startTimeUnixNano, endTimeUnixNano].map((time) =>
          Number(BigInt(time) / 1_000_000n),
        )
        spans.push({
          ...span,
          service,
          startedAt: startedAt ?? 0,
          endedAt: endedAt ?? 0,
          status: code,
          links: links?.length ?? 0,
        })
      }
    }
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.headers.authorization !== undefined) shown.add(request.headers.authorization)
      if (request.url === '/v1/traces') take(JSON.parse(Buffer.concat(chunks).toString()) as Sent)
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    shown,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
