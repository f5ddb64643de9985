/** `maggy auth`: the authority over a bus. What is secret goes into files of the owner's alone, and never to the screen. */
import { join } from 'node:path'
import { problem, type Role } from '../../protocol/index.ts'
import { Authority, checkServer, pushAccounts, type Finding } from '../auth/index.ts'
import { exitCodes } from '../actor/index.ts'
import { bytesText } from '../words/index.ts'
import { table } from './plain-table.ts'
import { printJson } from './watch.ts'

export interface InitFlags {
  readonly host: readonly string[]
  readonly port: number
  readonly days: number
}

export interface AuthFlags {
  readonly dir?: string
  readonly tenant: string
  readonly server?: string
  readonly days?: number
  readonly serves?: readonly string[]
  readonly connections?: number
  /** In bytes; -1: no limit. */
  readonly store?: number
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const defaultDays = 90

const folderOf = ({ dir }: AuthFlags): string => dir ?? process.env['MAGGY_AUTHORITY'] ?? 'maggy-authority'

export async function initCommand(folder: string, { host, port, days }: InitFlags): Promise<number> {
  await Authority.init(folder, { hosts: host, port, days })
  say(
    `made an authority in ${folder}; keep the folder to yourself, and give the server's host only ${join(folder, 'server')}`,
  )
  say(
    `the server: maggy server --auth ${join(folder, 'server')}${host.length > 0 ? ' --host 0.0.0.0' : ''} --port ${port}`,
  )
  say(`then credentials, e.g. maggy auth add-driver d1 --dir ${folder}`)
  return exitCodes.done
}

export async function addCommand(role: Role, name: string, flags: AuthFlags): Promise<number> {
  const authority = await Authority.open(folderOf(flags))
  const again = authority.users(flags.tenant).has(name)
  const { tenant, days = defaultDays, serves } = flags
  const file = await authority.addUser(role, name, { tenant, days, serves })
  // A new one needs no word to the server; that its old credentials are void does.
  if (again) await tell(authority, flags, [flags.tenant])
  say(`made ${file}: maggy ${role === 'client' || role === 'board' ? 'run …' : role} --creds ${file}`)
  return exitCodes.done
}

export async function tenantCommand(name: string, flags: AuthFlags): Promise<number> {
  const authority = await Authority.open(folderOf(flags))
  await authority.addTenant(name, limitsOf(flags))
  await tell(authority, flags, [name])
  say(`made tenant ${name}: maggy auth add-driver NAME --tenant ${name}`)
  return exitCodes.done
}

export async function limitCommand(tenant: string, flags: AuthFlags): Promise<number> {
  const authority = await Authority.open(folderOf(flags))
  const limits = limitsOf(flags)
  const { connections, diskBytes } = await authority.limit(tenant, limits)
  if (Object.keys(limits).length > 0) await tell(authority, flags, [tenant])
  say(
    `${tenant}: ${connections} connections, ${diskBytes === -1 ? 'all the room that there is' : bytesText(diskBytes)}`,
  )
  return exitCodes.done
}

const limitsOf = ({ connections, store }: AuthFlags) => ({
  ...(connections === undefined ? {} : { connections }),
  ...(store === undefined ? {} : { diskBytes: store }),
})

export async function revokeCommand(name: string, flags: AuthFlags): Promise<number> {
  const authority = await Authority.open(folderOf(flags))
  await authority.revoke(name, flags.tenant)
  await tell(authority, flags, [flags.tenant])
  say(`${name} is revoked`)
  return exitCodes.done
}

export async function rotateCommand(flags: AuthFlags & { readonly finish?: boolean }): Promise<number> {
  const authority = await Authority.open(folderOf(flags))
  if (flags.finish === true) {
    await authority.finishRotation(flags.tenant)
    await tell(authority, flags, [flags.tenant])
    say('what was made before the last rotation is no longer taken')
    return exitCodes.done
  }
  const files = await authority.rotate(flags.tenant, flags.days ?? defaultDays)
  await tell(authority, flags, [flags.tenant])
  for (const file of files) say(`made ${file}`)
  say('bring these to where they are used, and then: maggy auth rotate --finish')
  return exitCodes.done
}

/** Prints the matrix of roles and actions, tried on a server. Returns 1 where it is not as it should be. */
export async function checkCommand(flags: AuthFlags & { readonly json?: boolean }): Promise<number> {
  const authority = await Authority.open(folderOf(flags))
  const findings = await checkServer(authority, flags.tenant, { server: serverOf(flags) })
  const wrong = findings.filter(({ isAllowed, mayBe }) => isAllowed !== mayBe)
  if (flags.json === true) for (const finding of findings) printJson('finding', finding)
  else {
    const row = ({ role, action, subject, isAllowed, mayBe }: Finding): string[] => [
      role,
      action,
      `${isAllowed ? 'allowed' : 'refused'}${isAllowed === mayBe ? '' : '  WRONG'}`,
      subject,
    ]
    say(table(['role', 'action', '', 'subject'], findings.map(row)))
    say(`${findings.length} tried, ${wrong.length} not as they should be`)
  }
  return wrong.length === 0 ? exitCodes.done : exitCodes.failed
}

function serverOf({ server }: AuthFlags): string {
  const named = server ?? process.env['MAGGY_SERVER'] ?? ''
  if (named === '')
    throw problem('OPTION_INVALID', { option: '--server', reason: 'or MAGGY_SERVER must name the server' })
  return named
}

/** Where no server is named, the operator is told what is left to do: the server reads the folder when it starts. */
async function tell(authority: Authority, flags: AuthFlags, tenants: readonly string[]): Promise<void> {
  const server = flags.server ?? process.env['MAGGY_SERVER'] ?? ''
  if (server !== '') await pushAccounts(authority, tenants, { server })
  else
    process.stderr.write(
      `no server was told (--server or MAGGY_SERVER): it holds once ${join(authority.folder, 'server', 'jwt')} is on its host and it is started anew\n`,
    )
}
