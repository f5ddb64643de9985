/**
 * Accounts and users as nats-server reads them: JWTs signed with nkeys. A tenant is an account; each role has a signing key in it whose
 * template holds the role's permissions (protocol/permissions.ts), so that a new user needs no word to the server.
 */
import { encodeAccount, encodeOperator, encodeUser, newScopedSigner } from '@nats-io/jwt'
import { createAccount, createOperator, createUser, fromSeed, type KeyPair } from '@nats-io/nkeys'
import { ownName, permissionsOf, roleLimits, servedName, roles, type Role } from '../../protocol/index.ts'

/** The limits of one account. */
export interface AccountLimits {
  readonly connections: number
  /** Bytes of the server's disk. -1: as many as there are. */
  readonly diskBytes: number
}

/** Seeds, by what they are for. */
export interface AccountKeys {
  readonly account: string
  /** The signing key of each role; a second one while a rotation is under way. */
  readonly signing: Readonly<Record<Role, readonly string[]>>
}

export interface User {
  readonly jwt: string
  readonly seed: string
  readonly publicKey: string
}

const seedOf = (pair: KeyPair): string => new TextDecoder().decode(pair.getSeed())
const pairOf = (seed: string): KeyPair => fromSeed(new TextEncoder().encode(seed))
export const publicKeyOf = (seed: string): string => pairOf(seed).getPublicKey()

export const newOperator = (): string => seedOf(createOperator())
const newAccount = (): string => seedOf(createAccount())

export function newAccountKeys(): AccountKeys {
  return { account: newAccount(), signing: newSigningKeys() }
}

export function newSigningKeys(before?: AccountKeys['signing']): AccountKeys['signing'] {
  return Object.fromEntries(
    roles.map((role) => [role, [newAccount(), ...(before?.[role] ?? [])]]),
  ) as unknown as AccountKeys['signing']
}

export async function operatorJwt(name: string, operator: string, systemAccount: string): Promise<string> {
  return await encodeOperator(name, pairOf(operator), { system_account: publicKeyOf(systemAccount) })
}

export async function systemAccountJwt(operator: string, account: string): Promise<string> {
  const limits = { conn: 16, subs: -1, data: -1, payload: -1, leaf: 0, imports: 0, exports: 0, wildcards: false }
  return await encodeAccount('SYS', pairOf(account), { limits }, { signer: pairOf(operator) })
}

/** `revoked`: public keys of users, and since when (seconds). */
export async function accountJwt(
  name: string,
  operator: string,
  keys: AccountKeys,
  limits: AccountLimits,
  revoked: Readonly<Record<string, number>>,
): Promise<string> {
  const signing_keys = roles.flatMap((role) =>
    keys.signing[role].map((seed) => newScopedSigner(pairOf(seed), role, templateOf(role))),
  )
  const account = {
    signing_keys,
    revocations: { ...revoked },
    limits: {
      conn: limits.connections,
      subs: -1,
      data: -1,
      payload: -1,
      leaf: 0,
      imports: 0,
      exports: 0,
      wildcards: false,
      disallow_bearer: true,
      mem_storage: 0,
      disk_storage: limits.diskBytes,
      streams: 8,
      consumer: 0,
    },
  }
  return await encodeAccount(name, pairOf(keys.account), account, { signer: pairOf(operator) })
}

/** A role's permissions as nats-server fills them in for each user. */
function templateOf(role: Role) {
  const { publish, subscribe } = permissionsOf(role)
  const { payload, subscriptions } = roleLimits[role]
  const filled = (subjects: readonly string[]): string[] =>
    subjects.map((subject) => subject.replaceAll(ownName, '{{name()}}').replaceAll(servedName, '{{tag(serves)}}'))
  return {
    pub: { allow: filled(publish), deny: [] },
    sub: { allow: filled(subscribe), deny: [] },
    subs: subscriptions,
    payload,
    data: -1,
    bearer_token: false,
    allowed_connection_types: ['STANDARD' as const],
  }
}

export interface NewUser {
  readonly role: Role
  readonly name: string
  /** Seconds since 1970. */
  readonly expires: number
  /** Names of plug-ins that it answers to. */
  readonly serves: readonly string[]
}

export async function newUser(keys: AccountKeys, { role, name, expires, serves }: NewUser): Promise<User> {
  const pair = createUser()
  const [signing = ''] = keys.signing[role]
  const user = {
    issuer_account: publicKeyOf(keys.account),
    tags: [`role:${role}`, ...serves.map((one) => `serves:${one}`)],
  }
  const jwt = await encodeUser(name, pair, pairOf(signing), user, {
    scopedUser: true,
    exp: expires,
  })
  return { jwt, seed: seedOf(pair), publicKey: pair.getPublicKey() }
}

/** A user of the system account, for one word to the server; it ends by itself. */
export async function newSystemUser(account: string, seconds: number): Promise<User> {
  const pair = createUser()
  const exp = Math.floor(Date.now() / 1000) + seconds
  const jwt = await encodeUser('maggy-auth', pair, pairOf(account), {}, { exp })
  return { jwt, seed: seedOf(pair), publicKey: pair.getPublicKey() }
}

export function credentialsText(user: User, runner: User | undefined, authority: string | undefined): string {
  const one = ({ jwt, seed }: User) => [
    '-----BEGIN NATS USER JWT-----',
    jwt,
    '------END NATS USER JWT------',
    '',
    '-----BEGIN USER NKEY SEED-----',
    seed,
    '------END USER NKEY SEED------',
    '',
  ]
  return [...one(user), ...(runner === undefined ? [] : one(runner)), ...(authority === undefined ? [] : [authority])]
    .join('\n')
    .replace(/\n*$/, '\n')
}
