/**
 * The servers to which credentials were shown, by address. Another one at the same address gets nothing: somebody may have taken the
 * address over. With TLS the certificate tells that for sure; the name is what a server says of itself.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { problem } from '../../protocol/index.ts'
import type { Greeting } from '../bus/index.ts'

/** Where it is kept; `MAGGY_KNOWN_SERVERS` names another file, or with nothing in it none. */
function knownServersFile(environment: NodeJS.ProcessEnv): string {
  const { MAGGY_KNOWN_SERVERS: named, XDG_STATE_HOME: state } = environment
  return named ?? join(state ?? join(homedir(), '.local', 'state'), 'maggy', 'known-servers.json')
}

/** Throws BUS_CREDENTIALS_UNUSED, BUS_SERVER_CHANGED; remembers a server that is new. */
export function meetServer(server: string, greeting: Greeting, environment = process.env): void {
  if (!greeting.asks) throw problem('BUS_CREDENTIALS_UNUSED', { server })
  const file = knownServersFile(environment)
  if (file === '') return
  const known = readKnown(file)
  const now = `${greeting.name}${greeting.tls ? ' with TLS' : ''}`
  const before = Object.hasOwn(known, server) ? known[server] : undefined
  if (before === now) return
  if (before !== undefined) throw problem('BUS_SERVER_CHANGED', { server, before, now, file })
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const fresh = `${file}.${process.pid}.new`
    writeFileSync(fresh, `${JSON.stringify({ ...readKnown(file), [server]: now }, null, 2)}\n`, { mode: 0o600 })
    renameSync(fresh, file)
  } catch (error) {
    // A home that may not be written to: then it is met anew each time.
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (!['EACCES', 'EROFS', 'EPERM', 'ENOENT'].includes(code)) throw error
  }
}

function readKnown(file: string): Readonly<Record<string, string>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}
