import { readdir, readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, problem } from '../../protocol/index.ts'

/** Whether the port can be had. @throws BUS_PORT_IN_USE, BUS_PEER_PORT_IN_USE, or OPTION_INVALID for a host or port that is not ours to open. */
export async function assertPortFree(
  host: string,
  port: number,
  option: '--port' | '--peer-port' = '--port',
): Promise<void> {
  const inUse = option === '--port' ? 'BUS_PORT_IN_USE' : 'BUS_PEER_PORT_IN_USE'
  const listener = createServer()
  await new Promise<void>((resolve, reject) => {
    listener.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') reject(problem(inUse, { port }, { cause: error }))
      else if (error.code === 'EACCES') reject(problem('OPTION_INVALID', { option, reason: error.message }))
      else reject(problem('OPTION_INVALID', { option: '--host', reason: error.message }))
    })
    listener.listen({ host, port }, () => listener.close(() => resolve()))
  })
}

/** The client port that nats-server wrote down once it listened, or undefined as long as it has not. */
export async function writtenPort(directory: string, pid: number): Promise<number | undefined> {
  const name = (await readdir(directory)).find((file) => file.endsWith(`_${pid}.ports`))
  if (name === undefined) return undefined
  try {
    const { nats } = JSON.parse(await readFile(join(directory, name), 'utf8')) as { nats?: string[] }
    const port = Number(new URL(nats?.[0] ?? '').port)
    return port > 0 ? port : undefined
  } catch {
    // Half written: the next look finds it whole.
    return undefined
  }
}

/** The greeting of a nats-server, the one line of JSON that it sends to whoever connects. */
export async function greeting(host: string, port: number): Promise<{ version?: string; jetstream?: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 5000 })
    let text = ''
    const settle = (work: () => void) => {
      socket.destroy()
      work()
    }
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
      const end = text.indexOf('\r\n')
      if (end === -1) return
      settle(() => {
        try {
          resolve(JSON.parse(text.slice(text.indexOf('{'), end)) as { version?: string; jetstream?: boolean })
        } catch (error) {
          reject(problem('BUS_UNREACHABLE', { server: `${host}:${port}`, reason: describe(error) }))
        }
      })
    })
    const unreachable = (reason: string) =>
      settle(() => reject(problem('BUS_UNREACHABLE', { server: `${host}:${port}`, reason })))
    socket.once('timeout', () => unreachable('no greeting'))
    socket.once('error', (error) => unreachable(error.message))
  })
}
