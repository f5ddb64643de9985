/** A connection to the bus that is named, or to an embedded one that is started for it. */
import { connectNats, type Bus } from '../bus/index.ts'
import { openFleet, type Lease } from './embedded.ts'

export interface SessionOptions {
  /** Default: MAGGY_SERVER; if that is not set, an embedded bus. */
  readonly server?: string
  /** Default: MAGGY_TOKEN, or what is in the address. */
  readonly token?: string
  /** Of the embedded bus. Default: `.maggy`. */
  readonly data?: string
  /** Of the embedded bus. Default: 1. */
  readonly workers?: number
  /** What is started beside an embedded bus: a driver, an optimizer and workers, or nothing, for those who only look. */
  readonly actors: 'all' | 'none'
}

export interface Session {
  readonly bus: Bus
  readonly embedded: boolean
  /** Rejects when a part of the embedded bus cannot be kept running; never resolves. */
  readonly failed: Promise<never>
  close(): Promise<void>
}

/**
 * Opens a session. Rejects with BUS_UNREACHABLE, BUS_UNAUTHORIZED, BUS_TOO_OLD, BUS_NO_JETSTREAM; when it starts an embedded bus,
 * with BUS_BUSY if another process has one in that folder.
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const server = options.server ?? process.env['MAGGY_SERVER']
  if (server !== undefined && server !== '') {
    const token = options.token ?? process.env['MAGGY_TOKEN']
    return { ...(await connect(server, token)), embedded: false, failed: never() }
  }
  const fleet = await openFleet(options)
  try {
    const { bus, close } = await connect(fleet.url, undefined)
    return { bus, embedded: true, failed: fleet.failed, close: () => closeBoth(close, fleet) }
  } catch (error) {
    await fleet.release()
    throw error
  }
}

async function closeBoth(close: () => Promise<void>, fleet: Lease): Promise<void> {
  try {
    await close()
  } finally {
    await fleet.release()
  }
}

async function connect(server: string, token: string | undefined): Promise<Pick<Session, 'bus' | 'close'>> {
  const bus = await connectNats({ server, name: 'client', ...(token === undefined ? {} : { token }) })
  try {
    await bus.streams.ensure()
  } catch (error) {
    await bus.close()
    throw error
  }
  return { bus, close: () => bus.close() }
}

function never(): Promise<never> {
  return new Promise(() => {})
}
