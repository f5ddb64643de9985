/**
 * JetStream by its request API alone: no consumer is left behind on the server, and nothing needs to be made anew after a restart.
 * Entries are fetched in batches (direct get, nats-server 2.11 and later).
 * I1 In a cluster a direct get may be answered by a follower that is behind: what counts as the end is asked of the stream's leader.
 * I2 A cluster that elects a leader is waited for, with all that may be asked twice. One that takes long over it is named meanwhile.
 * I3 An entry whose bytes do not have its checksum is asked for once more, of the leader; the one that stays so is marked.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { isProblem, problem, type MaggyError } from '../../protocol/index.ts'
import { streamOverhead, type Entry } from './bus.ts'
import { Acknowledgement, answerIn, ApiAnswer, type ApiError } from './nats-answers.ts'
import { checksumHeader, checksumOf } from './nats-checksum.ts'
import type { StreamSetting } from './nats-settings.ts'
import type { Wire, WireReply } from './nats-wire.ts'

const apiTimeoutMs = 5_000
/** In a cluster: what was asked of a member that is gone is asked again of another. */
const memberTimeoutMs = 2_000
/** An election takes 4 to 9 s where a leader vanished, and may have to be held twice. */
const electionMs = 20_000
const electionLookMs = 200
/** An election that takes longer may have too few members for one. */
const longElectionMs = 4_000
const batchEntries = 256
const batchBytes = 4 * 2 ** 20

/** JetStream's own error codes (server/errors.json), the ones that mean something here. */
const jetstreamError = {
  notEnabled: [10039, 10076],
  wrongLastSequence: [10071, 10164],
  noMessage: 10037,
  streamNotFound: 10059,
  nameInUse: 10058,
  /** No leader, a cluster that is not whole, a message that is under way already. */
  undecided: [10004, 10008, 10009, 10118, 10158],
  /** Fewer members, or fewer with room, than copies; or no cluster at all. */
  noPeers: [10005, 10074],
  full: [10077, 10047, 10023, 10028, 10122],
}

/** Replies to one question for a batch: its entries, and the end. */
const repliesAtMost = batchEntries + 1

type Creation =
  | { readonly kind: 'made' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'noPeers'; readonly reason: string }
  | { readonly kind: 'full'; readonly error: MaggyError }

