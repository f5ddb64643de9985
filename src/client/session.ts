/** A connection to the bus that is named, or to an embedded one that is started for it. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isProblem } from '../../protocol/index.ts'
import { accessTo, withEnvironment, type AccessOptions } from '../access/index.ts'
import { connectNats, type Bus, type Copies, type Fault } from '../bus/index.ts'
import { runningServer } from '../server/index.ts'
import { openFleet, type Lease } from './embedded.ts'
import type { SuggesterName } from './fleet.ts'

export interface SessionOptions extends Omit<AccessOptions, 'server' | 'token'> {
  /** Default: MAGGY_SERVER; if that is not set, an embedded bus. */
  readonly server?: string
  /** Default: MAGGY_TOKEN, or what is in the address. */
  readonly token?: string
  /** Of the embedded bus. Default: `.maggy`. */
  readonly data?: string
  /** Of the embedded bus. Default: 1. */
  readonly workers?: number
  /** Servers that keep a copy of what is kept. Default: 3 in a cluster of three or more, else 1. */
  readonly replicas?: number
  /** Of the embedded bus: a file of keys; its workers run only what one of them has signed. */
  readonly trust?: string
  /**
   * The actors that start beside an embedded bus: a driver, workers and these, or none, for those who only look. These look through
   * the bus of another process if one runs in the folder. `driver`: the same for those who ask a driver for something, and have nothing run.
   */
  readonly actors: readonly SuggesterName[] | 'none' | 'driver'
  /** Hears the same as those of Session.onNotice, as long as the session only opens. */
  readonly onNotice?: (text: string) => void
}

export interface Session {
  readonly bus: Bus
  readonly embedded: boolean
  /** Where another process finds this bus: the address with what it needs to be let in. */
  readonly address: { readonly url: string; readonly token: string | undefined }
  /** Rejects when a part of the embedded bus cannot be kept running; never resolves. */
  readonly failed: Promise<never>
  /** Of an embedded bus: called when another driver stands in the place of one that ended (see Fleet.onDriver). Else never. */
  readonly onDriver: (again: () => void) => () => void
  /** Called with what people should know of what is kept, and of the server of an embedded bus (see Fleet.onNotice). */
  readonly onNotice: (say: (text: string) => void) => () => void
  close(): Promise<void>
}

/**
 * Opens a session. Rejects with BUS_UNREACHABLE, BUS_UNAUTHORIZED, BUS_TOO_OLD, BUS_NO_JETSTREAM; when it starts an embedded bus,
 * with BUS_BUSY if another process has one in that folder.
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const server = options.server ?? process.env['MAGGY_SERVER']
  if (server !== undefined && server !== '') {
    return {
      ...(await connect(server, withEnvironment(options), options, options.onNotice)),
      embedded: false,
      failed: never(),
      onDriver: nobody,
    }
  }
  if (options.actors === 'none' || options.actors === 'driver') return await look(options)
  return await embedded(await openFleet(options), options)
}

const busyMs = 10_000
const lookMs = 100

/** In the folder of a process that runs, through its bus; else through one of our own. */
async function look(options: SessionOptions): Promise<Session> {
  const deadline = performance.now() + busyMs
  for (;;) {
    try {
      const url = await runningServer(join(options.data ?? '.maggy', 'server'))
      if (url !== undefined)
        return {
          ...(await connect(url, {}, {}, options.onNotice)),
          embedded: false,
          failed: never(),
          onDriver: nobody,
        }
      return await embedded(await openFleet(options), options)
    } catch (error) {
      // Another process holds the folder and has no address yet, or none any more: it starts, or ends.
      if (!isProblem(error, 'BUS_BUSY', 'BUS_UNREACHABLE') || performance.now() > deadline) throw error
    }
    await delay(lookMs)
  }
}

async function embedded(fleet: Lease, copies: Copies): Promise<Session> {
  try {
    const { bus, close, address, ...connected } = await connect(fleet.url, {}, copies)
    const { failed, onDriver } = fleet
    const onNotice: Session['onNotice'] = (say) => {
      const offs = [fleet.onNotice(say), connected.onNotice(say)]
      return () => {
        for (const off of offs) off()
      }
    }
    return { bus, address, embedded: true, failed, onDriver, onNotice, close: () => closeBoth(close, fleet) }
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

async function connect(
  server: string,
  options: AccessOptions,
  { replicas }: Copies,
  opening: SessionOptions['onNotice'] = () => undefined,
): Promise<Pick<Session, 'bus' | 'close' | 'address' | 'onNotice'>> {
  const access = accessTo(options, ['client', 'board', 'driver'])
  const hearers = new Set([opening])
  const onFault = (fault: Fault): void => {
    if (fault.kind === 'store') for (const say of hearers) say(fault.problem.message)
  }
  const bus = await connectNats({ server, name: 'client', ...access, onFault })
  try {
    await bus.streams.ensure({ replicas })
  } catch (error) {
    await bus.close()
    throw error
  }
  hearers.delete(opening)
  return {
    bus,
    onNotice(say) {
      hearers.add(say)
      return () => void hearers.delete(say)
    },
    close: () => bus.close(),
    address: { url: server, token: typeof access.token === 'function' ? access.token() : access.token },
  }
}

const nobody = () => () => {}

function never(): Promise<never> {
  return new Promise(() => {})
}
