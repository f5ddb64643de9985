/**
 * JetStream by its request API alone: no consumer is left behind on the server, and nothing needs to be made anew after a restart.
 * Entries are fetched in batches (direct get, nats-server 2.11 and later).
 */
import { isProblem, problem, type MaggyError, type StreamDefinition } from '../../protocol/index.ts'
import { streamOverhead, type Entry } from './bus.ts'
import { Acknowledgement, answerIn, ApiAnswer, type ApiError } from './nats-answers.ts'
import type { Wire, WireReply } from './nats-wire.ts'

const apiTimeoutMs = 5_000
const batchEntries = 256
const batchBytes = 4 * 2 ** 20
const duplicateWindowNs = 120e9
const smallestStream = 16 * 2 ** 20

/** JetStream's own error codes (server/errors.json), the ones that mean something here. */
const jetstreamError = {
  notEnabled: [10039, 10076],
  wrongLastSequence: [10071, 10164],
  noMessage: 10037,
  streamNotFound: 10059,
  full: [10077, 10047, 10023, 10028, 10122],
}

/** Replies to one question for a batch: its entries, and the end. */
const repliesAtMost = batchEntries + 1

/** A stream as its server is told to make it. */
export interface StreamSetting {
  readonly name: string
  readonly [field: string]: unknown
}

