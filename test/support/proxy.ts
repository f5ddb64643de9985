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
  stop(): Promise<void>
}

export async function startProxy(target: number): Promise<Proxy> {
  const clients = new Set<Socket>()
  const muted = new Set<Socket>()
  let count = 0
  const server = createServer((client) => {
    count += 1
    clients.add(client)
    const upstream = connect(target, '127.0.0.1')
    client.on('data', (chunk) => upstream.write(chunk))
    upstream.on('data', (chunk) => {
      if (!muted.has(client)) client.write(chunk)
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
    async stop() {
      for (const client of clients) client.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
