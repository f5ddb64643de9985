/**
 * The in-memory twin of the NATS bus, for tests: one network, any number of connections, outages by hand, time as an argument.
 * Deliveries come in a microtask, in order; `settled()` waits until none is under way.
 */
import { problem, type StreamName } from '../../protocol/index.ts'
import type { Bus, BusStatus, Handler } from './bus.ts'
import { guarded, type OnFault, type RawDelivery } from './guard.ts'
import { createMemoryStore } from './memory-store.ts'
import { SubjectIndex } from './subject-index.ts'

interface Timers {
  now(): number
  setTimeout(fn: () => void, ms: number): unknown
  clearTimeout(id: unknown): void
}

export interface MemoryNetworkOptions {
  /** Default: the system's time. */
  clock?: Timers
  /** Bytes. Default: 1 MiB, as nats-server has it. */
  maxPayload?: number
  /** Hears of handlers that throw, on any connection. */
  onFault?: OnFault
  /** The most bytes that a stream holds. Default: 256 MiB. */
  maxStreamBytes?: number
  /** Decides the fate of each message on its way. Default: all arrive. */
  transit?: (leg: Leg) => Transit
}

/** The receiver of a request that no connection hears. */
const nobody = 'nobody'

/** One way of one message. */
export interface Leg {
  /** append: to a stream; acknowledgement: the stream's answer to it; read: the stream's answer to one that reads it. */
  readonly kind: 'message' | 'reply' | 'append' | 'acknowledgement' | 'read'
  readonly subject: string
  /** Names of connections; 'stream' for a stream, 'nobody' where nobody listens. */
  readonly from: string
  readonly to: string
  /** Of messages and replies. */
  readonly data?: Uint8Array
}

/** `stallMs`: the receiving connection hears nothing for this long, and then everything in order. */
export type Transit = 'arrives' | 'lost' | 'twice' | { readonly stallMs: number }

export interface MemoryNetwork {
  connect(name?: string): Bus
  /** Cuts one connection, or all of them and whatever connects meanwhile. */
  outage(bus?: Bus): void
  /** Brings one connection back, or all. */
  restore(bus?: Bus): void
  /** Sets the most bytes that a stream holds from now on. */
  limit(stream: StreamName, bytes: number): void
  /** Resolves when no delivery, and nothing that handlers did at once, is under way. */
  settled(): Promise<void>
}

interface Interest {
  readonly owner: Connection
  readonly queue: string | undefined
  readonly deliver: (raw: RawDelivery) => void
  active: boolean
}

interface Connection {
  readonly bus: Bus
  readonly name: string
  status: BusStatus
  /** By the clock: until then deliveries wait. */
  stalledUntil: number
  readonly inbox: (() => void)[]
  /** Each ends one of its subscriptions. */
  readonly interests: Set<() => void>
  enqueue(work: () => void): void
  setStatus(status: BusStatus): void
}

type Answer = (data: Uint8Array, from: string) => void

const systemTimers: Timers = {
  now: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (id) => {
    clearTimeout(id as NodeJS.Timeout)
  },
}