export interface JetStreamApi {
  /** Keeps one entry, and resolves with its sequence. BUS_CONFLICT: the fence in the headers does not hold. */
  publish(
    subject: string,
    data: Uint8Array,
    headers: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<number>
  /** The same for what has an id and no fence that others could break: in a cluster it is said again until it is known to be kept (I2). */
  publishOnce(
    subject: string,
    data: Uint8Array,
    headers: Readonly<Record<string, string>> & { readonly 'Nats-Msg-Id': string },
    timeoutMs: number,
  ): Promise<number>
  /** How a stream was made; undefined: there is none. */
  streamSetting(name: string): Promise<StreamSetting | undefined>
  createStream(setting: StreamSetting): Promise<Creation>
  updateStream(setting: StreamSetting): Promise<void>
  /** The first entry on a subject after a sequence, and the id that it came under, as the stream's leader has it. */
  next(stream: string, subject: string, after: number): Promise<(Entry & { readonly id: string }) | undefined>
  /** The last entry on a subject, which may have wildcards, as the stream's leader has it. */
  last(stream: string, subject: string): Promise<Entry | undefined>
  /** One batch of the entries after a sequence, oldest first, and whether there are more, as far as whoever answers knows. */
  batch(stream: string, filter: string, after: number): Promise<{ entries: Entry[]; more: boolean }>
  /** All that there are now (I1). */
  entries(stream: string, filter: string, after: number): AsyncIterable<Entry>
  subjects(stream: string, filter: string): Promise<readonly string[]>
  /** Removes the entries on a subject. */
  purge(stream: string, filter: string): Promise<void>
}

export function jetStreamApi(wire: Wire): JetStreamApi {
  const encoder = new TextEncoder()

  const timeoutMs = (): number => (wire.members() > 0 ? memberTimeoutMs : apiTimeoutMs)

  /** I2 */
  async function patiently<T>(ask: () => Promise<T>): Promise<T> {
    for (const begun = performance.now(); ; await delay(electionLookMs)) {
      try {
        return await ask()
      } catch (error) {
        const passes = isProblem(error, 'BUS_NO_LEADER', 'BUS_TIMEOUT', 'BUS_NO_RESPONDERS', 'BUS_DISCONNECTED')
        const waitedMs = performance.now() - begun
        if (!passes || wire.members() === 0 || waitedMs > electionMs) throw error
        if (waitedMs > longElectionMs && error.code !== 'BUS_DISCONNECTED') sayWaiting(error)
      }
    }
  }

  let saidAt = -Infinity

  /** Once for all that wait at the same time. */
  function sayWaiting({ message, details }: MaggyError): void {
    if (performance.now() - saidAt < electionMs) return
    saidAt = performance.now()
    const { subject = 'its streams', reason = message } = details
    wire.report(problem('BUS_NO_LEADER', { server: wire.label, subject, reason: `${reason}; it is waited for` }))
  }

  /** Asks JetStream itself; gives the answer or its error. */
  const api = (method: string, body?: object): Promise<{ ok: ApiAnswer } | { error: ApiError }> =>
    patiently(async () => {
      const subject = `$JS.API.${method}`
      const data = encoder.encode(body === undefined ? '' : JSON.stringify(body))
      try {
        const reply = await wire.request(subject, data, { timeoutMs: timeoutMs() })
        const parsed = answerIn(ApiAnswer, reply.data, subject)
        if (parsed.error === undefined) return { ok: parsed }
        if (isUndecided(parsed.error)) throw refusal(subject, parsed.error)
        return { error: parsed.error }
      } catch (error) {
        if (isProblem(error, 'BUS_NO_RESPONDERS') && wire.members() === 0)
          throw problem('BUS_NO_JETSTREAM', { server: wire.label })
        throw error
      }
    })

  const isUndecided = ({ err_code: code }: ApiError): boolean => jetstreamError.undecided.includes(code)

  function refusal(subject: string, error: ApiError): MaggyError {
    const { description = 'no reason given', err_code: code } = error
    if (jetstreamError.notEnabled.includes(code)) return problem('BUS_NO_JETSTREAM', { server: wire.label })
    if (isUndecided(error)) return problem('BUS_NO_LEADER', { server: wire.label, subject, reason: description })
    if (jetstreamError.full.includes(code)) return problem('BUS_FULL', { subject, reason: description })
    return problem('BUS_REFUSED', { subject, reason: `${description} (${code})` })
  }

  async function streamSetting(name: string): Promise<StreamSetting | undefined> {
    const known = await api(`STREAM.INFO.${name}`)
    if ('ok' in known) return { num_replicas: 1, ...known.ok.config, name }
    if (known.error.err_code === jetstreamError.streamNotFound) return undefined
    throw refusal(name, known.error)
  }

  async function directBatch(stream: string, filter: string, after: number) {
    const ask = { seq: after + 1, next_by_subj: filter, batch: batchEntries, max_bytes: batchBytes }
    const subject = `$JS.API.DIRECT.GET.${stream}`
    const replies = await wire.requestMany(subject, encoder.encode(JSON.stringify(ask)), {
      timeoutMs: timeoutMs(),
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

  async function batch(stream: string, filter: string, after: number): Promise<{ entries: Entry[]; more: boolean }> {
    const { entries, more } = await directBatch(stream, filter, after)
    for (const [index, entry] of entries.entries())
      if (entry.rotten === true) entries[index] = await wholeOf(stream, entry)
    return { entries, more }
  }

  /** I3 */
  async function wholeOf(stream: string, rotten: Entry): Promise<Entry> {
    const { sequence, subject } = rotten
    const { id: _, ...found } = (await fromLeader(stream, { seq: sequence })) ?? { ...rotten, id: '' }
    const where = found.rotten === true ? 'also on the leader' : 'on one server; the leader has it whole'
    const reason = `entry ${sequence} of ${stream} does not have its checksum ${where}`
    wire.report(problem('BUS_REFUSED', { subject, reason }))
    return found
  }

  /** One entry, as the stream's leader has it; undefined: there is none, or no such stream. */
  async function fromLeader(stream: string, which: object): Promise<(Entry & { readonly id: string }) | undefined> {
    const answer = await api(`STREAM.MSG.GET.${stream}`, which)
    if ('error' in answer) {
      const { err_code: code } = answer.error
      if (code === jetstreamError.noMessage || code === jetstreamError.streamNotFound) return undefined
      throw refusal(stream, answer.error)
    }
    const { message } = answer.ok
    if (message === undefined) return undefined
    const data = new Uint8Array(Buffer.from(message.data ?? '', 'base64'))
    const headers = Buffer.from(message.hdrs ?? '', 'base64').toString('latin1')
    const entry = entryOf(message.seq, message.subject, data, checksumIn.exec(headers)?.[1] ?? '')
    return { ...entry, id: idIn.exec(headers)?.[1] ?? '' }
  }

  async function publish(
    subject: string,
    data: Uint8Array,
    headers: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<number> {
    const limit = wire.maxPayload - streamOverhead
    if (data.length > limit) throw problem('BUS_TOO_LARGE', { bytes: data.length, subject, limit })
    const signed = { ...headers, [checksumHeader]: checksumOf(subject, data) }
    const reply = await wire.request(subject, data, { timeoutMs, headers: signed })
    const { seq, error } = answerIn(Acknowledgement, reply.data, subject)
    if (error !== undefined) {
      if (!jetstreamError.wrongLastSequence.includes(error.err_code)) throw refusal(subject, error)
      const expected = headers['Nats-Expected-Last-Subject-Sequence'] ?? ''
      throw problem('BUS_CONFLICT', { subject, expected })
    }
    if (seq === undefined) throw problem('BUS_REFUSED', { subject, reason: 'this subject is not kept' })
    return seq
  }

  return {
    batch,
    publish,
    publishOnce: (subject, data, headers, timeoutMs) =>
      patiently(() => publish(subject, data, headers, wire.members() > 0 ? memberTimeoutMs : timeoutMs)),
    streamSetting,
    async createStream(setting) {
      const made = await api(`STREAM.CREATE.${setting.name}`, setting)
      if ('ok' in made) return { kind: 'made' }
      const { err_code: code, description: reason = '' } = made.error
      if (code === jetstreamError.nameInUse) return { kind: 'exists' }
      if (jetstreamError.noPeers.includes(code)) return { kind: 'noPeers', reason }
      const error = refusal(setting.name, made.error)
      if (isProblem(error, 'BUS_FULL')) return { kind: 'full', error }
      throw error
    },
    async updateStream(setting) {
      const updated = await api(`STREAM.UPDATE.${setting.name}`, setting)
      if ('error' in updated) throw refusal(setting.name, updated.error)
    },
    next: (stream, subject, after) => fromLeader(stream, { seq: after + 1, next_by_subj: subject }),
    last: (stream, filter) => fromLeader(stream, { last_by_subj: filter }),
    async *entries(stream, filter, after) {
      for (let last = after, more = true; more;) {
        const from = last
        const got = await patiently(() => batch(stream, filter, from))
        for (const entry of got.entries) {
          last = entry.sequence
          yield entry
        }
        more = got.more
        if (more || wire.members() === 0) continue
        // I1
        const next = await fromLeader(stream, { seq: last + 1, next_by_subj: filter })
        if (next === undefined) return
        const { id: _, ...entry } = next
        last = entry.sequence
        more = true
        yield entry
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

const idIn = /^Nats-Msg-Id: *(\S+)/im
const checksumIn = new RegExp(`^${checksumHeader}: *([0-9a-f]{8})`, 'im')

function toEntry(reply: WireReply): Entry {
  const sequence = Number(reply.header('Nats-Sequence'))
  const subject = reply.header('Nats-Subject')
  if (!Number.isSafeInteger(sequence) || sequence < 1)
    throw problem('BUS_REFUSED', { subject, reason: 'an entry without a sequence' })
  return entryOf(sequence, subject, reply.data, reply.header(checksumHeader))
}

function entryOf(sequence: number, subject: string, data: Uint8Array, checksum: string): Entry {
  const entry = { sequence, subject, data }
  return checksum === '' || checksum === checksumOf(subject, data) ? entry : { ...entry, rotten: true }
}
