/**
 * The streams of protocol/streams.ts on JetStream.
 * I1 `follow` hands out each entry once and in order, across outages: it asks for the entries after the last one it handed out.
 */
import {
  codeOf,
  isProblem,
  MaggyError,
  problem,
  streams,
  type StreamDefinition,
  type StreamName,
} from '../../protocol/index.ts'
import type { Entry, Streams } from './bus.ts'
import type { JetStreamApi } from './nats-api.ts'
import type { Maker } from './nats-making.ts'
import { createRecorder } from './nats-recorder.ts'
import type { Wire } from './nats-wire.ts'

const apiTimeoutMs = 5_000
/** In a cluster: an acknowledgement that a leader owed which is gone does not come, and an append may be said again. */
const memberTimeoutMs = 2_000
/** A message arrives on its subject before the stream has kept it: a follower waits this long before it reads. */
const settleMs = 5
/** A follower that heard nothing looks all the same. */
const lookMs = 1_000

/** A connection may make the streams that are missing, or it has a role that may read some of them. */
type Right = { readonly kind: 'makes'; readonly maker: Maker } | { readonly kind: 'reads'; readonly as: string }

export function natsStreams(wire: Wire, api: JetStreamApi, right: Right): Streams {
  const defaultTimeoutMs = (): number => (wire.members() > 0 ? memberTimeoutMs : apiTimeoutMs)
  const nameOf = (stream: StreamName): string => streams[stream].name
  const record = createRecorder(wire, async ({ subject, data, id, timeoutMs }) => {
    await api.publish(subject, data, { 'Nats-Msg-Id': id }, timeoutMs)
  })

  async function* follow(
    stream: StreamName,
    filter: string,
    { after = 0, signal }: { after?: number; signal: AbortSignal },
  ): AsyncGenerator<Entry> {
    let last = after
    let heard = true
    let wake = (): void => {}
    const woken = (): void => {
      heard = true
      wake()
    }
    const pause = (ms: number, untilHeard: boolean): Promise<void> =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms)
        wake = () => {
          if (!untilHeard && !signal.aborted) return
          clearTimeout(timer)
          resolve()
        }
        if (signal.aborted) wake()
      })
    const unsubscribe = wire.nudge(filter, woken)
    const offStatus = wire.onStatus(woken)
    signal.addEventListener('abort', woken)
    try {
      let emptyHanded = 0
      while (!signal.aborted && wire.status() !== 'closed') {
        heard = false
        let more = false
        try {
          const got = await api.batch(nameOf(stream), filter, last)
          for (const entry of got.entries) {
            if (signal.aborted) return
            last = entry.sequence
            yield entry
          }
          more = got.more
          emptyHanded = got.entries.length > 0 ? 0 : emptyHanded + 1
        } catch (error) {
          // An outage or a server that starts: it comes back, and so does the next look.
          if (codeOf(error) === 'BUS_CLOSED') return
          if (!(error instanceof MaggyError) || !error.retryable) throw error
          emptyHanded = Math.max(emptyHanded, 3)
        }
        if (more) continue
        // A message that was heard may not be kept yet: it reads a few times quickly, then more slowly.
        if (!heard) await pause(emptyHanded > 0 && emptyHanded < 4 ? settleMs * 4 ** emptyHanded : lookMs, true)
        if (heard) await pause(settleMs, false)
      }
    } finally {
      unsubscribe()
      offStatus()
      signal.removeEventListener('abort', woken)
    }
  }

  async function append(
    subject: string,
    data: Uint8Array,
    { expectedLast, id, timeoutMs = defaultTimeoutMs() }: { expectedLast: number; id?: string; timeoutMs?: number },
  ): Promise<number> {
    const fence = { 'Nats-Expected-Last-Subject-Sequence': String(expectedLast) }
    try {
      return await api.publish(subject, data, id === undefined ? fence : { ...fence, 'Nats-Msg-Id': id }, timeoutMs)
    } catch (error) {
      if (id === undefined || !isProblem(error, 'BUS_CONFLICT')) throw error
      // A server alone looks at the fence before the id; and after two minutes ids are forgotten.
      const next = await api.next(nameOf('log'), subject, expectedLast)
      if (next?.id === id) return next.sequence
      throw error
    }
  }

  return {
    async ensure(copies = {}) {
      if (right.kind === 'makes') return await right.maker.all(copies)
      for (const { name, reads } of Object.values<StreamDefinition>(streams))
        if (reads.some((role) => role === right.as) && (await api.streamSetting(name)) === undefined)
          throw problem('BUS_NOT_SET_UP', { server: wire.label })
    },
    append,
    record: (subject, data, { id, timeoutMs = defaultTimeoutMs() }) => record({ subject, data, id, timeoutMs }),
    read: (stream, filter, { after = 0 } = {}) => api.entries(nameOf(stream), filter, after),
    follow,
    last: (stream, subject) => api.last(nameOf(stream), subject),
    subjects: (stream, filter) => api.subjects(nameOf(stream), filter),
    purge: (stream, filter) => api.purge(nameOf(stream), filter),
  }
}