/** A bus without a server. */
export function createMemoryNetwork(options: MemoryNetworkOptions = {}): MemoryNetwork {
  const clock = options.clock ?? systemTimers
  const maxPayload = options.maxPayload ?? 2 ** 20
  const onFault = options.onFault ?? (() => {})
  const connections = new Map<Bus, Connection>()
  const interests = new SubjectIndex<Interest>()
  const store = createMemoryStore({ now: () => clock.now(), maxBytes: options.maxStreamBytes ?? 2 ** 28 })
  const turns = new Map<string, number>()
  const transit = options.transit ?? (() => 'arrives')
  let down = false

  /** Puts work into a connection's inbox as often as the leg's fate says. */
  function carry(leg: Leg, to: Connection, work: () => void): void {
    const fate = transit(leg)
    if (fate === 'lost') return
    if (typeof fate === 'object') to.stalledUntil = Math.max(to.stalledUntil, clock.now() + fate.stallMs)
    to.enqueue(work)
    if (fate === 'twice') to.enqueue(work)
  }

  /** Hands a message to all listeners; returns how many there are. */
  function route(from: string, subject: string, data: Uint8Array, reply?: Answer): number {
    const hearing = interests.matching(subject).filter(({ owner }) => owner.status === 'connected')
    const groups = new Map<string, Interest[]>()
    const chosen: Interest[] = []
    for (const interest of hearing) {
      if (interest.queue === undefined) chosen.push(interest)
      else {
        // As nats-server has it: members of one name are one group, whatever their patterns.
        groups.set(interest.queue, [...(groups.get(interest.queue) ?? []), interest])
      }
    }
    for (const [key, members] of groups) {
      const turn = turns.get(key) ?? 0
      turns.set(key, turn + 1)
      const member = members[turn % members.length]
      if (member) chosen.push(member)
    }
    for (const interest of chosen) {
      const { owner } = interest
      carry({ kind: 'message', subject, from, to: owner.name, data }, owner, () => {
        if (!interest.active) return
        // An answer given during an outage is void, as it is on a socket.
        const answer = (bytes: Uint8Array): void => {
          if (owner.status === 'connected') reply?.(bytes, owner.name)
        }
        interest.deliver({ subject, data: new Uint8Array(data), reply: reply && answer })
      })
    }
    return chosen.length
  }

  function connect(name = 'memory'): Bus {
    const server = `memory:${name}`
    const listeners = new Set<(status: BusStatus) => void>()
    const pending = new Set<(error: Error) => void>()
    let closing: Promise<void> | undefined
    const limit = (subject: string, bytes: number): void => {
      if (bytes > maxPayload) throw problem('BUS_TOO_LARGE', { bytes, subject, limit: maxPayload })
    }
    const open = (): void => {
      if (self.status === 'closed') throw problem('BUS_CLOSED', {})
    }
    const connected = (): void => {
      open()
      if (self.status === 'disconnected') throw problem('BUS_DISCONNECTED', { server })
    }

    const bus: Bus = {
      server,
      maxPayload,
      members: 0,
      get status() {
        return self.status
      },
      publish(subject, data) {
        open()
        limit(subject, data.length)
        if (self.status !== 'connected') return 'void'
        const copy = new Uint8Array(data)
        store.capture(subject, copy)
        route(name, subject, copy)
        return 'sent'
      },
      async request(subject, data, { timeoutMs }) {
        connected()
        limit(subject, data.length)
        return await new Promise<Uint8Array>((resolve, reject) => {
          const settle = (): void => {
            pending.delete(fail)
            clock.clearTimeout(timer)
          }
          const fail = (error: Error): void => {
            settle()
            reject(error)
          }
          const timer = clock.setTimeout(() => {
            fail(problem('BUS_TIMEOUT', { subject, ms: timeoutMs }))
          }, timeoutMs)
          pending.add(fail)
          const heard = route(name, subject, new Uint8Array(data), (answer, from) => {
            limit(subject, answer.length)
            const copy = new Uint8Array(answer)
            carry({ kind: 'reply', subject, from, to: name, data: copy }, self, () => {
              settle()
              resolve(copy)
            })
          })
          if (heard === 0 && transit({ kind: 'message', subject, from: name, to: nobody, data }) !== 'lost') {
            self.enqueue(() => {
              fail(problem('BUS_NO_RESPONDERS', { subject }))
            })
          }
        })
      },
      subscribe(pattern: string, handler: Handler, { queue } = {}) {
        open()
        const interest: Interest = { owner: self, queue, deliver: guarded(handler, onFault), active: true }
        const remove = interests.add(pattern, interest)
        self.interests.add(remove)
        return {
          unsubscribe() {
            interest.active = false
            self.interests.delete(remove)
            remove()
          },
        }
      },
      async flush() {
        connected()
        await Promise.resolve()
      },
      onStatus(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      streams: store.streamsFor({
        connected,
        route: (subject, data) => route(name, subject, data),
        arrives: (kind, subject) =>
          transit({
            kind,
            subject,
            ...(kind === 'append' ? { from: name, to: 'stream' } : { from: 'stream', to: name }),
          }) !== 'lost',
        setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
        maxPayload,
        status: () => self.status,
        onStatus: (l) => bus.onStatus(l),
      }),
      blobs: store.blobsFor(connected),
      async close() {
        closing ??= (async () => {
          for (const stop of self.interests) stop()
          await Promise.resolve()
          self.setStatus('closed')
          connections.delete(bus)
        })()
        await closing
      },
    }

    const self: Connection = {
      bus,
      name,
      status: down ? 'disconnected' : 'connected',
      stalledUntil: -Infinity,
      inbox: [],
      interests: new Set(),
      enqueue(work) {
        this.inbox.push(work)
        // One turn a delivery: the work it takes is always the oldest, so the order holds.
        const next = (): void => {
          const waitMs = this.stalledUntil - clock.now()
          if (waitMs > 0) clock.setTimeout(next, waitMs)
          else this.inbox.shift()?.()
        }
        queueMicrotask(next)
      },
      setStatus(status) {
        if (this.status === status || this.status === 'closed') return
        this.status = status
        if (status !== 'connected') {
          // Messages on their way to this connection are lost with it.
          this.inbox.length = 0
          const error = status === 'closed' ? problem('BUS_CLOSED', {}) : problem('BUS_DISCONNECTED', { server })
          for (const fail of pending) fail(error)
        }
        for (const listener of listeners) listener(status)
      },
    }
    connections.set(bus, self)
    return bus
  }

  function setAll(bus: Bus | undefined, status: BusStatus): void {
    if (bus === undefined) down = status === 'disconnected'
    const chosen = bus === undefined ? [...connections.values()] : [connections.get(bus)]
    for (const connection of chosen) connection?.setStatus(status)
  }

  return {
    connect,
    limit: (stream, bytes) => {
      store.limit(stream, bytes)
    },
    outage(bus) {
      setAll(bus, 'disconnected')
    },
    restore(bus) {
      setAll(bus, 'connected')
    },
    async settled() {
      // All microtasks, and those that they start, run before the next turn of the loop.
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
