/**
 * A conversation is defined once: subject template, payload, reply, who speaks, who hears. Types, validation, the reference
 * and the AsyncAPI file all come from this one definition.
 */
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { decode, encode } from './codec.ts'
import { problem } from './errors.ts'
import { firstFault } from './fault.ts'
import { identityPattern, patternInWords } from './names.ts'

export const version = 'v1'

export const kibibyte = 1024
export const mebibyte = 1024 * kibibyte
/** A message of a few names and numbers. */
export const few = 4 * kibibyte
/** What is as large as the server's own limit allows, and no larger. */
export const whole = 8 * mebibyte
/** An error takes at most so much. */
export const errorBytes = 64 * kibibyte

/** Who takes part. A runner is the process in which user code runs; a board only looks. */
export const roles = ['driver', 'worker', 'runner', 'client', 'optimizer', 'ablator', 'board'] as const
export type Role = (typeof roles)[number]
/** One role, or several. */
export type Roles = Role | readonly [Role, ...Role[]]

interface Base<S extends string, P extends TSchema> {
  readonly name: string
  /** `maggy.v1.worker.{worker}.beat`: the version and the identity of the speaker or of the addressee are in it. */
  readonly subject: S
  readonly payload: P
  /** A payload that is larger is not decoded. */
  readonly maxBytes: number
  readonly speaks: Roles
  /** Of a call, the first is the one that answers; others may listen. */
  readonly hears: Roles
  readonly doc: string
  /** An example that is valid, kept as a golden msgpack vector. */
  readonly example: { readonly params: Params<S>; readonly payload: Static<P>; readonly reply?: unknown }
}

/** Said once, to all that listen. `kept` names the stream that keeps it. */
export interface Message<S extends string = string, P extends TSchema = TSchema> extends Base<S, P> {
  readonly kind: 'message'
  readonly kept?: 'log' | 'telemetry' | 'artifacts'
}

/** Asked, and answered by exactly one. */
export interface Call<S extends string = string, P extends TSchema = TSchema, R extends TSchema = TSchema> extends Base<
  S,
  P
> {
  readonly kind: 'call'
  readonly reply: R
  /** An answer that is larger is not decoded. Errors take `errorBytes` at most. */
  readonly maxReplyBytes: number
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

const token = new RegExp(identityPattern)

/** What is said on: no wildcard. Throws MESSAGE_INVALID for a value that is no subject token. */
export function subjectTo<S extends string>(conversation: { readonly subject: S }, params: Params<S>): string {
  for (const [name, value] of Object.entries<string>(params))
    if (value === '*') throw noToken(conversation, name, value)
  return subjectFor(conversation, params)
}

export const rolesOf = (of: Roles): readonly Role[] => (typeof of === 'string' ? [of] : of)

/**
 * The name in a role's credentials is its identity on the bus: these names in subject templates stand for it. Drivers and clients
 * are told apart by what they say, not by their subjects.
 */
const identities: Partial<Record<Role, readonly string[]>> = {
  worker: ['worker'],
  runner: ['worker'],
  optimizer: ['instance', 'actor'],
  ablator: ['instance', 'actor'],
}

/** In calls between runners the speaker is named, and by this the addressee. */
const addressee = 'member'

/** Calls are addressed to who is named in them; in all else, and in calls that a worker makes, who is named speaks. */
const isAddressed = (subject: string): boolean => subject.startsWith(`maggy.${version}.call.`)

/** The name in the subject template that is the identity of that role as speaker or as hearer; undefined: it is free to choose. */
export function identityIn(subject: string, role: Role, as: 'speaks' | 'hears'): string | undefined {
  // A worker and its runners hear each other, under the name that they share; and workers that have one by mistake.
  const isOwn = (role === 'worker' || role === 'runner') && /\.(runner|namesake)\b/.test(subject)
  const hearsItsOwn = isOwn && as === 'hears'
  if (as === 'hears' && subject.includes(`{${addressee}}`)) return role === 'runner' ? addressee : undefined
  if (isAddressed(subject) !== (as === 'hears') && !hearsItsOwn) return undefined
  return identities[role]?.find((name) => subject.includes(`{${name}}`))
}

/** Who may answer a call, as reply subjects name it: `<role>.<name>`. */
export function answererOf(
  { subject, hears }: Pick<Call, 'subject' | 'hears'>,
  params: Readonly<Record<string, string>>,
): string {
  const [role = 'driver'] = rolesOf(hears)
  const name = identityIn(subject, role, 'hears')
  return `${role}.${(name === undefined ? undefined : params[name]) ?? 'any'}`
}

/** The concrete subject. A listener may give `*` as a wildcard. Throws MESSAGE_INVALID for a value that is no subject token. */
export function subjectFor<S extends string>(conversation: { readonly subject: S }, params: Params<S>): string {
  const values = params as Readonly<Record<string, string>>
  return conversation.subject.replace(/\{([a-zA-Z]+)\}/g, (_, name: string) => {
    const value = values[name]
    if (value !== undefined && (value === '*' || token.test(value))) return value
    throw noToken(conversation, name, value)
  })
}

function noToken({ subject }: { readonly subject: string }, path: string, value: string | undefined) {
  const reason = `is ${JSON.stringify(value)}; ${patternInWords(identityPattern)}`
  return problem('MESSAGE_INVALID', { subject, path, reason })
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
  const { path, reason } = firstFault(schema, value) ?? { path: '', reason: 'does not fit the schema' }
  throw problem('MESSAGE_INVALID', { subject, path: path || '/', reason })
}

/** The parts of a conversation that say what a payload may be. */
type Limited<P extends TSchema> = { readonly payload: P; readonly maxBytes: number }

/** Throws MESSAGE_INVALID, or MESSAGE_TOO_LARGE for what nobody would decode. */
export function encodePayload<P extends TSchema>(
  { payload, maxBytes }: Limited<P>,
  value: Static<P>,
  subject: string,
): Uint8Array {
  return within(maxBytes, encode(check(payload, value, subject), subject), subject)
}

/** Throws MESSAGE_TOO_LARGE before it is decoded, MESSAGE_MALFORMED, or MESSAGE_INVALID. */
export function decodePayload<P extends TSchema>(
  { payload, maxBytes }: Limited<P>,
  data: Uint8Array,
  subject: string,
): Static<P> {
  return check(payload, decode(within(maxBytes, data, subject), subject), subject)
}

/** Throws MESSAGE_TOO_LARGE. */
export function within(limit: number, data: Uint8Array, subject: string): Uint8Array {
  if (data.length > limit) throw problem('MESSAGE_TOO_LARGE', { subject, bytes: data.length, limit })
  return data
}
