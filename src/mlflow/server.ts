/** A tracking server of MLflow's, by its REST interface (version 2.0). Every question has a time limit. */
import { codeOf, describe, problem } from '../../protocol/index.ts'

const answerMs = 10_000
/** A file may take longer, by its size: bytes in a millisecond. */
const slowest = 100

export interface MlflowServer {
  /** Without credentials, for people. */
  readonly url: string
  /** Rejects with MLFLOW_UNREACHABLE or MLFLOW_REFUSED. */
  post(path: string, body: object): Promise<Readonly<Record<string, unknown>>>
  /** undefined: there is no such thing. */
  get(path: string, query: Readonly<Record<string, string>>): Promise<Readonly<Record<string, unknown>> | undefined>
  /** Keeps a file with a run, if the server keeps files for its clients. `bytes`: how long it is, about. */
  put(path: string, content: AsyncIterable<Uint8Array>, bytes: number): Promise<void>
}

/** `address`: a user and a password may stand in it; or else MLFLOW_TRACKING_TOKEN is used. Throws OPTION_INVALID. */
export function mlflowServer(address: string): MlflowServer {
  const base = URL.canParse(address) ? new URL(address) : undefined
  if (base === undefined || !/^https?:$/.test(base.protocol)) {
    throw problem('OPTION_INVALID', { option: '--mlflow', reason: `is ${address}, not the http address of a server` })
  }
  const headers = { ...authorization(base), 'content-type': 'application/json' }
  base.username = ''
  base.password = ''
  const url = base.href.replace(/\/+$/, '')

  const ask = async (path: string, init: RequestInit, limitMs = answerMs): Promise<Response> => {
    try {
      return await fetch(`${url}/api/2.0/${path}`, { headers, ...init, signal: AbortSignal.timeout(limitMs) })
    } catch (error) {
      const { cause } = error as { readonly cause?: unknown }
      // The file that was to be sent could not be read.
      if (codeOf(cause) !== undefined) throw cause
      throw problem('MLFLOW_UNREACHABLE', { url, reason: describe(cause ?? error) }, { cause: error })
    }
  }
  const read = async (path: string, response: Response): Promise<Readonly<Record<string, unknown>>> => {
    // A server that is overloaded, or whose database is, is as good as none.
    if (response.status >= 500) throw problem('MLFLOW_UNREACHABLE', { url, reason: `status ${response.status}` })
    let answer: unknown
    try {
      answer = await response.json()
    } catch (error) {
      throw problem(
        'MLFLOW_UNREACHABLE',
        { url, reason: `no answer of MLflow's: ${describe(error)}` },
        { cause: error },
      )
    }
    if (response.ok && typeof answer === 'object' && answer !== null) return answer as Record<string, unknown>
    const { error_code: code = response.status, message = '' } = (answer ?? {}) as Record<string, unknown>
    const reason = `${String(code)} ${String(message)}`.slice(0, 500)
    throw problem('MLFLOW_REFUSED', { url, path, reason })
  }
  return {
    url,
    async post(path, body) {
      return await read(path, await ask(`mlflow/${path}`, { method: 'POST', body: JSON.stringify(body) }))
    },
    async get(path, query) {
      const response = await ask(`mlflow/${path}?${new URLSearchParams(query).toString()}`, { method: 'GET' })
      return response.status === 404 ? undefined : await read(path, response)
    },
    async put(path, content, bytes) {
      const place = path.split('/').map(encodeURIComponent).join('/')
      const body = ReadableStream.from(content)
      const init = {
        method: 'PUT',
        body,
        duplex: 'half' as const,
        headers: { ...headers, 'content-type': 'application/octet-stream' },
      }
      const limitMs = answerMs + Math.ceil(bytes / slowest)
      await read(path, await ask(`mlflow-artifacts/artifacts/${place}`, init, limitMs))
    },
  }
}

function authorization({ username, password }: URL): { authorization?: string } {
  const token = process.env['MLFLOW_TRACKING_TOKEN'] ?? ''
  if (username !== '') {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
  }
  return token === '' ? {} : { authorization: `Bearer ${token}` }
}
