/** A board beside this process, kept running on one port with one token, so that pages which are open come back by themselves. */
import { randomBytes } from 'node:crypto'
import { problem } from '../../protocol/index.ts'
import { accessOptions, type AccessOptions } from '../access/index.ts'
import { spawnActor, type Child } from '../actor/index.ts'
import { keep } from './keep.ts'
import type { Session } from './session.ts'

export interface BoardOptions {
  /** Default: 4223, or any that is free. */
  readonly port?: number | undefined
  readonly host?: string | undefined
  readonly allowHost?: readonly string[] | undefined
  /** Lets the page pause, stop, resume and change experiments. */
  readonly control?: boolean | undefined
  /** Credentials that the board shows to the bus, where the session's address does not hold them. */
  readonly access?: AccessOptions | undefined
}

export interface KeptBoard {
  /** With the token in it: whoever has it sees everything. */
  readonly address: string
  /** Rejects when it cannot be kept running; never resolves. */
  readonly failed: Promise<never>
  close(): Promise<void>
}

const graceMs = 3_000

/** Beside a session's bus. Rejects with what the board says: BOARD_PORT_IN_USE, BUS_…. */
export async function keepBoard(bus: Session['address'], options: BoardOptions = {}): Promise<KeptBoard> {
  const token = process.env['MAGGY_BOARD_TOKEN'] || randomBytes(18).toString('base64url')
  const stopping = new AbortController()
  let child: Child | undefined
  let { port } = options
  let tell: (address: string) => void = () => {}
  const told = new Promise<string>((resolve) => (tell = resolve))
  const kept = keep(
    'board',
    async () => {
      // By the environment, for other people may read a process's arguments.
      const env = {
        MAGGY_SERVER: bus.url,
        MAGGY_BOARD_TOKEN: token,
        // The session has met the server already.
        MAGGY_KNOWN_SERVERS: '',
        ...environmentOf({ ...options.access, token: options.access?.token ?? bus.token }),
      }
      const started = await spawnActor('board', ['--log-level', 'warn', ...argumentsOf({ ...options, port })], {
        env,
        ownGroup: true,
      })
      child = started
      const { address } = started
      if (address === undefined) throw problem('INTERNAL', { reason: 'the board did not say where it is' })
      port = Number(new URL(address).port)
      tell(address)
      if (stopping.signal.aborted) await started.stop(graceMs)
      const { code, signal } = await started.exited
      return `it ended (${signal ?? code}) ${started.stderrTail().trimEnd().slice(-1000)}`
    },
    stopping.signal,
  )
  const failed = kept.then(() => new Promise<never>(() => {}))
  failed.catch(() => {}) // whoever races with it hears of it
  const address = await Promise.race([told, failed])
  return {
    address,
    failed,
    async close() {
      stopping.abort()
      await child?.stop(graceMs)
      await kept.catch(() => {}) // it was told by `failed`
    },
  }
}

function environmentOf(access: AccessOptions): Record<string, string> {
  return Object.fromEntries(
    accessOptions.flatMap(([name, , variable]) => {
      const value = access[name]
      return value === undefined ? [] : [[variable, value]]
    }),
  )
}

function argumentsOf({ port, host, allowHost = [], control }: BoardOptions): string[] {
  return [
    ...(port === undefined ? [] : ['--port', String(port)]),
    ...(host === undefined ? [] : ['--host', host]),
    ...allowHost.flatMap((name) => ['--allow-host', name]),
    ...(control === true ? ['--control'] : []),
  ]
}
