/**
 * Who may do what, made from the conversations (who speaks, who hears) and from who reads and writes what is kept. Permissions of a
 * server, the page for people and the tests all come from here.
 * I1 Nobody may hear what was answered to others, or answer what others were asked (inboxes name both, see `inboxOf`).
 * I2 Whoever can choose bytes that a stream keeps can not read that stream: the reply subject of a read is checked by no server, so
 *    that these bytes could be had delivered on any subject.
 */
import { anyVersion, identityIn, roles, rolesOf, type Conversation, type Role } from './conversation.ts'
import { conversations } from './conversations.ts'
import { buckets, streams, type BucketDefinition, type StreamDefinition } from './streams.ts'

/** Stands for the name in the credentials, in what permissionsOf gives. */
export const ownName = '{name}'
/** Stands for each name that experiments know an optimizer, a pruner or an ablator by, and that the credentials are for. */
export const servedName = '{serves}'

export interface Permissions {
  /** Subjects with wildcards. */
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

export interface RoleLimits {
  /** Bytes of a message. */
  readonly payload: number
  readonly subscriptions: number
}

const mebibyte = 2 ** 20
const many = 100_000

/** What one connection of a role may take of the server. */
export const roleLimits: Readonly<Record<Role, RoleLimits>> = {
  driver: { payload: 8 * mebibyte, subscriptions: many },
  worker: { payload: 2 * mebibyte, subscriptions: 64 },
  runner: { payload: 8 * mebibyte, subscriptions: 1_024 },
  client: { payload: 8 * mebibyte, subscriptions: 1_024 },
  optimizer: { payload: 8 * mebibyte, subscriptions: 4_096 },
  ablator: { payload: 8 * mebibyte, subscriptions: 4_096 },
  board: { payload: mebibyte, subscriptions: many },
}

/** Where a role hears answers. The whole of it: `<inbox>.<role of the answerer>.<its name>.<connection>.<token>`. */
export const inboxOf = (role: string, name: string): string => `_INBOX.${role}.${name}`

/** The subjects of a role, with `{name}` for its own name and `{serves}` for the names that it answers to. */
export function permissionsOf(role: Role): Permissions {
  const own = inboxOf(role, ownName)
  const publish = [`${own}.self.any.>`]
  const subscribe = [`${own}.>`]
  for (const conversation of conversations) {
    if (rolesOf(conversation.speaks).includes(role)) publish.push(subjectsOf(conversation, role, 'speaks'))
    if (!rolesOf(conversation.hears).includes(role)) continue
    subscribe.push(anyVersion(subjectsOf(conversation, role, 'hears')))
    // I1
    if (conversation.kind !== 'call' || rolesOf(conversation.hears)[0] !== role) continue
    publish.push(answersOf(identityIn(conversation.subject, role, 'hears') === undefined ? 'any' : ownName, role))
  }
  for (const { name, reads } of Object.values<StreamDefinition>(streams)) {
    if (reads.includes(role)) publish.push(...readsOf(name))
    if (role === 'driver') publish.push(...makesOf(name), purgesOf(name))
  }
  for (const { bucket, reads, writes } of Object.values<BucketDefinition>(buckets)) {
    const stream = `OBJ_${bucket}`
    if (reads.includes(role)) publish.push(...readsOf(stream))
    if (writes.includes(role)) publish.push(`$O.${bucket}.C.>`, `$O.${bucket}.M.>`)
    if (role === 'driver') publish.push(...makesOf(stream), purgesOf(stream))
  }
  return { publish: unique(publish), subscribe: unique(subscribe) }
}

/** All of them, for a page and for a server's configuration. */
export const allPermissions = (): ReadonlyMap<Role, Permissions> =>
  new Map(roles.map((role) => [role, permissionsOf(role)]))

/** Names in subjects that are those of plug-ins. */
const served: ReadonlySet<string> = new Set(['optimizer', 'pruner', 'ablator'])

const answersOf = (name: string, role: Role): string => `_INBOX.*.*.${role}.${name}.>`

function subjectsOf({ subject }: Conversation, role: Role, as: 'speaks' | 'hears'): string {
  const identity = identityIn(subject, role, as)
  return subject.replace(/\{([a-zA-Z]+)\}/g, (_, name: string) => {
    if (name === identity) return ownName
    return as === 'hears' && served.has(name) ? servedName : '*'
  })
}

const readsOf = (stream: string): string[] => [
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.STREAM.MSG.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}`,
]

const makesOf = (stream: string): string[] => [
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.STREAM.CREATE.${stream}`,
  `$JS.API.STREAM.UPDATE.${stream}`,
]

/** Experiments that are removed leave nothing behind. */
const purgesOf = (stream: string): string => `$JS.API.STREAM.PURGE.${stream}`

const unique = (subjects: readonly string[]): string[] => [...new Set(subjects)].sort()
