/** Somebody with credentials of a role and a plain client, on a server under an authority. */
import { connect, jwtAuthenticator, type NatsConnection } from 'nats'
import { decode, type Role } from '../../protocol/index.ts'
import { readCredentials } from '../../src/access/index.ts'
import type { Secured } from './secured.ts'

export interface Attack {
  readonly name: string
  /** True: it came through. */
  readonly run: (secured: Secured) => Promise<boolean>
}

/** A connection of an attacker's: the plain client, with nothing of ours between it and the server. */
export async function intrude(secured: Secured, role: Role, name: string, inbox?: string): Promise<NatsConnection> {
  const file = await secured.creds(role === 'runner' ? 'worker' : role, name)
  const credentials = readCredentials(file)
  const user = role === 'runner' ? credentials.runner : credentials
  if (user === undefined) throw new Error('no credentials for runners')
  return await connect({
    servers: secured.server.url.replace('tls://', ''),
    authenticator: jwtAuthenticator(user.jwt, new TextEncoder().encode(user.seed)),
    tls: { ca: await secured.authority.certificate() },
    inboxPrefix: inbox ?? `_INBOX.${role}.${name}`,
    reconnect: false,
    name: `attacker ${role}`,
  })
}

/** The name in the credentials that an attacker has. */
export const stolenBy = (role: Role): string => (role === 'runner' ? 'stolen-worker' : `stolen-${role}`)
/** That of a worker, and of its runners. */
export const stolen = stolenBy('worker')
/** What an attack waits for a message that is not to come: the server has seen all that was said before. */
export async function settled(...connections: NatsConnection[]): Promise<void> {
  for (let round = 0; round < 3; round += 1) for (const connection of connections) await connection.flush()
}

/** Whether a victim hears something on a subject, while the attack is on. */
export async function heard(
  secured: Secured,
  victim: { readonly role: Role; readonly name: string; readonly subject: string },
  attack: (attacker: NatsConnection) => Promise<void>,
  by: Role = 'runner',
): Promise<boolean> {
  const listening = await intrude(secured, victim.role, victim.name)
  const attacker = await intrude(secured, by, stolenBy(by))
  try {
    const got: Uint8Array[] = []
    listening.subscribe(victim.subject, { callback: (error, message) => void (error ?? got.push(message.data)) })
    await listening.flush()
    await attack(attacker)
    await settled(attacker, listening, attacker, listening)
    // What is no message of ours is dropped by whoever hears it.
    return got.some((data) => isMap(data))
  } finally {
    await attacker.close()
    await listening.close()
  }
}

function isMap(data: Uint8Array): boolean {
  try {
    const value = decode(data)
    return typeof value === 'object' && value !== null
  } catch {
    return false
  }
}
