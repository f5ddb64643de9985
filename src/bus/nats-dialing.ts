/**
 * The client forgets the socket of a try to connect that has failed: a peer that is silent, endless or stuck in TLS would keep the
 * process alive for ever. Here it is closed.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

interface Dialing {
  readonly sockets: Set<Socket>
  /** Once it is connected, other sockets are opened in its wake. */
  under: boolean
}

/** Bytes that a server says before a client is let in, at most. */
const greetingAtMost = 2 ** 20
const lookMs = 20

const dialing = new AsyncLocalStorage<Dialing>()
let listening = false

/** Node says so of every socket, within the context of whoever opens it. */
function listen(): void {
  if (listening) return
  listening = true
  subscribe('net.client.socket', (message) => {
    const dial = dialing.getStore()
    if (dial?.under === true) dial.sockets.add((message as { readonly socket: Socket }).socket)
  })
}

/** Connects; if that fails, no socket is left. */
export async function leavingNoSocket<T>(connect: () => Promise<T>): Promise<T> {
  listen()
  const dial: Dialing = { sockets: new Set(), under: true }
  // A peer that never ends would fill the memory until the time is up.
  const watch = setInterval(() => {
    for (const socket of dial.sockets) {
      if (socket.bytesRead > greetingAtMost)
        socket.destroy(new Error('what answers there is no NATS server: it never ends'))
    }
  }, lookMs)
  try {
    return await dialing.run(dial, connect)
  } catch (error) {
    for (const socket of dial.sockets) socket.destroy()
    throw error
  } finally {
    clearInterval(watch)
    dial.under = false
    dial.sockets.clear()
  }
}
