/**
 * The folder of an authority: keys, the state of its tenants, credentials, and what the server needs.
 * I1 The folder is the owner's alone (0700), every file in it 0600. Only `server/` is for the host of the server.
 * I2 A file is replaced as a whole; the state is written before anything that follows from it leaves the folder.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { check, problem, roles, type Role } from '../../protocol/index.ts'
import { Type, type Static } from 'typebox'
import { makeAuthority, makeServerCertificate } from './certificates.ts'
import {
  accountJwt,
  credentialsText,
  newAccountKeys,
  newOperator,
  newSigningKeys,
  newUser,
  operatorJwt,
  publicKeyOf,
  systemAccountJwt,
  type AccountKeys,
  type AccountLimits,
} from './identities.ts'
import { expandServed, servedNames } from './served.ts'
import { serverConfiguration } from '../server/index.ts'

const Seeds = Type.Array(Type.String(), { minItems: 1, maxItems: 2 })
const UserState = Type.Object({
  role: Type.Unsafe<Role>(Type.Enum([...roles])),
  /** Of the user, and of a worker's runners. */
  publicKeys: Type.Array(Type.String()),
  /** Seconds since 1970. */
  expires: Type.Union([Type.Integer(), Type.Null()]),
  /** Names of plug-ins that it answers to. Left out: those that it has without a word (served.ts). */
  serves: Type.Optional(Type.Array(Type.String())),
})
const TenantState = Type.Object({
  account: Type.String(),
  signing: Type.Record(Type.String(), Seeds),
  users: Type.Record(Type.String(), UserState),
  /** Public keys of users whose credentials are no longer taken, and since when. */
  revoked: Type.Record(Type.String(), Type.Integer()),
  connections: Type.Integer(),
  diskBytes: Type.Integer(),
})
const State = Type.Object({
  version: Type.Literal(1),
  name: Type.String(),
  serverName: Type.String(),
  operator: Type.String(),
  system: Type.String(),
  tenants: Type.Record(Type.String(), TenantState),
})
type State = Static<typeof State>
type TenantState = Static<typeof TenantState>

interface InitOptions {
  /** Names and addresses by which clients reach the server, beside this host's. */
  readonly hosts: readonly string[]
  readonly port: number
  /** How long the certificates are valid. */
  readonly days: number
}

export interface UserOptions {
  readonly tenant: string
  readonly days: number
  /** Of an optimizer or an ablator: the names that it answers to. Default: its own, and those of the built-ins. */
  readonly serves?: readonly string[] | undefined
}

const namePattern = /^[A-Za-z0-9_-]{1,64}$/
const daySeconds = 86_400
export const mainTenant = 'main'
const defaultLimits = { connections: 4_096, diskBytes: -1 }

export class Authority {
  readonly folder: string
  readonly #state: State

  private constructor(folder: string, state: State) {
    this.folder = folder
    this.#state = state
  }

  /** Makes an authority in a folder that has none. */
  static async init(folder: string, { hosts, port, days }: InitOptions): Promise<Authority> {
    if (existsSync(join(folder, stateFile)))
      throw problem('AUTHORITY_INVALID', { folder, reason: 'there is one already' })
    const serverName = `maggy-${randomBytes(4).toString('hex')}`
    const state: State = {
      version: 1,
      name: 'maggy',
      serverName,
      operator: newOperator(),
      system: newAccountKeys().account,
      tenants: {},
    }
    for (const part of ['', 'creds', 'tls', 'server', 'server/jwt']) {
      await mkdir(join(folder, part), { recursive: true, mode: 0o700 })
      await chmod(join(folder, part), 0o700)
    }
    const authority = new Authority(folder, state)
    const own = await makeAuthority(`maggy authority ${serverName}`, days)
    const names = [...new Set([...hosts, hostname(), 'localhost', '127.0.0.1', '::1'])]
    const server = await makeServerCertificate(own, names, days)
    await authority.#write('tls/ca.key', own.key)
    await authority.#write('tls/ca.pem', own.certificate)
    await authority.#write('server/server.key', server.key)
    await authority.#write('server/server.pem', server.certificate)
    await authority.#write('server/ca.pem', own.certificate)
    const operator = await operatorJwt(state.name, state.operator, state.system)
    const system = publicKeyOf(state.system)
    await authority.#write(`server/jwt/${system}.jwt`, await systemAccountJwt(state.operator, state.system))
    const settings = { serverName, operatorJwt: operator, systemAccount: system }
    await authority.#write('server/settings.json', `${JSON.stringify(settings, null, 2)}\n`)
    await authority.#write('server/nats-server.conf', serverConfiguration(settings, port))
    await authority.addTenant(mainTenant)
    return authority
  }

