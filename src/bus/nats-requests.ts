/**
 * Requests and their answers on one connection.
 * I1 A reply subject says who may answer: `_INBOX.<role>.<name>.<role of the answerer>.<its name>.<connection>.<token>`. Permissions let
 *    each role answer what was asked of it, and hear what was answered to it, and nothing else.
 * I2 The token is drawn from the system's randomness: those who heard earlier requests cannot tell the next one's reply subject.
 * I3 No answer is said to be missing that lies unread on the connection: a process that is late has timers that are early.
 */
import { randomBytes } from 'node:crypto'
import { problem, type MaggyError } from '../../protocol/index.ts'
import type { Msg } from './nats-client.ts'

export interface Requests {
  /** A reply subject of one's own for a request. `answeredBy`: `<role>.<name>`. */
  replySubject(answeredBy: string): string
  /** The next message on this reply subject. Rejects with BUS_TIMEOUT or BUS_NO_RESPONDERS. */
  answer(reply: string, subject: string, timeoutMs: number): Promise<Msg>
  /** A message on the subject that covers all replies. */
  hear(message: Msg): void
  /** The subject that covers them. */
  readonly covering: string
  /** Nothing more is waited for on this reply subject. */
  forget(reply: string): void
  /** The server does not let this connection publish on that subject: what was asked there fails with BUS_FORBIDDEN. */
  refused(subject: string): void
  /** Hears each message on a reply subject until it is forgotten. */
  listen(reply: string, callback: (message: Msg) => void): void
}

const tokenBytes = 12
const pooledTokens = 256
/** The status of a message by which the server says that nobody listens. */
const noResponders = 503

/** At most so long is waited for what lies on the connection; a server that hangs says nothing. */
const catchUpMs = 1000

/** `inbox`: `_INBOX.<role>.<name>`. `caughtUp`: settles when all that the server had sent by now has been heard. */
export function createRequests(inbox: string, caughtUp: () => Promise<void>): Requests {
  const connection = randomBytes(tokenBytes).toString('base64url')
  const listeners = new Map<string, (message: Msg) => void>()
  const asked = new Map<string, { readonly subject: string; readonly fail: (error: MaggyError) => void }>()
  let pool = Buffer.alloc(0)

  const token = (): string => {
    if (pool.length < tokenBytes) pool = randomBytes(tokenBytes * pooledTokens)
    const taken = pool.toString('base64url', 0, tokenBytes)
    pool = pool.subarray(tokenBytes)
    return taken
  }
  const keyOf = (reply: string): string => reply.slice(reply.lastIndexOf('.') + 1)

  return {
    covering: `${inbox}.*.*.${connection}.*`,
    replySubject: (answeredBy) => `${inbox}.${answeredBy}.${connection}.${token()}`,
    hear: (message) => listeners.get(keyOf(message.subject))?.(message),
    forget: (reply) => {
      const key = keyOf(reply)
      listeners.delete(key)
      asked.get(key)?.fail(problem('BUS_CLOSED', {}))
    },
    refused: (subject) => {
      for (const question of asked.values())
        if (question.subject === subject) question.fail(problem('BUS_FORBIDDEN', { subject }))
    },
    listen: (reply, callback) => void listeners.set(keyOf(reply), callback),
    answer: (reply, subject, timeoutMs) =>
      new Promise((resolve, reject) => {
        const key = keyOf(reply)
        const settle = (): void => {
          listeners.delete(key)
          asked.delete(key)
          clearTimeout(timer)
        }
        const fail = (error: MaggyError): void => {
          settle()
          reject(error)
        }
        let timer = setTimeout(() => {
          const giveUp = (): void => {
            if (asked.has(key)) fail(problem('BUS_TIMEOUT', { subject, ms: timeoutMs }))
          }
          timer = setTimeout(giveUp, catchUpMs)
          // I3. What cannot be caught up with is a connection that is gone: its requests fail for that reason.
          caughtUp().then(giveUp, () => {})
        }, timeoutMs)
        asked.set(key, { subject, fail })
        listeners.set(key, (message) => {
          if (message.headers?.code === noResponders && message.data.length === 0)
            return fail(problem('BUS_NO_RESPONDERS', { subject }))
          settle()
          resolve(message)
        })
      }),
  }
}
