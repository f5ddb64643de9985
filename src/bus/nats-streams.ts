/**
 * Streams on JetStream, by its request API alone: no consumer is left behind on the server, and nothing needs to be made anew
 * after a restart. Entries are fetched in batches (direct get, nats-server 2.11 and later).
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
import { streamOverhead, type Entry, type Streams } from './bus.ts'
import { createRecorder } from './nats-recorder.ts'
import type { Wire, WireReply } from './nats-wire.ts'

const apiTimeoutMs = 5_000
const batchEntries = 256
const batchBytes = 4 * 2 ** 20
const duplicateWindowNs = 120e9
const smallestStream = 16 * 2 ** 20
/** A message arrives on its subject before the stream has kept it: a follower waits this long before it reads. */
const settleMs = 5
/** A follower that heard nothing looks all the same. */
const lookMs = 1_000

/** JetStream's own error codes (server/errors.json), the ones that mean something here. */
const jetstreamError = {
  notEnabled: [10039, 10076],
  wrongLastSequence: [10071, 10164],
  noMessage: 10037,
  streamNotFound: 10059,
  full: [10077, 10047, 10023, 10028, 10122],
}

interface ApiError {
  readonly code: number
  readonly err_code: number
  readonly description: string
}

/** The fields of JetStream's answers that are used here. */
interface ApiAnswer {
  readonly message?: { readonly seq: number; readonly subject: string; readonly data?: string }
  readonly state?: { readonly subjects?: Readonly<Record<string, number>> }
  readonly total?: number
}

