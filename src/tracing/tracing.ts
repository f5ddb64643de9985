/**
 * Spans on their way to a collector (OTLP over HTTP, as JSON). Off until it is started: then, and only then, what is told is sent.
 * I1 Tracing holds nothing up and fails nothing: spans that cannot be sent are dropped, and that is said once.
 */
import { describe, problem } from '../../protocol/index.ts'
import { otlpAttributes, otlpSpan, type Span } from './span.ts'

const sendEveryMs = 1_000
const answerMs = 5_000
const mostWaiting = 4_096
const mostAtOnce = 512

export interface TracingOptions {
  /** The collector: `http://host:4318`; a user and a password may stand in it. */
  readonly endpoint: string
  /** Which actor this process is. */
  readonly service: string
  readonly id: string
  readonly onDropped: (reason: string) => void
}

class Tracing {
  readonly #options: TracingOptions
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #timer: NodeJS.Timeout
  #waiting: Span[] = []
  #sending: Promise<void> = Promise.resolve()
  #said = false

  constructor(options: TracingOptions) {
    this.#options = options
    const { url, headers } = collectorAt(options.endpoint)
    this.#url = url
    this.#headers = headers
    this.#timer = setInterval(() => this.#send(), sendEveryMs)
    this.#timer.unref()
  }

  take(span: Span): void {
    if (this.#waiting.length < mostWaiting) this.#waiting.push(span)
    else this.#dropped('more spans than can be sent')
  }

  async end(): Promise<void> {
    clearInterval(this.#timer)
    this.#send()
    await this.#sending
  }

  #send(): void {
    while (this.#waiting.length > 0) {
      const spans = this.#waiting.splice(0, mostAtOnce)
      this.#sending = this.#sending.then(() => this.#post(spans))
    }
  }

  async #post(spans: readonly Span[]): Promise<void> {
    const { service, id } = this.#options
    const resource = {
      attributes: otlpAttributes({
        'service.name': `maggy-${service}`,
        'service.instance.id': id,
        'process.pid': process.pid,
      }),
    }
    const body = {
      resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'maggy' }, spans: spans.map(otlpSpan) }] }],
    }
    try {
      const answer = await fetch(this.#url, {
        method: 'POST',
        headers: this.#headers,
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(answerMs),
      })
      await answer.arrayBuffer()
      if (!answer.ok) this.#dropped(`the collector answers ${answer.status}`)
    } catch (error) {
      this.#dropped(describe((error as { readonly cause?: unknown }).cause ?? error))
    }
  }

  /** I1 */
  #dropped(reason: string): void {
    if (this.#said) return
    this.#said = true
    this.#options.onDropped(reason)
  }
}

/** Takes secrets out of the address, for addresses are said in errors. Throws OPTION_INVALID if it is none. */
function collectorAt(endpoint: string): { readonly url: string; readonly headers: Record<string, string> } {
  const address = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (address === undefined || !/^https?:$/.test(address.protocol))
    throw problem('OPTION_INVALID', { option: '--otlp', reason: 'is not the http address of a collector' })
  const { username, password } = address
  address.username = ''
  address.password = ''
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return {
    url: `${address.href.replace(/\/+$/, '')}/v1/traces`,
    headers: {
      'content-type': 'application/json',
      ...(username === '' ? {} : { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }),
    },
  }
}

/** One for the process, as code of all rooms tells of its work. */
let tracing: Tracing | undefined

export function startTracing(options: TracingOptions): void {
  tracing ??= new Tracing(options)
}

/** Sends what is left, as far as the collector takes it within a few seconds. */
export async function endTracing(): Promise<void> {
  await tracing?.end()
  tracing = undefined
}

/** Tells of work that was done; `span` is called only if anybody wants to know. */
export function traced(span: () => Span): void {
  if (tracing !== undefined) tracing.take(span())
}
