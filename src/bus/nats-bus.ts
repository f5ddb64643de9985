/**
 * The bus on NATS, and the place where the hazards of its client end (the client itself is behind nats-client.ts):
 * I1 Subscriptions live in a table of our own, so that a connection can be built anew at any time without anybody noticing.
 * I2 A message to itself goes round every few seconds. A connection that is open but deaf (a dead read loop, a server that is
 *    stopped) is closed and built anew. Two must stay out: a process that was itself blocked reads the first one late.
 * I3 Messages from a connection that was given up are ignored.
 * I4 Only inboxes are answered: no permission of the server limits which reply subject an asker names.
 */
import { problem, toProblem, describe, type MaggyError } from '../../protocol/index.ts'
import type { Bus, BusStatus, Handler, RequestOptions } from './bus.ts'
import { jittered, reconnecting } from './backoff.ts'
import { guarded, report, type OnFault, type RawDelivery } from './guard.ts'
import { natsBlobs } from './nats-blobs.ts'
import {
  addressIn,
  dataOf,
  eventKind,
  headersOf,
  mapped,
  membersOf,
  permissionRefused,
  inboxOf,
  openConnection,
  wireReply,
  type ClientOptions,
  type ClientSubscription,
  type Msg,
  type NatsConnection,
} from './nats-client.ts'
import { jetStreamApi } from './nats-api.ts'
import { createMaker } from './nats-making.ts'
import { createOutgoing } from './nats-outgoing.ts'
import { createRequests } from './nats-requests.ts'
import { natsStreams } from './nats-streams.ts'
import type { Wire, WireReply } from './nats-wire.ts'

export interface NatsOptions extends ClientOptions {
  /** Between two messages to itself; 0: none. Default 4,000. */
  watchdogMs?: number
  /** Hears of faults that no caller can be told of. */
  onFault?: OnFault
}

interface Interest {
  readonly subject: string
  readonly queue: string | undefined
  readonly callback: (message: Msg) => void
  live: ClientSubscription | undefined
}

/**
 * Connects. Rejects with BUS_UNREACHABLE, BUS_UNAUTHORIZED, BUS_TOO_OLD or OPTION_INVALID; once connected it stays so, or
 * comes back, until it is closed.
 */
