/** A server under an authority, with TLS, and credentials for whoever comes. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Role } from '../../protocol/index.ts'
import { accessTo } from '../../src/access/index.ts'
import { Authority, mainTenant } from '../../src/auth/index.ts'
import { connectNats, type Bus } from '../../src/bus/index.ts'
import { startServer, type RunningServer } from '../../src/server/index.ts'

export interface Secured {
  readonly folder: string
  readonly authority: Authority
  readonly server: RunningServer
  /** What nats-server has said. */
  readonly log: readonly string[]
  /** What it refused to whom, of permissions. */
  violations(): string[]
  /** The file of credentials, made when it is asked for first. */
  creds(role: Role, name: string, tenant?: string): Promise<string>
  /** A connection as somebody; `onFault` hears what the server refuses. */
  connect(role: Role, name: string, tenant?: string): Promise<Bus>
  stop(): Promise<void>
}

export async function startSecured(): Promise<Secured> {
  const folder = await mkdtemp(join(tmpdir(), 'maggy-secured-'))
  const authority = await Authority.init(join(folder, 'authority'), { hosts: [], port: 4222, days: 1 })
  const log: string[] = []
  const server = await startServer({
    port: 0,
    data: join(folder, 'data'),
    auth: join(folder, 'authority', 'server'),
    onLog: (line) => log.push(line),
  })
  const made = new Map<string, Promise<string>>()
  const open: Bus[] = []
  const creds: Secured['creds'] = (role, name, tenant = mainTenant) => {
    const key = `${tenant}/${role}/${name}`
    const file = made.get(key) ?? authority.addUser(role, name, { tenant, days: 1 })
    made.set(key, file)
    return file
  }
  return {
    folder,
    authority,
    server,
    log,
    violations: () => log.filter((line) => /Violation/.test(line)),
    creds,
    async connect(role, name, tenant) {
      const access = accessTo({ creds: await creds(role, name, tenant) }, [role])
      const bus = await connectNats({
        server: server.url,
        name: `test ${role} ${randomBytes(2).toString('hex')}`,
        ...access,
      })
      open.push(bus)
      return bus
    },
    async stop() {
      await Promise.all(open.map((bus) => bus.close()))
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
