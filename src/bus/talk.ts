/**
 * Conversations over the bus: encoded, checked on both sides, answered with a code when something is wrong.
 * A reply is one msgpack map, `{ ok: … }` or `{ error: { code, message, remedy, retryable } }`.
 * I1 No message can end a process: one that cannot be taken is answered with an error, or counted and dropped.
 */
import { Type, type TSchema } from 'typebox'
import {
  answererOf,
  anyVersion,
  check,
  codeOf,
  decode,
  decodePayload,
  encode,
  encodePayload,
  paramsFrom,
  errorBytes,
  isProblem,
  MaggyError,
  problem,
  ProblemSchema,
  RemoteError,
  subjectFor,
  subjectTo,
  toProblem,
  toTold,
  version,
  within,
  type Call,
  type Message,
  type ParamsOf,
  type PayloadOf,
  type Problem,
  type ReplyOf,
} from '../../protocol/index.ts'
import type { Bus, Delivery, RequestOptions, Subscription } from './bus.ts'

const Answer = Type.Union([Type.Object({ ok: Type.Unknown() }), Type.Object({ error: ProblemSchema })])

/** Called with every message that was dropped, and why. */
export type OnDropped = (subject: string, reason: Problem) => void

/** Says a message. 'void' while there is no connection. */
export function tell<M extends Message>(
  bus: Bus,
  message: M,
  params: ParamsOf<M>,
  payload: PayloadOf<M>,
): 'sent' | 'void' {
  const subject = subjectTo(message, params)
  return bus.publish(subject, encodePayload<TSchema>(message, payload, subject))
}

/** Asks, and resolves with the checked reply. Rejects with the bus's codes, or with a RemoteError that carries the peer's. */
export async function ask<C extends Call>(
  bus: Bus,
  call: C,
  params: ParamsOf<C>,
  payload: PayloadOf<C>,
  options: { timeoutMs: number },
): Promise<ReplyOf<C>> {
  const subject = subjectTo(call, params)
  const encoded = encodePayload<TSchema>(call, payload, subject)
  return await askEncoded(bus, call, subject, encoded, { ...options, answeredBy: answererOf(call, params) })
}

/** The same with a payload that is laid out already; the reply is checked, the payload is not. */
export async function askEncoded<C extends Call>(
  bus: Bus,
  call: C,
  subject: string,
  payload: Uint8Array,
  options: RequestOptions,
): Promise<ReplyOf<C>> {
  const data = await bus.request(subject, payload, options)
  return blamingAnswer(subject, () => {
    // Before it is decoded: whoever answers may be anybody.
    within(Math.max(call.maxReplyBytes, errorBytes), data, subject)
    const answer = check(Answer, decode(data, subject), subject)
    if ('error' in answer) throw new RemoteError(answer.error)
    return check(call.reply, answer.ok, subject) as ReplyOf<C>
  })
}

/** A wrong answer is the fault of the actor that gave it, not of the one that asked: ANSWER_INVALID. */
function blamingAnswer<T>(subject: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!isProblem(error, 'MESSAGE_INVALID', 'MESSAGE_MALFORMED', 'MESSAGE_TOO_LARGE')) throw error
    const { path, reason, bytes, limit } = error.details
    const said =
      bytes === undefined
        ? [path, reason].filter((part) => part !== undefined).join(' ')
        : `${bytes} bytes; ${limit} are the most`
    throw problem('ANSWER_INVALID', { subject, reason: said })
  }
}

