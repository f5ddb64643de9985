/** A bus for those who only look: no driver, no workers, and no folder made for it. */
import { existsSync } from 'node:fs'
import { problem } from '../../protocol/index.ts'
import { accessOptions, type AccessOptions } from '../access/index.ts'
import { openSession, type Session, type SessionOptions } from '../client/index.ts'

export interface BusOptions extends Omit<AccessOptions, 'server' | 'token'> {
  readonly server?: string
  readonly token?: string
  readonly data?: string
}

export type Looking = BusOptions & { readonly json?: boolean }

/** `experiment`: what is looked for; where there is no bus it is unknown. Rejects with EXPERIMENT_UNKNOWN. */
export function looking<T>(
  options: BusOptions,
  work: (session: Session) => Promise<T>,
  experiment = 'yet',
): Promise<T> {
  return within(options, 'none', work, experiment)
}

/** The same, with a driver to ask: beside an embedded bus one is started. */
export function asking<T>(options: BusOptions, work: (session: Session) => Promise<T>, experiment = 'yet'): Promise<T> {
  return within(options, 'driver', work, experiment)
}

async function within<T>(
  options: BusOptions,
  actors: 'none' | 'driver',
  work: (session: Session) => Promise<T>,
  experiment: string,
): Promise<T> {
  if (nothingHere(options)) throw problem('EXPERIMENT_UNKNOWN', { experiment })
  const session = await openSession({ ...sessionOptions(options), actors, onNotice: sayAside })
  session.onNotice(sayAside)
  try {
    return await Promise.race([work(session), session.failed])
  } finally {
    await session.close()
  }
}

/** Beside what is asked for, which stdout has for itself. */
export const sayAside = (text: string): void => void process.stderr.write(`${text}\n`)

/** No server is named and no embedded one ever ran here: to look is no reason to make one. */
export function nothingHere(options: BusOptions): boolean {
  return !isServed(options) && !existsSync(options.data ?? '.maggy')
}

/** A server is named: there is no need of an embedded one. */
export const isServed = ({ server }: BusOptions): boolean => (server ?? process.env['MAGGY_SERVER'] ?? '') !== ''

/** Options for a session, without those that were not given. */
export function sessionOptions(
  given: BusOptions & { readonly workers?: number; readonly replicas?: number; readonly trust?: string },
): Omit<SessionOptions, 'actors'> {
  const names = ['server', 'data', 'workers', 'replicas', 'trust', ...accessOptions.map(([name]) => name)] as const
  return Object.fromEntries(names.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])))
}

/** What another command has to be given to find the same bus: it follows the command's words. */
export function where({ server, data }: BusOptions): string {
  // The part before an @ is secret.
  if (server !== undefined) return ` --server ${server.replaceAll(/[^/,]*@/g, '')}`
  return data === undefined ? '' : ` --data ${data}`
}
