/** A TCP proxy in front of a server, which can spoil what comes back. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Proxy {
  readonly port: number
  /** How many connections were made so far. */
  connections(): number
  /** Sends these bytes to all clients, as if the server had. */
  inject(text: string): void
  /** From now on nothing comes back through the connections there are; new ones work. */
  mute(): void
  /** As when a laptop sleeps: from now on nothing passes, and nobody is told; what wants to connect waits. */
  cut(): void
  /** It wakes: connections from before are reset, new ones work. */
  restore(): void
  stop(): Promise<void>
}

export async function startProxy(target: number): Promise<Proxy> {
  const clients = new Set<Socket>()
  const muted = new Set<Socket>()
  let count = 0
  let isCut = false
  const server = createServer((client) => {
    count += 1
    clients.add(client)
    if (isCut) {
      client.on('close', () => clients.delete(client)).on('error', () => {})
      client.resume()
      return
    }
    const upstream = connect(target, '127.0.0.1')
    client.on('data', (chunk) => {
      if (!isCut) upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (!isCut && !muted.has(client)) client.write(chunk)
    })
    const end = (): void => {
      clients.delete(client)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on('close', end).on('error', end)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    connections: () => count,
    inject(text) {
      for (const client of clients) client.write(text)
    },
    mute() {
      for (const client of clients) muted.add(client)
    },
    cut() {
      isCut = true
    },
    restore() {
      isCut = false
      for (const client of clients) client.destroy()
    },
    async stop() {
      for (const client of clients) client.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