export interface JetStreamApi {
  /** Keeps one entry, and resolves with its sequence. BUS_CONFLICT: the fence in the headers does not hold. */
  publish(
    subject: string,
    data: Uint8Array,
    headers: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<number>
  hasStream(name: string): Promise<boolean>
  /** Makes a stream where it is missing. */
  makeStream(setting: StreamSetting): Promise<void>
  /** The last entry on a subject, as the stream's leader has it. */
  lastKept(stream: string, subject: string): Promise<Entry | undefined>
  /** The last entry on a subject, read directly: it may have wildcards. */
  last(stream: string, subject: string): Promise<Entry | undefined>
  /** One batch of the entries after a sequence, oldest first, and whether there are more. */
  batch(stream: string, filter: string, after: number): Promise<{ entries: Entry[]; more: boolean }>
  /** All that there are now. */
  entries(stream: string, filter: string, after: number): AsyncIterable<Entry>
  subjects(stream: string, filter: string): Promise<readonly string[]>
  /** Removes the entries on a subject. */
  purge(stream: string, filter: string): Promise<void>
}

export function jetStreamApi(wire: Wire): JetStreamApi {
  const encoder = new TextEncoder()

  /** Asks JetStream itself; gives the answer or its error. */
  async function api(method: string, body?: object): Promise<{ ok: ApiAnswer } | { error: ApiError }> {
    const data = encoder.encode(body === undefined ? '' : JSON.stringify(body))
    try {
      const reply = await wire.request(`$JS.API.${method}`, data, { timeoutMs: apiTimeoutMs })
      const parsed = answerIn(ApiAnswer, reply.data, `$JS.API.${method}`)
      return parsed.error === undefined ? { ok: parsed } : { error: parsed.error }
    } catch (error) {
      if (isProblem(error, 'BUS_NO_RESPONDERS')) throw problem('BUS_NO_JETSTREAM', { server: wire.label })
      throw error
    }
  }

  function refusal(subject: string, error: ApiError): MaggyError {
    if (jetstreamError.notEnabled.includes(error.err_code)) return problem('BUS_NO_JETSTREAM', { server: wire.label })
    const { description = 'no reason given', err_code: code } = error
    if (jetstreamError.full.includes(code)) return problem('BUS_FULL', { subject, reason: description })
    return problem('BUS_REFUSED', { subject, reason: `${description} (${code})` })
  }

  async function hasStream(name: string): Promise<boolean> {
    const known = await api(`STREAM.INFO.${name}`)
    if ('ok' in known) return true
    if (known.error.err_code === jetstreamError.streamNotFound) return false
    throw refusal(name, known.error)
  }

  async function batch(stream: string, filter: string, after: number): Promise<{ entries: Entry[]; more: boolean }> {
    const ask = { seq: after + 1, next_by_subj: filter, batch: batchEntries, max_bytes: batchBytes }
    const subject = `$JS.API.DIRECT.GET.${stream}`
    const replies = await wire.requestMany(subject, encoder.encode(JSON.stringify(ask)), {
      timeoutMs: apiTimeoutMs,
      last: (reply) => reply.code !== 0,
      most: repliesAtMost,
    })
    const end = replies.pop()
    const entries = replies.map(toEntry)
    if (end?.code === 404) return { entries, more: false }
    if (end?.code !== 204) throw problem('BUS_REFUSED', { subject, reason: `status ${end?.code ?? 0}` })
    const more = Number(end.header('Nats-Num-Pending')) > 0
    // It would be asked for for ever.
    if (more && entries.length === 0)
      throw problem('BUS_REFUSED', { subject, reason: 'a batch of nothing, and more to come' })
    return { entries, more }
  }

  return {
    batch,
    async publish(subject, data, headers, timeoutMs) {
      const limit = wire.maxPayload - streamOverhead
      if (data.length > limit) throw problem('BUS_TOO_LARGE', { bytes: data.length, subject, limit })
      const reply = await wire.request(subject, data, { timeoutMs, headers })
      const { seq, error } = answerIn(Acknowledgement, reply.data, subject)
      if (error !== undefined) {
        if (!jetstreamError.wrongLastSequence.includes(error.err_code)) throw refusal(subject, error)
        const expected = headers['Nats-Expected-Last-Subject-Sequence'] ?? ''
        throw problem('BUS_CONFLICT', { subject, expected })
      }
      if (seq === undefined) throw problem('BUS_REFUSED', { subject, reason: 'this subject is not kept' })
      return seq
    },
    hasStream,
    async makeStream(setting) {
      const { name } = setting
      if (await hasStream(name)) return
      const wished = Number(setting['max_bytes'])
      for (let bytes = wished; ; bytes /= 4) {
        const made = await api(`STREAM.CREATE.${name}`, { ...setting, max_bytes: Math.floor(bytes) })
        if ('ok' in made) {
          // Where the store has less room than was wished for, half of it is left to the other streams.
          if (bytes < wished) await api(`STREAM.UPDATE.${name}`, { ...setting, max_bytes: Math.floor(bytes / 2) })
          return
        }
        const small = jetstreamError.full.includes(made.error.err_code)
        if (!small || bytes / 4 < smallestStream) throw refusal(name, made.error)
      }
    },
    async lastKept(stream, subject) {
      const answer = await api(`STREAM.MSG.GET.${stream}`, { last_by_subj: subject })
      if ('ok' in answer) {
        const { message } = answer.ok
        if (message === undefined) return undefined
        const data = new Uint8Array(Buffer.from(message.data ?? '', 'base64'))
        return { sequence: message.seq, subject: message.subject, data }
      }
      if (answer.error.err_code === jetstreamError.noMessage) return undefined
      throw refusal(subject, answer.error)
    },
    async last(stream, filter) {
      const subject = `$JS.API.DIRECT.GET.${stream}`
      const ask = encoder.encode(JSON.stringify({ last_by_subj: filter }))
      let reply: WireReply
      try {
        reply = await wire.request(subject, ask, { timeoutMs: apiTimeoutMs })
      } catch (error) {
        // No stream, and so no entry; or no JetStream, which its own question tells.
        if (!isProblem(error, 'BUS_NO_RESPONDERS')) throw error
        const known = await api(`STREAM.INFO.${stream}`)
        if ('error' in known && known.error.err_code === jetstreamError.streamNotFound) return undefined
        throw error
      }
      if (reply.code === 404) return undefined
      if (reply.code !== 0) throw problem('BUS_REFUSED', { subject, reason: `status ${reply.code}` })
      return toEntry(reply)
    },
    async *entries(stream, filter, after) {
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
    async subjects(stream, filter) {
      const found: string[] = []
      for (;;) {
        const answer = await api(`STREAM.INFO.${stream}`, { subjects_filter: filter, offset: found.length })
        if ('error' in answer) throw refusal(filter, answer.error)
        const page = Object.keys(answer.ok.state?.subjects ?? {})
        found.push(...page)
        if (page.length === 0 || found.length >= (answer.ok.total ?? 0)) return found
      }
    },
    async purge(stream, filter) {
      const answer = await api(`STREAM.PURGE.${stream}`, { filter })
      if ('error' in answer && answer.error.err_code !== jetstreamError.streamNotFound)
        throw refusal(filter, answer.error)
    },
  }
}

/** A durable stream refuses an entry for which it has no room; the other kind forgets its oldest entries. */
export function configOf(definition: StreamDefinition): StreamSetting {
  return {
    ...common(definition.name, definition.subjects),
    max_bytes: definition.maxBytes,
    discard: definition.durable ? 'new' : 'old',
    duplicate_window: duplicateWindowNs,
    // Since nats-server 2.12: an acknowledgement need not wait for the disk.
    ...(definition.durable ? {} : { persist_mode: 'async' }),
  }
}

/** A bucket of the object store. */
export function configOfBucket(bucket: string): StreamSetting {
  return {
    ...common(`OBJ_${bucket}`, [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`]),
    max_bytes: -1,
    discard: 'new',
    allow_rollup_hdrs: true,
  }
}

const common = (name: string, subjects: readonly string[]) => ({
  name,
  subjects,
  retention: 'limits',
  storage: 'file',
  num_replicas: 1,
  max_consumers: -1,
  max_msgs: -1,
  max_msgs_per_subject: -1,
  max_age: 0,
  max_msg_size: -1,
  allow_direct: true,
})

function toEntry(reply: WireReply): Entry {
  const sequence = Number(reply.header('Nats-Sequence'))
  if (!Number.isSafeInteger(sequence) || sequence < 1) {
    throw problem('BUS_REFUSED', { subject: reply.header('Nats-Subject'), reason: 'an entry without a sequence' })
  }
  return { sequence, subject: reply.header('Nats-Subject'), data: reply.data }
}
