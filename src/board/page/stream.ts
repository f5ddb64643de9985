/**
 * One stream of frames from the board.
 * I1 Whatever breaks (the board, the bus, the network, a laptop's lid), it comes back by itself and asks for what came after the last
 *    frame that it had.
 * I2 A connection that is open and says nothing is no connection: the board says something every five seconds.
 * I3 A page that nobody sees holds no connection: browsers have six of them for a host.
 */
import { signal } from '@preact/signals'
import type { BoardStatus } from '../wire.ts'

/** refused: the token is no longer the board's; unknown: there is no such experiment. */
export type Connection = 'connecting' | 'live' | 'away' | 'refused' | 'unknown'

/** Of the stream that was opened last: what the page tells of itself. */
export const connection = signal<Connection>('connecting')
export const status = signal<BoardStatus | null>(null)
/** Add this to the browser's clock to get the board's. */
const clockOffset = signal(0)
export const now = (): number => Date.now() + clockOffset.value

const silentMs = 12_000
const againMs = 1_000
const refusedMs = 5_000
const hiddenMs = 30_000

export interface FrameStream {
  close(): void
}

/** `onOpen`: a connection begins; `again`: there was one before, and it may have missed what is not in frames. */
export function openStream(
  path: string,
  hears: { frame(frame: unknown): void; opened?(again: boolean): void },
): FrameStream {
  let source: EventSource | undefined
  let lastId = ''
  let closed = false
  let opens = 0
  let watchdog: number | undefined
  let retry: number | undefined
  let hiding: number | undefined

  const alive = () => {
    window.clearTimeout(watchdog)
    watchdog = window.setTimeout(() => {
      connection.value = 'away'
      reopen()
    }, silentMs)
  }
  const shut = () => {
    window.clearTimeout(watchdog)
    window.clearTimeout(retry)
    source?.close()
    source = undefined
  }
  const reopen = () => {
    shut()
    if (!closed && !document.hidden) open()
  }
  const open = () => {
    // Whole frames come for those who have none yet: only then may the id be left out.
    source = new EventSource(lastId === '' ? path : `${path}?after=${encodeURIComponent(lastId)}`)
    alive()
    source.addEventListener('open', () => {
      hears.opened?.(opens > 0)
      opens += 1
      connection.value = 'live'
      alive()
    })
    source.addEventListener('status', ({ data }: MessageEvent<string>) => {
      const said = JSON.parse(data) as BoardStatus
      status.value = said
      clockOffset.value = said.now - Date.now()
      connection.value = 'live'
      alive()
    })
    source.addEventListener('frame', ({ data, lastEventId }: MessageEvent<string>) => {
      lastId = lastEventId
      alive()
      hears.frame(JSON.parse(data))
    })
    source.addEventListener('error', () => {
      connection.value = 'away'
      if (source?.readyState === EventSource.CLOSED) void findOut()
    })
  }
  /** The browser has given up, which it does where it was answered by something else than a stream. */
  const findOut = async () => {
    shut()
    const answered = await statusOf(path)
    if (closed) return
    if (answered === 401) connection.value = 'refused'
    else if (answered === 404) connection.value = 'unknown'
    // A stream that the board refused is hardly accepted a second later.
    retry = window.setTimeout(reopen, answered === undefined ? againMs : refusedMs)
  }
  const visibility = () => {
    window.clearTimeout(hiding)
    if (document.hidden) hiding = window.setTimeout(shut, hiddenMs)
    else if (source === undefined) reopen()
  }
  document.addEventListener('visibilitychange', visibility)
  open()
  return {
    close() {
      closed = true
      document.removeEventListener('visibilitychange', visibility)
      window.clearTimeout(hiding)
      shut()
    },
  }
}

async function statusOf(path: string): Promise<number | undefined> {
  const giveUp = new AbortController()
  try {
    const { status: code } = await fetch(path, { signal: giveUp.signal })
    return code
  } catch {
    return undefined // nobody answers: it is away
  } finally {
    giveUp.abort()
  }
}
