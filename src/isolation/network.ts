/**
 * A network in which there is nothing but the bus. A runner has a loopback of its own only. Where the bus's address leads, there is a gate on
 * that loopback (openGates), which passes on to a socket in the file system, and the worker passes on from there to the server (serveBus).
 * The server keeps its name, by a hosts file, so that its certificate is checked as ever.
 */
import { readFileSync } from 'node:fs'
import { connect, createServer, isIP, type Server, type Socket } from 'node:net'
import { join } from 'node:path'

/** On the runner's loopback, and the socket that it leads to. */
export interface BusGate {
  readonly address: string
  readonly port: number
  readonly socket: string
}

interface Target {
  readonly host: string
  readonly port: number
  /** On the runner's loopback. */
  readonly address: string
}

export interface NetworkPlan {
  readonly targets: readonly Target[]
  /** As runners write it. */
  readonly server: string
  /** The text of their hosts file, beside what is in the host's own. */
  hosts(own: string | undefined): string
}

/** A string: why it cannot be done. */
export function planNetwork(server: string, tls: boolean): NetworkPlan | string {
  const targets: Target[] = []
  const written: string[] = []
  for (const [index, part] of server
    .split(',')
    .map((one) => one.trim())
    .entries()) {
    const url = new URL(part.includes('://') ? part : `nats://${part}`)
    const name = url.hostname.replace(/^\[|\]$/g, '')
    const port = Number(url.port || '4222')
    // A process without rights opens no port below.
    if (port < 1024) return `port ${port} of the bus is one that only root may open`
    const isName = isIP(name) === 0
    if (!isName && (tls || url.protocol === 'tls:'))
      return 'the bus has TLS and is named by a number: give the name of the server in its certificate'
    const address = `127.0.0.${index + 2}`
    targets.push({ host: name, port, address })
    if (!isName) url.hostname = address
    url.port = String(port)
    written.push(url.href)
  }
  return {
    targets,
    server: written.join(','),
    hosts: (own) => {
      const named = targets.filter(({ host }) => isIP(host) === 0)
      const others =
        own === undefined
          ? []
          : withoutNames(
              readFileSync(own, 'utf8'),
              named.map(({ host }) => host),
            )
      return [...named.map(({ host, address }) => `${address} ${host}`), ...others, ''].join('\n')
    },
  }
}

/** Lines of a hosts file that say nothing of these names. */
const withoutNames = (text: string, names: readonly string[]): string[] =>
  text.split('\n').filter((line) => line.trim() !== '' && !line.split(/\s+/).some((word) => names.includes(word)))

/** One side may end its half, and the other may still answer. */
const halfOpen = { allowHalfOpen: true }

/** The worker's side: a socket for each server, in a folder of the worker's own. */
export async function serveBus(
  targets: readonly Target[],
  folder: string,
): Promise<{ readonly gates: readonly BusGate[]; close(): void }> {
  const servers: Server[] = []
  const gates: BusGate[] = []
  for (const [index, { host, port, address }] of targets.entries()) {
    const socket = join(folder, `bus-${index}`)
    servers.push(
      await listening(
        createServer(halfOpen, (from) => pass(from, connect({ ...halfOpen, port, host }))),
        { path: socket },
      ),
    )
    gates.push({ address, port, socket })
  }
  return {
    gates,
    close: () => {
      for (const server of servers) server.close()
    },
  }
}

/** The runner's side: resolves once the bus can be found. */
export async function openGates(gates: readonly BusGate[]): Promise<void> {
  for (const { address, port, socket } of gates) {
    const server = createServer(halfOpen, (from) => pass(from, connect({ ...halfOpen, path: socket })))
    await listening(server, { host: address, port })
    server.unref()
  }
}

async function listening(server: Server, where: { path: string } | { host: string; port: number }): Promise<Server> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, resolve)
  })
  return server
}

/** If one of them is cut off, the other is too, so that the client connects again. */
function pass(from: Socket, to: Socket): void {
  for (const [one, other] of [
    [from, to],
    [to, from],
  ] as const) {
    one.setNoDelay(true)
    // `close` follows.
    one.on('error', () => undefined)
    one.on('close', (hadError) => {
      if (hadError) other.destroy()
    })
    one.pipe(other)
  }
}