export function natsStreams(wire: Wire): Streams {
  const decoder = new TextDecoder()

  /** Asks JetStream itself; gives the answer or its error. */
  async function api(method: string, body?: object): Promise<{ ok: ApiAnswer } | { error: ApiError }> {
    const data = new TextEncoder().encode(body === undefined ? '' : JSON.stringify(body))
    try {
      const reply = await wire.request(`$JS.API.${method}`, data, { timeoutMs: apiTimeoutMs })
      const parsed = JSON.parse(decoder.decode(reply.data)) as ApiAnswer & { error?: ApiError }
      return parsed.error === undefined ? { ok: parsed } : { error: parsed.error }
    } catch (error) {
      if (isProblem(error, 'BUS_NO_RESPONDERS')) throw problem('BUS_NO_JETSTREAM', { server: wire.label })
      throw error
    }
  }

  function refusal(subject: string, error: ApiError): MaggyError {
    if (jetstreamError.notEnabled.includes(error.err_code)) return problem('BUS_NO_JETSTREAM', { server: wire.label })
    if (jetstreamError.full.includes(error.err_code)) return problem('BUS_FULL', { subject, reason: error.description })
    return problem('BUS_REFUSED', { subject, reason: `${error.description} (${error.err_code})` })
  }

  async function publish(
    subject: string,
    data: Uint8Array,
    headers: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<{ sequence: number } | { error: ApiError }> {
    const limit = wire.maxPayload - streamOverhead
    if (data.length > limit) throw problem('BUS_TOO_LARGE', { bytes: data.length, subject, limit })
    const reply = await wire.request(subject, data, { timeoutMs, headers })
    const parsed = JSON.parse(decoder.decode(reply.data)) as { seq?: number; error?: ApiError }
    if (parsed.error !== undefined) return { error: parsed.error }
    if (parsed.seq === undefined) throw problem('BUS_REFUSED', { subject, reason: 'this subject is not kept' })
    return { sequence: parsed.seq }
  }

  const record = createRecorder(wire, async ({ subject, data, id, timeoutMs }) => {
    const kept = await publish(subject, data, { 'Nats-Msg-Id': id }, timeoutMs)
    if ('error' in kept) throw refusal(subject, kept.error)
  })

  async function ensureOne(definition: StreamDefinition): Promise<void> {
    const known = await api(`STREAM.INFO.${definition.name}`)
    if ('ok' in known) return
    if (known.error.err_code !== jetstreamError.streamNotFound) throw refusal(definition.name, known.error)
    for (let bytes = definition.maxBytes; ; bytes /= 4) {
      const made = await api(`STREAM.CREATE.${definition.name}`, configOf(definition, bytes))
      if ('ok' in made) {
        // Where the store has less room than was wished for, half of it is left to the other streams.
        if (bytes < definition.maxBytes) await api(`STREAM.UPDATE.${definition.name}`, configOf(definition, bytes / 2))
        return
      }
      const small = jetstreamError.full.includes(made.error.err_code)
      if (!small || bytes / 4 < smallestStream) throw refusal(definition.name, made.error)
    }
  }

  /** Entries after a sequence, oldest first, and whether there are more. */
  async function batch(
    stream: StreamName,
    filter: string,
    after: number,
  ): Promise<{ entries: Entry[]; more: boolean }> {
    const ask = { seq: after + 1, next_by_subj: filter, batch: batchEntries, max_bytes: batchBytes }
    const subject = `$JS.API.DIRECT.GET.${streams[stream].name}`
    const replies = await wire.requestMany(subject, new TextEncoder().encode(JSON.stringify(ask)), {
      timeoutMs: apiTimeoutMs,
      last: (reply) => reply.code !== 0,
    })
    const end = replies.pop()
    const entries = replies.map(toEntry)
    if (end?.code === 404) return { entries, more: false }
    if (end?.code !== 204) throw problem('BUS_REFUSED', { subject, reason: `status ${end?.code ?? 0}` })
    return { entries, more: Number(end.header('Nats-Num-Pending')) > 0 }
  }

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
          const got = await batch(stream, filter, last)
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

  return {
    async ensure() {
      for (const definition of Object.values(streams)) await ensureOne(definition)
    },
    async append(subject, data, { expectedLast, timeoutMs = apiTimeoutMs }) {
      const headers = { 'Nats-Expected-Last-Subject-Sequence': String(expectedLast) }
      const kept = await publish(subject, data, headers, timeoutMs)
      if ('sequence' in kept) return kept.sequence
      if (jetstreamError.wrongLastSequence.includes(kept.error.err_code)) {
        throw problem('BUS_CONFLICT', { subject, expected: expectedLast })
      }
      throw refusal(subject, kept.error)
    },
    record: (subject, data, { id, timeoutMs = apiTimeoutMs }) => record({ subject, data, id, timeoutMs }),
    async *read(stream, filter, { after = 0 } = {}) {
      let last = after
      for (let more = true; more;) {
        const got = await batch(stream, filter, last)
        for (const entry of got.entries) {
          last = entry.sequence
          yield entry
        }
        more = got.more
      }
    },
    follow,
    async last(stream, subject) {
      const answer = await api(`STREAM.MSG.GET.${streams[stream].name}`, { last_by_subj: subject })
      if ('ok' in answer) {
        const { message } = answer.ok
        if (message === undefined) return undefined
        const data = new Uint8Array(Buffer.from(message.data ?? '', 'base64'))
        return { sequence: message.seq, subject: message.subject, data }
      }
      if (answer.error.err_code === jetstreamError.noMessage) return undefined
      throw refusal(subject, answer.error)
    },
    async subjects(stream, filter) {
      const found: string[] = []
      for (;;) {
        const answer = await api(`STREAM.INFO.${streams[stream].name}`, {
          subjects_filter: filter,
          offset: found.length,
        })
        if ('error' in answer) throw refusal(filter, answer.error)
        const page = Object.keys(answer.ok.state?.subjects ?? {})
        found.push(...page)
        if (page.length === 0 || found.length >= (answer.ok.total ?? 0)) return found
      }
    },
  }
}

/** A durable stream refuses an entry for which it has no room; the other kind forgets its oldest entries. */
function configOf(definition: StreamDefinition, maxBytes: number): object {
  return {
    name: definition.name,
    subjects: definition.subjects,
    retention: 'limits',
    storage: 'file',
    num_replicas: 1,
    max_consumers: -1,
    max_msgs: -1,
    max_msgs_per_subject: -1,
    max_age: 0,
    max_msg_size: -1,
    max_bytes: Math.floor(maxBytes),
    discard: definition.durable ? 'new' : 'old',
    duplicate_window: duplicateWindowNs,
    allow_direct: true,
    // Since nats-server 2.12: an acknowledgement need not wait for the disk.
    ...(definition.durable ? {} : { persist_mode: 'async' }),
  }
}

function toEntry(reply: WireReply): Entry {
  const sequence = Number(reply.header('Nats-Sequence'))
  if (!Number.isSafeInteger(sequence) || sequence < 1) {
    throw problem('BUS_REFUSED', { subject: reply.header('Nats-Subject'), reason: 'an entry without a sequence' })
  }
  return { sequence, subject: reply.header('Nats-Subject'), data: reply.data }
}
