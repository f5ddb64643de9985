/**
 * A conversation is defined once: subject template, payload, reply, who speaks, who hears. Types, validation, the reference
 * and the AsyncAPI file all come from this one definition.
 */
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { decode, encode } from './codec.ts'
import { problem } from './errors.ts'

export const version = 'v1'

/** `actor`: any of them that is no client. */
export type Role = 'client' | 'driver' | 'optimizer' | 'ablator' | 'worker' | 'runner' | 'actor'

interface Base<S extends string, P extends TSchema> {
  readonly name: string
  /** `maggy.v1.worker.{worker}.beat`: the version and the identity of the speaker or of the addressee are in it. */
  readonly subject: S
  readonly payload: P
  readonly speaks: Role
  readonly hears: Role
  readonly doc: string
  /** An example that is valid, kept as a golden msgpack vector. */
  readonly example: { readonly params: Params<S>; readonly payload: Static<P>; readonly reply?: unknown }
}

/** Said once, to all that listen. `kept` names the stream that keeps it. */
export interface Message<S extends string = string, P extends TSchema = TSchema> extends Base<S, P> {
  readonly kind: 'message'
  readonly kept?: 'log' | 'telemetry'
}

/** Asked, and answered by exactly one. */
export interface Call<S extends string = string, P extends TSchema = TSchema, R extends TSchema = TSchema> extends Base<
  S,
  P
> {
  readonly kind: 'call'
  readonly reply: R
  /** The processes that hear it form this queue group: one of them answers. */
  readonly queue?: string
}

export type Conversation = Message | Call

type Names<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never
/** The values for the names in a subject template. */
export type Params<S extends string> = { readonly [K in Names<S>]: string }
export type PayloadOf<C extends { payload: TSchema }> = Static<C['payload']>
export type ReplyOf<C extends { reply: TSchema }> = Static<C['reply']>
export type ParamsOf<C extends { subject: string }> = Params<C['subject']>

export function message<S extends string, P extends TSchema>(definition: Omit<Message<S, P>, 'kind'>): Message<S, P> {
  return { kind: 'message', ...definition }
}

export function call<S extends string, P extends TSchema, R extends TSchema>(
  definition: Omit<Call<S, P, R>, 'kind'>,
): Call<S, P, R> {
  return { kind: 'call', ...definition }
}

const token = /^[A-Za-z0-9_-]{1,128}$/

/** The concrete subject. A listener may give `*` as a wildcard. Throws MESSAGE_INVALID for a value that is no subject token. */
export function subjectFor<S extends string>(conversation: { readonly subject: S }, params: Params<S>): string {
  const values = params as Readonly<Record<string, string>>
  return conversation.subject.replace(/\{([a-zA-Z]+)\}/g, (_, name: string) => {
    const value = values[name]
    if (value !== undefined && (value === '*' || token.test(value))) return value
    const reason = `is ${JSON.stringify(value)}; letters, digits, - and _ only, at most 128`
    throw problem('MESSAGE_INVALID', { subject: conversation.subject, path: name, reason })
  })
}

/** The inverse of subjectFor, or undefined if the subject does not fit the template. */
export function paramsFrom<S extends string>(
  conversation: { readonly subject: S },
  subject: string,
): Params<S> | undefined {
  const wanted = conversation.subject.split('.')
  const given = subject.split('.')
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? ''
    if (part.startsWith('{')) params[part.slice(1, -1)] = value
    else if (part !== value) return undefined
  }
  return params as Params<S>
}

/** The same subject in any major version, to answer a peer of another one instead of leaving it without a word. */
export function anyVersion(subject: string): string {
  return subject.replace(/^maggy\.v\d+\./, 'maggy.*.')
}

const validators = new WeakMap<TSchema, ReturnType<typeof Compile>>()

/** Checks a value against a schema; throws MESSAGE_INVALID naming the first fault's path. */
export function check<P extends TSchema>(schema: P, value: unknown, subject: string): Static<P> {
  let validator = validators.get(schema)
  if (validator === undefined) {
    validator = Compile(schema)
    validators.set(schema, validator)
  }
  if (validator.Check(value)) return value as Static<P>
  const fault = validator.Errors(value)[0]
  throw problem('MESSAGE_INVALID', {
    subject,
    path: fault?.instancePath || '/',
    reason: fault?.message ?? 'does not fit the schema',
  })
}

export function encodePayload<P extends TSchema>(schema: P, value: Static<P>, subject: string): Uint8Array {
  return encode(check(schema, value, subject), subject)
}

export function decodePayload<P extends TSchema>(schema: P, data: Uint8Array, subject: string): Static<P> {
  return check(schema, decode(data, subject), subject)
}
