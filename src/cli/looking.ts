/** What commands that only look have in common: they need the bus, and no driver, and make nothing. */
import { existsSync } from 'node:fs'
import { problem } from '../../protocol/index.ts'
import { openSession, type Session } from '../client/index.ts'
import { sessionOptions, type BusOptions } from './run-command.ts'

export type Looking = BusOptions & { readonly json?: boolean }

export async function looking<T>(options: Looking, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession({ ...sessionOptions(options), actors: 'none' })
  try {
    return await Promise.race([work(session), session.failed])
  } finally {
    await session.close()
  }
}

/** No server is named and no embedded one ever ran here: to look is no reason to make one. */
export function nothingHere({ server, data = '.maggy' }: BusOptions): boolean {
  return server === undefined && process.env['MAGGY_SERVER'] === undefined && !existsSync(data)
}

/** Throws EXPERIMENT_UNKNOWN where there can be nothing. */
export function refuseNothing(experiment = 'yet', options: BusOptions): void {
  if (nothingHere(options)) throw problem('EXPERIMENT_UNKNOWN', { experiment })
}
