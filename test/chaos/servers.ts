/** The server, or the cluster of three, of a chaos world. */
import { randomBytes } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isProblem } from '../../protocol/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import { startServer, type RunningServer } from '../../src/server/index.ts'
import { startTestCluster } from '../support/cluster.ts'
import { endServer, freePort } from '../support/server.ts'
import { startLink, type Link } from './link.ts'

/** One server, or several. */
export interface Servers {
  readonly count: number
  /** With the token in each, with commas. */
  readonly url: string
  readonly token: string
  port(member: number): number
  pid(member: number): number
  /** Where it keeps what it keeps. */
  folder(member: number): string
  kill(member: number): Promise<void>
  terminate(member: number): Promise<void>
  start(member: number): Promise<void>
  loseDisk(member: number): Promise<void>
  /** Takes a member's routes to the others away, both ways. */
  isolate(member: number, isolated: boolean): void
  /** The member that leads the log, once one does. */
  leader(bus: Bus): Promise<number>
  stop(): Promise<void>
}

const diskSize = '96m'

/** `smallDisk`: each has a disk of 96 MiB of its own; needs the right to mount. */
export async function startServers(folder: string, isCluster: boolean, smallDisk: boolean): Promise<Servers> {
  const folders = isCluster ? [0, 1, 2].map((member) => join(folder, `n${member}`)) : [join(folder, 'server')]
  for (const disk of smallDisk ? folders : []) {
    await mkdir(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskSize}`, 'none', disk])
  }
  const servers = await (isCluster ? cluster(folder, folders) : single(folders[0] ?? ''))
  return {
    ...servers,
    async stop() {
      await servers.stop()
      for (const disk of smallDisk ? folders : []) execFileSync('umount', ['-l', disk])
    },
  }
}

async function single(data: string): Promise<Servers> {
  const token = randomBytes(12).toString('base64url')
  const port = await freePort()
  let server: RunningServer | undefined = await startServer({ port, token, data })
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    const running = server
    server = undefined
    if (running !== undefined) await endServer(running, signal)
  }
  return {
    count: 1,
    url: `nats://${token}@127.0.0.1:${port}`,
    token,
    port: () => port,
    pid: () => server?.pid ?? 0,
    folder: () => data,
    kill: () => end('SIGKILL'),
    terminate: () => end('SIGTERM'),
    async start() {
      server ??= await startServer({ port, token, data })
    },
    loseDisk: () => emptied(data),
    isolate: () => undefined,
    leader: () => Promise.resolve(0),
    stop: () => end('SIGTERM'),
  }
}

async function cluster(folder: string, folders: readonly string[]): Promise<Servers> {
  const routes: { readonly from: number; readonly to: number; readonly peerPort: number; readonly link: Link }[] = []
  const nats = await startTestCluster({
    folder,
    advertise: false,
    via: async (from, to, peerPort) => {
      const known = routes.find((one) => one.from === from && one.to === to && one.peerPort === peerPort)
      if (known !== undefined) return known.link.port
      const link = await startLink(peerPort)
      routes.push({ from, to, peerPort, link })
      return link.port
    },
  })
  return {
    ...nats,
    count: 3,
    folder: (member) => folders[member] ?? '',
    loseDisk: (member) => emptied(folders[member] ?? ''),
    isolate(member, isolated) {
      for (const { from, to, link } of routes) {
        if (from !== member && to !== member) continue
        if (isolated) link.cut()
        else link.heal()
      }
    },
    async leader(bus) {
      for (;;) {
        try {
          const leader = await nats.leader(bus, 'MAGGY_LOG')
          if (leader !== undefined) return leader
        } catch (error) {
          if (!isProblem(error)) throw error
        }
        await sleep(100)
      }
    },
    async stop() {
      await nats.stop()
      await Promise.all(routes.map(({ link }) => link.stop()))
    },
  }
}

/** The folder itself stays: a disk may be mounted there. */
async function emptied(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
}
