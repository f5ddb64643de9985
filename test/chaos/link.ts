/** A TCP connection that can be spoilt: a proxy on loopback in front of one address. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Link {
  readonly port: number
  /** Connections break, and no new ones are taken. */
  cut(): void
  /** Bytes in this direction are kept back; the other one works. */
  hold(direction: 'up' | 'down'): void
  /** Each piece comes so much later. */
  delay(ms: number): void
  /** Bytes a second, in each direction and connection. */
  throttle(bytes: number): void
  /** Everything works again; what was kept back comes. */
  heal(): void
  stop(): Promise<void>
}

type State =
  | { readonly kind: 'well' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'hold'; readonly direction: 'up' | 'down' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'throttle'; readonly bytes: number }

export async function startLink(target: number): Promise<Link> {
  let state: State = { kind: 'well' }
  const sockets = new Set<Socket>()
  const wakers = new Set<() => void>()

  /** Carries one direction of one connection: a piece at a time, in order. */
  async function carry(from: Socket, to: Socket, direction: 'up' | 'down'): Promise<void> {
    for await (const piece of from) {
      const data = piece as Buffer
      while (state.kind === 'hold' && state.direction === direction)
        await new Promise<void>((resolve) => wakers.add(resolve))
      const ms = state.kind === 'delay' ? state.ms : state.kind === 'throttle' ? (1000 * data.length) / state.bytes : 0
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(ms, 5_000)))
      if (to.destroyed) return
      if (!to.write(data)) await Promise.race([once(to, 'drain'), once(to, 'close')])
    }
  }

  const server = createServer((client) => {
    if (state.kind === 'cut') {
      client.destroy()
      return
    }
    const upstream = connect(target, '127.0.0.1')
    for (const socket of [client, upstream]) sockets.add(socket)
    const end = (): void => {
      for (const socket of [client, upstream]) {
        sockets.delete(socket)
        socket.destroy()
      }
    }
    for (const socket of [client, upstream]) socket.setNoDelay(true).on('close', end).on('error', end)
    carry(client, upstream, 'up').then(end, end)
    carry(upstream, client, 'down').then(end, end)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const become = (next: State): void => {
    state = next
    for (const wake of wakers) wake()
    wakers.clear()
  }
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address.port,
    cut() {
      become({ kind: 'cut' })
      breakAll()
    },
    hold: (direction) => become({ kind: 'hold', direction }),
    delay: (ms) => become({ kind: 'delay', ms }),
    throttle: (bytes) => become({ kind: 'throttle', bytes }),
    heal: () => become({ kind: 'well' }),
    async stop() {
      become({ kind: 'cut' })
      breakAll()
      server.close()
      await once(server, 'close')
    },
  }
}
