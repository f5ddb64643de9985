/** The first line of a server, before anything is shown to it: who it says it is, and what it asks for. */
import { connect } from 'node:net'
import { describe, problem } from '../../protocol/index.ts'
import type { Address } from './nats-address.ts'

export interface Greeting {
  /** Its cluster's name, or else its own. */
  readonly name: string
  /** It asks who comes. */
  readonly asks: boolean
  readonly tls: boolean
}

const longest = 64 * 1024

/** Of the first of the addresses at which a server answers. Rejects with BUS_UNREACHABLE. */
export async function greetingOf({ servers, label }: Address, timeoutMs: number): Promise<Greeting> {
  for (const [index, server] of servers.entries()) {
    try {
      return await greetingAt(server, label, timeoutMs)
    } catch (error) {
      if (index === servers.length - 1) throw error
    }
  }
  throw problem('BUS_UNREACHABLE', { server: label, reason: 'no address is given' })
}

async function greetingAt(server: string, label: string, timeoutMs: number): Promise<Greeting> {
  const at = server.lastIndexOf(':')
  const host = server.slice(0, at).replace(/^\[|\]$/g, '')
  const unreachable = (reason: string) => problem('BUS_UNREACHABLE', { server: label, reason })
  return await new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(server.slice(at + 1)) })
    let text = ''
    const timer = setTimeout(() => {
      end(() => reject(unreachable(`no answer within ${timeoutMs} ms`)))
    }, timeoutMs)
    const settle = (line: string): void => {
      const greeting = greetingIn(line)
      if (greeting === undefined) reject(unreachable('it is no nats-server'))
      else resolve(greeting)
    }
    const end = (how: () => void): void => {
      clearTimeout(timer)
      socket.destroy()
      how()
    }
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
      const stop = text.indexOf('\r\n')
      if (stop === -1 && text.length < longest) return
      end(() => settle(text.slice(0, stop)))
    })
    socket.once('error', (error) => end(() => reject(unreachable(describe(error)))))
    socket.once('close', () => end(() => reject(unreachable('the peer hung up'))))
  })
}

function greetingIn(line: string): Greeting | undefined {
  try {
    const info = JSON.parse(line.slice(line.indexOf('{'))) as Readonly<Record<string, unknown>>
    const name = [info['cluster'], info['server_name']].find((one) => typeof one === 'string' && one !== '')
    const { auth_required: asks, tls_required: required, tls_available: available } = info
    return {
      name: typeof name === 'string' ? name : '',
      asks: asks === true,
      tls: required === true || available === true,
    }
  } catch {
    return undefined
  }
}