/** A reply that is laid out already, for many who ask for the same: it is sent as it is, without a copy, and never changed. */
export class LaidOut {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** Checks a reply and lays it out, once for all who will ask for it. */
export function laidOut<C extends Call>(call: C, reply: ReplyOf<C>): LaidOut {
  // A copy of its own size: what was encoded lies in a larger buffer.
  return new LaidOut(new Uint8Array(replyOf(call, reply, call.subject)))
}

/**
 * Answers a call; `params` may hold `*`. An error that the handler throws becomes the reply. `notValid` is given a payload that is not valid,
 * as it came, if it could be decoded at all: it may make a reply of it, or throw the fault.
 */
export function answer<C extends Call>(
  bus: Bus,
  call: C,
  params: ParamsOf<C>,
  handler: (payload: PayloadOf<C>, params: ParamsOf<C>) => ReplyOf<C> | LaidOut | Promise<ReplyOf<C> | LaidOut>,
  options: {
    queue?: string
    onDropped?: OnDropped
    notValid?: (value: unknown, params: ParamsOf<C>, fault: MaggyError) => Promise<ReplyOf<C>>
  } = {},
): Subscription {
  const reply = (data: Uint8Array, subject: string, actual: ParamsOf<C>) => {
    const value = decode(within(call.maxBytes, data, subject), subject)
    let payload: PayloadOf<C>
    try {
      payload = check(call.payload, value, subject) as PayloadOf<C>
    } catch (error) {
      if (options.notValid === undefined || !isProblem(error)) throw error
      return options.notValid(value, actual, error)
    }
    return handler(payload, actual)
  }
  const respond = async (delivery: Delivery): Promise<void> => {
    const { subject } = delivery
    try {
      const given = reply(delivery.data, subject, paramsOrRefusal(call, subject))
      // A result that is there at once is sent at once: then it goes in one write with messages that the handler sent.
      const ready = given instanceof Promise ? await given : given
      if (!delivery.wantsReply) return
      if (ready instanceof LaidOut) delivery.respond(ready.bytes, { lend: true })
      else delivery.respond(replyOf(call, ready, subject))
    } catch (error) {
      const fault = toTold(error)
      if (delivery.wantsReply) delivery.respond(encode({ error: fault }, subject))
      else options.onDropped?.(subject, fault)
      const unforeseen = unforeseenIn(error)
      // Who asked is told what it was, and this process's log where.
      if (unforeseen !== undefined) throw unforeseen
    }
  }
  return bus.subscribe(anyVersion(subjectFor(call, params)), respond, options.queue ? { queue: options.queue } : {})
}

/** What code threw that did not mean to: it has a stack to be looked at. Of what a plug-in threw the problem names only the text. */
function unforeseenIn(error: unknown): Error | undefined {
  const isPlugin = error instanceof MaggyError && error.code.endsWith('_MISBEHAVED')
  const thrown = isPlugin ? error.cause : error
  return thrown instanceof Error && codeOf(thrown) === undefined ? thrown : undefined
}

/** Hears a message; `params` may hold `*`. A message that is not valid, or of another version, is dropped and counted. */
export function hear<M extends Message>(
  bus: Bus,
  message: M,
  params: ParamsOf<M>,
  handler: (payload: PayloadOf<M>, params: ParamsOf<M>) => void,
  options: { onDropped?: OnDropped } = {},
): Subscription {
  return bus.subscribe(anyVersion(subjectFor(message, params)), (delivery) => {
    const { subject } = delivery
    let payload: PayloadOf<M>
    let actual: ParamsOf<M>
    try {
      actual = paramsOrRefusal(message, subject)
      payload = decodePayload(message, delivery.data, subject) as PayloadOf<M>
    } catch (error) {
      options.onDropped?.(subject, toProblem(error))
      return
    }
    handler(payload, actual)
  })
}

function replyOf(call: Call, reply: unknown, subject: string): Uint8Array {
  return blamingAnswer(subject, () =>
    within(call.maxReplyBytes, encode({ ok: check(call.reply, reply, subject) }, subject), subject),
  )
}

function paramsOrRefusal<C extends { readonly subject: string }>(conversation: C, subject: string): ParamsOf<C> {
  const params = paramsFrom(conversation, subject)
  if (params === undefined) throw problem('VERSION_UNSUPPORTED', { subject, supported: version })
  return params as ParamsOf<C>
}