  static async open(folder: string): Promise<Authority> {
    let text: string
    try {
      text = await readFile(join(folder, stateFile), 'utf8')
    } catch (error) {
      throw problem('AUTHORITY_INVALID', { folder, reason: 'there is none' }, { cause: error })
    }
    try {
      return new Authority(folder, check(State, JSON.parse(text), stateFile))
    } catch (error) {
      throw problem('AUTHORITY_INVALID', { folder, reason: `${stateFile} cannot be read` }, { cause: error })
    }
  }

  get tenants(): readonly string[] {
    return Object.keys(this.#state.tenants)
  }

  /** Names of users that are not revoked, with their roles. */
  users(tenant: string): ReadonlyMap<string, Role> {
    return new Map(Object.entries(this.#tenant(tenant).users).map(([name, { role }]) => [name, role]))
  }

  /** The seed of the system account: for a word to the server. */
  get systemAccount(): string {
    return this.#state.system
  }

  /** The certificate of the authority that signed the server's, as PEM. */
  async certificate(): Promise<string> {
    return await readFile(join(this.folder, 'tls', 'ca.pem'), 'utf8')
  }

  async addTenant(name: string, limits: Partial<AccountLimits> = {}): Promise<void> {
    requireName(name)
    if (Object.hasOwn(this.#state.tenants, name)) throw this.#invalid(`there is a tenant ${name} already`)
    this.#state.tenants[name] = {
      ...newAccountKeys(),
      users: {},
      revoked: {},
      ...defaultLimits,
      ...limits,
    } as unknown as TenantState
    await this.#save()
    await this.#writeAccount(name)
  }

  /** From now on the tenant has these limits; those left out stay. Gives all of them. */
  async limit(tenant: string, limits: Partial<AccountLimits>): Promise<AccountLimits> {
    const state = this.#tenant(tenant)
    Object.assign(state, limits)
    await this.#save()
    await this.#writeAccount(tenant)
    const { connections, diskBytes } = state
    return { connections, diskBytes }
  }

  /** Makes credentials; those that the name had before are no longer taken. Gives the file. */
  async addUser(role: Role, name: string, { tenant, days, serves }: UserOptions): Promise<string> {
    requireName(name)
    const state = this.#tenant(tenant)
    const before = state.users[name]
    if (before !== undefined && before.role !== role) throw this.#invalid(`${name} is a ${before.role} already`)
    const made = await this.mint(role, name, { tenant, days, serves })
    if (before !== undefined) this.#revokeKeys(state, before.publicKeys)
    const served = serves === undefined ? {} : { serves: [...serves] }
    state.users[name] = { role, publicKeys: [...made.publicKeys], expires: made.expires, ...served }
    await this.#save()
    if (before !== undefined) await this.#writeAccount(tenant)
    const file = this.credentialsFile(role, name, tenant)
    await mkdir(join(this.folder, 'creds', tenant), { recursive: true, mode: 0o700 })
    await this.#write(file, made.text)
    return join(this.folder, file)
  }

  /** Credentials that nobody remembers: they end by themselves. */
  async mint(role: Role, name: string, { tenant, days, serves: given }: UserOptions) {
    const keys = this.#keys(tenant)
    const expires = Math.floor(Date.now() / 1000 + days * daySeconds)
    const serves = expandServed(role, servedNames(role, name, given))
    const user = await newUser(keys, { role, name, expires, serves })
    const runner = role === 'worker' ? await newUser(keys, { role: 'runner', name, expires, serves: [] }) : undefined
    const text = credentialsText(user, runner, await this.certificate())
    const publicKeys = [user.publicKey, ...(runner === undefined ? [] : [runner.publicKey])]
    return { text, publicKeys, expires }
  }

  credentialsFile(role: Role, name: string, tenant: string): string {
    return join('creds', tenant, `${role}-${name}.creds`)
  }

  async revoke(name: string, tenant: string): Promise<void> {
    const state = this.#tenant(tenant)
    const user = state.users[name]
    if (user === undefined) throw this.#invalid(`tenant ${tenant} has no ${name}`)
    this.#revokeKeys(state, user.publicKeys)
    delete state.users[name]
    await this.#save()
    await this.#writeAccount(tenant)
  }

  /** New signing keys and new credentials for all; the old ones are taken as well until `finishRotation`. Gives the files. */
  async rotate(tenant: string, days: number): Promise<string[]> {
    const state = this.#tenant(tenant)
    const newest = Object.fromEntries(Object.entries(state.signing).map(([role, [seed = '']]) => [role, [seed]]))
    Object.assign(state, { signing: newSigningKeys(newest as unknown as AccountKeys['signing']) })
    const files: string[] = []
    for (const [name, user] of Object.entries(state.users)) {
      const made = await this.mint(user.role, name, { tenant, days, serves: user.serves })
      state.users[name] = { ...user, publicKeys: [...made.publicKeys], expires: made.expires }
      const file = this.credentialsFile(user.role, name, tenant)
      await this.#write(file, made.text)
      files.push(join(this.folder, file))
    }
    await this.#save()
    await this.#writeAccount(tenant)
    return files
  }

  /** From now on only what the last rotation made is taken. */
  async finishRotation(tenant: string): Promise<void> {
    const state = this.#tenant(tenant)
    const newest = Object.entries(state.signing).map(([role, [seed = '']]) => [role, [seed]])
    Object.assign(state, { signing: Object.fromEntries(newest) as unknown })
    await this.#save()
    await this.#writeAccount(tenant)
  }

  /** The JWT of a tenant's account, as the server is to know it. */
  async account(tenant: string): Promise<string> {
    const { revoked, connections, diskBytes } = this.#tenant(tenant)
    return await accountJwt(tenant, this.#state.operator, this.#keys(tenant), { connections, diskBytes }, revoked)
  }

  #tenant(name: string): TenantState {
    const found = Object.hasOwn(this.#state.tenants, name) ? this.#state.tenants[name] : undefined
    if (found === undefined) throw this.#invalid(`there is no tenant ${name}; there are ${this.tenants.join(', ')}`)
    return found
  }

  #keys(tenant: string): AccountKeys {
    const { account, signing } = this.#tenant(tenant)
    return { account, signing: signing as unknown as AccountKeys['signing'] }
  }

  #revokeKeys(state: TenantState, publicKeys: readonly string[]): void {
    const now = Math.floor(Date.now() / 1000) + 1
    for (const key of publicKeys) state.revoked[key] = now
  }

  async #writeAccount(tenant: string): Promise<void> {
    await this.#write(`server/jwt/${publicKeyOf(this.#tenant(tenant).account)}.jwt`, await this.account(tenant))
  }

  async #save(): Promise<void> {
    await this.#write(stateFile, `${JSON.stringify(this.#state, null, 2)}\n`)
  }

  async #write(file: string, text: string): Promise<void> {
    const path = join(this.folder, file)
    const fresh = `${path}.${randomBytes(4).toString('hex')}.new`
    await writeFile(fresh, text, { mode: 0o600 })
    await rename(fresh, path)
  }

  #invalid(reason: string): Error {
    return problem('AUTHORITY_INVALID', { folder: this.folder, reason })
  }
}

const stateFile = 'authority.json'

function requireName(name: string): void {
  if (namePattern.test(name)) return
  const reason = `is ${JSON.stringify(name)}; letters, digits, - and _ only, at most 64`
  throw problem('OPTION_INVALID', { option: 'NAME', reason })
}
