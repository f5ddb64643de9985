/**
 * The bus as a check uses it: what is sent need not be valid, whatever comes back is a value, and the last exchange is kept, so that a report
 * can show it.
 * I1 Only a bus that is away ends a check with an error: it says nothing about the actor.
 */
import { decode, describe, encode, isProblem, toProblem } from '../../protocol/index.ts'
import type { Bus } from '../bus/index.ts'

/** The outcome of a request. */
export type Came =
  | { readonly kind: 'ok'; readonly value: unknown }
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly retryable?: boolean }
  /** Nobody subscribes. */
  | { readonly kind: 'nobody' }
  | { readonly kind: 'silence'; readonly ms: number }
  /** Bytes that are no answer. */
  | { readonly kind: 'nonsense'; readonly reason: string }

export interface Exchange {
  readonly sent: string
  readonly came: string
}

export interface Patience {
  /** Like a driver: so long for open and observe, in ms. */
  readonly answerMs: number
  /** So long for a suggestion. */
  readonly thinkingMs: number
}

/** The driver's end of the line. */
export const driversPatience: Patience = { answerMs: 10_000, thinkingMs: 60_000 }

const shown = 600

export class Line {
  readonly bus: Bus
  readonly patience: Patience
  #last: () => Exchange = () => ({ sent: 'nothing', came: 'nothing' })

  constructor(bus: Bus, patience: Patience = driversPatience) {
    this.bus = bus
    this.patience = patience
  }

  /** The last exchange as text, made when somebody looks. */
  get last(): Exchange {
    return this.#last()
  }

  /** `payload`: a value, or bytes as they are. Rejects with BUS_DISCONNECTED and its like only (I1). */
  async ask(subject: string, payload: unknown, timeoutMs = this.patience.answerMs): Promise<Came> {
    const data = payload instanceof Uint8Array ? payload : encode(payload, subject)
    const came = await this.#request(subject, data, timeoutMs)
    this.#last = () => ({ sent: `${subject} ${told(payload)}`, came: cameText(came) })
    return came
  }

  /** Whether anybody answers there, whatever it is: asks with an empty map, and leaves the last exchange as it was. */
  async probe(subject: string): Promise<Came> {
    return this.#request(subject, encode({}), this.patience.answerMs)
  }

  /** For what is no request: what was listened for, and what came. */
  note(sent: string, came: string): void {
    this.#last = () => ({ sent: cut(sent), came: cut(came) })
  }

  async #request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Came> {
    let bytes
    try {
      bytes = await this.bus.request(subject, data, { timeoutMs })
    } catch (error) {
      if (isProblem(error, 'BUS_NO_RESPONDERS')) return { kind: 'nobody' }
      if (isProblem(error, 'BUS_TIMEOUT')) return { kind: 'silence', ms: timeoutMs }
      throw error
    }
    return answerIn(bytes)
  }
}

function answerIn(bytes: Uint8Array): Came {
  let answer: unknown
  try {
    answer = decode(bytes, 'the answer')
  } catch (error) {
    return { kind: 'nonsense', reason: `${bytes.length} bytes that are no msgpack map: ${describe(error)}` }
  }
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    return { kind: 'nonsense', reason: `${told(answer)}, which is no map` }
  }
  const { ok, error } = answer as { readonly ok?: unknown; readonly error?: unknown }
  if (error === undefined && ok !== undefined) return { kind: 'ok', value: ok }
  const { code, message, retryable } = (error ?? {}) as Readonly<Record<string, unknown>>
  if (typeof code !== 'string' || code === '' || typeof message !== 'string') {
    return { kind: 'nonsense', reason: `${told(answer)}, neither { ok } nor { error: { code, message } }` }
  }
  return { kind: 'error', code, message, ...(typeof retryable === 'boolean' ? { retryable } : {}) }
}

/** A value for people: as JSON, bytes by their number, cut where it is long. */
export function told(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes: ${Buffer.from(value.subarray(0, 24)).toString('hex')}`
  const plain = (_: string, each: unknown): unknown =>
    typeof each === 'number' && !Number.isFinite(each) ? String(each) : each
  return cut(JSON.stringify(value, plain) ?? String(value))
}

export function cameText(came: Came): string {
  switch (came.kind) {
    case 'ok':
      return `ok ${told(came.value)}`
    case 'error':
      return cut(`error ${came.code}: ${came.message}`)
    case 'nobody':
      return 'no responders: nobody subscribes there'
    case 'silence':
      return `no answer within ${came.ms} ms`
    default:
      return cut(came.reason)
  }
}

const cut = (text: string): string =>
  text.length <= shown ? text : `${text.slice(0, shown)}… (${text.length} characters)`

/** Whether an error says that the bus is away, and nothing about the actor. */
export const isOutage = (error: unknown): boolean =>
  ['BUS_DISCONNECTED', 'BUS_CLOSED', 'BUS_TOO_LARGE'].includes(toProblem(error).code)