export async function connectNats(options: NatsOptions): Promise<Bus> {
  const address = addressIn(options)
  const onFault = options.onFault ?? (() => {})
  const watchdogMs = options.watchdogMs ?? 4_000
  const listeners = new Set<(status: BusStatus) => void>()
  const interests = new Set<Interest>()
  const pending = new Set<(error: MaggyError) => void>()
  let status: BusStatus = 'connected'
  let closing: Promise<void> | undefined
  let rebuilding = false
  let members = 0
  const { identity } = options
  const requests = createRequests(inboxOf(options), () => link.flush())
  const outgoing = createOutgoing()
  let link = await openConnection(address, options)

  const disconnected = (): MaggyError => problem('BUS_DISCONNECTED', { server: address.label })

  function setStatus(next: BusStatus): void {
    if (status === next || status === 'closed') return
    status = next
    if (next !== 'connected') {
      const error = next === 'closed' ? problem('BUS_CLOSED', {}) : disconnected()
      for (const fail of pending) fail(error)
    }
    for (const listener of listeners) {
      try {
        listener(next)
      } catch (error) {
        report(onFault, { kind: 'handler', subject: 'status', problem: toProblem(error) })
      }
    }
  }

  /** Follows one connection until it is given up. */
  function attach(connection: NatsConnection): void {
    const watch = async (): Promise<void> => {
      for await (const event of connection.status()) {
        if (connection !== link) return
        const { kind, refused } = eventKind(event, address.label)
        if (kind === 'down') setStatus('disconnected')
        else if (kind === 'up') setStatus('connected')
        const refusedSubject = permissionRefused(event)
        if (refusedSubject !== undefined) requests.refused(refusedSubject)
        if (refused) report(onFault, { kind: 'connection', problem: toProblem(refused) })
      }
    }
    watch().catch((error: unknown) => {
      report(onFault, { kind: 'connection', problem: toProblem(error) })
    })
    const end = async (): Promise<void> => {
      const error = await connection.closed()
      if (connection === link && closing === undefined && !rebuilding)
        rebuild(error ? describe(error) : 'the client closed it')
    }
    void end()
    for (const interest of interests) interest.live = listen(connection, interest)
  }

  function listen(connection: NatsConnection, interest: Interest): ClientSubscription {
    return connection.subscribe(interest.subject, {
      ...(interest.queue === undefined ? {} : { queue: interest.queue }),
      callback: (error, message) => {
        if (connection !== link) return
        if (error === null) interest.callback(message)
        else
          report(onFault, { kind: 'connection', problem: toProblem(mapped(error, interest.subject, 0, address.label)) })
      },
    })
  }

  /** Gives the connection up and makes another, however long that takes (I1). */
  function rebuild(reason: string): void {
    const old = link
    rebuilding = true
    report(onFault, {
      kind: 'deaf',
      problem: toProblem(problem('BUS_DISCONNECTED', { server: address.label }, { cause: new Error(reason) })),
    })
    const again = async (): Promise<void> => {
      for (let tries = 0; ; tries += 1) {
        if (closing !== undefined) return
        try {
          const fresh = await openConnection(address, options)
          // A close that came meanwhile: TypeScript cannot see that it may have.
          if ((closing as Promise<void> | undefined) !== undefined) {
            await fresh.close()
            return
          }
          link = fresh
          rebuilding = false
          attach(fresh)
          setStatus('connected')
          return
        } catch {
          // Not there yet. For ever: see I2 of bus.ts.
          await new Promise((resolve) => setTimeout(resolve, jittered(tries, reconnecting, Math.random)))
        }
      }
    }
    setStatus('disconnected')
    old.close().catch((error: unknown) => {
      report(onFault, { kind: 'connection', problem: toProblem(error) })
    })
    void again()
  }

  const limit = (subject: string, bytes: number): void => {
    if (bytes > maxPayload()) throw problem('BUS_TOO_LARGE', { bytes, subject, limit: maxPayload() })
  }
  const maxPayload = (): number => link.info?.max_payload ?? 2 ** 20
  const up = (): void => {
    if (status === 'closed' || link.isDraining()) throw problem('BUS_CLOSED', {})
    if (status === 'disconnected') throw disconnected()
  }

  /** Fails at once when the connection does, instead of after the whole timeout. */
  function whileConnected<T>(work: Promise<T>, subject: string, ms: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = (error: MaggyError): void => {
        pending.delete(fail)
        reject(error)
      }
      pending.add(fail)
      work
        .then(resolve, (error: unknown) => {
          const said = mapped(error, subject, ms, address.label)
          // One connection was given up; the bus is closed only when somebody closed it.
          reject(said.code === 'BUS_CLOSED' && closing === undefined ? disconnected() : said)
        })
        .finally(() => pending.delete(fail))
    })
  }

  async function request(
    subject: string,
    data: Uint8Array,
    {
      timeoutMs,
      headers,
      lend,
      answeredBy = 'server.any',
    }: RequestOptions & { headers?: Readonly<Record<string, string>> },
  ): Promise<Msg> {
    up()
    limit(subject, data.length)
    // The client keeps the payload by reference until its next flush (I3 of bus.ts): a copy, unless it is lent.
    const payload = lend === true ? data : new Uint8Array(data)
    const reply = requests.replySubject(answeredBy)
    const work = requests.answer(reply, subject, Math.max(1, timeoutMs))
    try {
      const options = headers === undefined ? { reply } : { reply, headers: headersOf(headers) }
      post(payload.length, () => link.publish(subject, payload, options))
      return await whileConnected(work, subject, timeoutMs)
    } finally {
      requests.forget(reply)
    }
  }

  function subscribe(subject: string, callback: (message: Msg) => void, queue?: string): () => void {
    if (status === 'closed' || link.isDraining()) throw problem('BUS_CLOSED', {})
    const interest: Interest = { subject, queue, callback, live: undefined }
    interests.add(interest)
    if (!link.isClosed()) interest.live = listen(link, interest)
    return () => {
      if (interests.delete(interest) && !link.isDraining()) interest.live?.unsubscribe()
    }
  }

  /** Sends if there is a connection. One that is being drained still takes answers to what it delivers; in the end it throws. */
  function send(publish: () => void): boolean {
    if (status !== 'connected' || link.isClosed()) return false
    try {
      publish()
      return true
    } catch (error) {
      if (link.isDraining() || link.isClosed()) return false
      throw error
    }
  }

  /** Sent with all else that this turn of the event loop says; a connection that is being closed waits for nothing. */
  function post(bytes: number, publish: () => void): void {
    outgoing.post(bytes, () => {
      try {
        send(publish)
      } catch (error) {
        report(onFault, { kind: 'connection', problem: toProblem(error) })
      }
    })
    if (closing !== undefined) outgoing.flush()
  }

  const raw = (message: Msg): RawDelivery => ({
    subject: message.subject,
    data: dataOf(message),
    // An answer that was to go elsewhere than to an inbox would be a message of ours on any subject that the asker chose (I4).
    reply: message.reply?.startsWith('_INBOX.')
      ? (answer, lend) => {
          limit(message.subject, answer.length)
          // Without a connection an answer is void, like any message.
          const data = lend ? answer : new Uint8Array(answer)
          post(data.length, () => link.publish(message.reply ?? '', data))
        }
      : undefined,
  })

  function onStatus(listener: (status: BusStatus) => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  const wire: Wire = {
    label: address.label,
    get maxPayload() {
      return maxPayload()
    },
    // Without a connection: what the last one said.
    members: () => (members = membersOf(link) ?? members),
    report: (error) => report(onFault, { kind: 'store', problem: toProblem(error) }),
    status: () => status,
    onStatus,
    request: async (subject, data, opts) => wireReply(await request(subject, data, opts)),
    requestMany(subject, data, { timeoutMs, last, most }) {
      up()
      const reply = requests.replySubject('server.any')
      const replies: WireReply[] = []
      let timer: NodeJS.Timeout | undefined
      const work = new Promise<WireReply[]>((resolve, reject) => {
        const wait = (): void => {
          clearTimeout(timer)
          timer = setTimeout(() => {
            reject(problem('BUS_TIMEOUT', { subject, ms: timeoutMs }))
          }, timeoutMs)
        }
        requests.listen(reply, (message) => {
          const one = wireReply(message)
          replies.push(one)
          wait()
          const isLast = last(one)
          if (!isLast && replies.length < most) return
          if (!isLast) reject(problem('BUS_REFUSED', { subject, reason: `more than ${most} replies` }))
          else if (one.code === 503) reject(problem('BUS_NO_RESPONDERS', { subject }))
          else resolve(replies)
        })
        wait()
        const copy = new Uint8Array(data)
        post(copy.length, () => link.publish(subject, copy, { reply }))
      })
      return whileConnected(work, subject, timeoutMs).finally(() => {
        clearTimeout(timer)
        requests.forget(reply)
      })
    },
    nudge: (subject, callback) => subscribe(subject, callback),
  }

  attach(link)
  subscribe(requests.covering, (message) => {
    requests.hear(message)
  })
  // I2: the message to itself.
  const self = requests.replySubject('self.any')
  let missed = 0
  requests.listen(self, () => (missed = 0))
  const watchdog = setInterval(
    () => {
      if (status !== 'connected' || link.isClosed()) {
        missed = 0
        return
      }
      if (missed >= 2) {
        missed = 0
        rebuild(`nothing came through for ${2 * watchdogMs} ms`)
        return
      }
      missed += 1
      send(() => link.publish(self))
    },
    watchdogMs || 2 ** 30,
  )
  watchdog.unref()

  const api = jetStreamApi(wire)
  const maker = createMaker(wire, api, identity !== undefined)
  return {
    server: address.label,
    get maxPayload() {
      return maxPayload()
    },
    get members() {
      return wire.members()
    },
    get status() {
      return status
    },
    publish(subject, data) {
      if (status === 'closed') throw problem('BUS_CLOSED', {})
      limit(subject, data.length)
      if (link.isDraining()) return 'void'
      if (status !== 'connected' || link.isClosed()) return 'void'
      const copy = new Uint8Array(data)
      post(copy.length, () => link.publish(subject, copy))
      return 'sent'
    },
    request: async (subject, data, options) => dataOf(await request(subject, data, options)),
    subscribe(subject: string, handler: Handler, { queue } = {}) {
      const deliver = guarded(handler, onFault)
      return {
        unsubscribe: subscribe(
          subject,
          (message) => {
            deliver(raw(message))
          },
          queue,
        ),
      }
    },
    async flush() {
      up()
      outgoing.flush()
      await whileConnected(link.flush(), 'flush', 0)
    },
    onStatus,
    streams: natsStreams(
      wire,
      api,
      identity === undefined || identity.role === 'driver'
        ? { kind: 'makes', maker }
        : { kind: 'reads', as: identity.role },
    ),
    blobs: natsBlobs(wire, api, maker),
    async close() {
      closing ??= (async () => {
        clearInterval(watchdog)
        outgoing.flush()
        const connection = link
        // Our own requests are not waited for; requests of others are still answered.
        for (const fail of pending) fail(problem('BUS_CLOSED', {}))
        if (status === 'connected' && !connection.isClosed()) {
          const patience = new Promise((resolve) => setTimeout(resolve, 2_000).unref())
          await Promise.race([connection.drain(), patience]).catch(() => connection.close())
        }
        setStatus('closed')
        interests.clear()
        if (!connection.isClosed()) await connection.close()
      })()
      await closing
    },
  }
}
