/**
 * The seam between this project and its message bus. `nats-bus.ts` speaks NATS, `memory-bus.ts` is its hand-cranked twin;
 * test/contract/bus.contract.ts holds both to the same promises:
 * I1 A handler that throws ends nothing: the fault is counted, logged, and answered as INTERNAL if a peer waits for an answer.
 * I2 During an outage, a publish returns that it was not sent, and a request fails with a code. The connection is tried again for ever.
 * I3 A payload handed to publish, request or respond may be reused as soon as the call returns (it is copied where the client would keep
 *    it); one that is lent (`lend`) is not copied. It is not to be touched before the request has settled, and an answer never again.
 * I4 A message over `maxPayload` is refused here (BUS_TOO_LARGE), before it could cost the connection.
 * I5 A request on a subject without subscribers fails at once (BUS_NO_RESPONDERS).
 * I6 Messages of one publisher reach one subscriber in order.
 */
import type { StreamName } from '../../protocol/index.ts'

export type BusStatus = 'connected' | 'disconnected' | 'closed'

export interface Delivery {
  readonly subject: string
  /** Owned by the receiver: a copy where the client reuses memory. */
  readonly data: Uint8Array
  /** Whether a peer waits for an answer. */
  readonly wantsReply: boolean
  /** `lend`: the data is never changed, and no copy is made (I3). */
  respond(data: Uint8Array, options?: { readonly lend: boolean }): void
}

export type Handler = (delivery: Delivery) => void | Promise<void>

export interface Subscription {
  unsubscribe(): void
}

export interface RequestOptions {
  readonly timeoutMs: number
  /** The caller leaves the payload alone until the request has settled, and no copy is made (I3). */
  readonly lend?: boolean
  /** `<role>.<name>` of those who may answer; a server that checks permissions lets nobody else (I1 of nats-requests.ts). */
  readonly answeredBy?: string
}

export interface Bus {
  /** For messages to people: the server's address without credentials. */
  readonly server: string
  /** Bytes. */
  readonly maxPayload: number
  /** Servers of its cluster, as far as is known; 0: it is one alone. */
  readonly members: number
  readonly status: BusStatus
  /** 'void': there is no connection now, and the message is gone. Throws BUS_TOO_LARGE, BUS_CLOSED. */
  publish(subject: string, data: Uint8Array): 'sent' | 'void'
  /** Rejects with BUS_NO_RESPONDERS, BUS_TIMEOUT, BUS_DISCONNECTED, BUS_TOO_LARGE or BUS_CLOSED. */
  request(subject: string, data: Uint8Array, options: RequestOptions): Promise<Uint8Array>
  /** `queue`: one member of the queue group hears each message. */
  subscribe(subject: string, handler: Handler, options?: { queue?: string }): Subscription
  /** Resolves once the server has seen all that was published and subscribed so far. */
  flush(): Promise<void>
  onStatus(listener: (status: BusStatus) => void): () => void
  readonly streams: Streams
  readonly blobs: Blobs
  /** Drains subscriptions and closes. */
  close(): Promise<void>
}

/** Bytes that an append or a record adds to its data: so much less than `maxPayload` fits in one. */
export const streamOverhead = 512

export interface Entry {
  /** In the stream; starts at 1. */
  readonly sequence: number
  readonly subject: string
  readonly data: Uint8Array
  /** Its bytes are not those that were written, on no server that was asked: they count for nothing. */
  readonly rotten?: true
}

/** On how many servers of a cluster each stream lies. */
export interface Copies {
  /** Of log, bundles and checkpoints. Default: 3 in a cluster of three or more, else 1. */
  readonly replicas?: number | undefined
  /** Of metrics and output. Default: as many. 1: they are acknowledged before they are on the disk. */
  readonly telemetryReplicas?: number | undefined
}

export interface Streams {
  /**
   * Creates the streams of protocol/streams.ts where they are missing, and gives those that are there the copies that were asked for, where
   * they have fewer. Rejects with BUS_NO_JETSTREAM, BUS_TOO_FEW_SERVERS, BUS_NO_LEADER.
   */
  ensure(copies?: Copies): Promise<void>
  /**
   * Appends with a fence: rejects with BUS_CONFLICT unless the last sequence on the subject is `expectedLast` (0: none yet).
   * Resolves with the new sequence once it is kept. BUS_TIMEOUT, BUS_NO_LEADER and BUS_DISCONNECTED leave open whether it was: a second
   * append with the same `id` within two minutes is the same, and tells.
   */
  append(
    subject: string,
    data: Uint8Array,
    options: { expectedLast: number; id?: string; timeoutMs?: number },
  ): Promise<number>
  /** Appends without a fence; a second one with the same `id` within two minutes is the same. */
  record(subject: string, data: Uint8Array, options: { id: string; timeoutMs?: number }): Promise<void>
  /** The entries after sequence `after` (default 0), up to the last one that is there now, in order. `filter` may hold wildcards. */
  read(stream: StreamName, filter: string, options?: { after?: number }): AsyncIterable<Entry>
  /** The same, and then on as more comes, across outages, until `signal` aborts or the bus is closed (the iteration then ends). */
  follow(stream: StreamName, filter: string, options: { after?: number; signal: AbortSignal }): AsyncIterable<Entry>
  /** The last entry on a subject. */
  last(stream: StreamName, subject: string): Promise<Entry | undefined>
  /** The subjects that match and hold at least one entry. */
  subjects(stream: StreamName, filter: string): Promise<readonly string[]>
  /** Removes the entries on the subjects that match, for good. */
  purge(stream: StreamName, filter: string): Promise<void>
}

/** A blob that is being written: whole and visible once `end` resolves, and not before. */
export interface BlobWriter {
  /** Resolves once it is kept. One at a time. */
  write(part: Uint8Array): Promise<void>
  end(): Promise<void>
  /** It is not wanted any more: what was written of it goes. */
  abort(): Promise<void>
}

export interface WriterOptions {
  /** As in `put`. */
  readonly generation?: number | undefined
  /** Its writer may not read the bucket: what lies there under that name is not looked at. */
  readonly blind?: boolean
}

/** A blob that is being read, from its beginning. */
export interface BlobReader {
  readonly bytes: number
  /** Of the whole, in hex. */
  readonly sha256: string
  /** The next part, as large as it lies in the store; empty at the end. */
  next(): Promise<Uint8Array>
}

/** Named bytes in the object store, in buckets. */
export interface Blobs {
  /**
   * Idempotent for equal bytes under an equal name. `generation`: of writers that follow one another; rejects with BUS_SUPERSEDED where
   * the bytes there are of a later one, also of one that came while this was on its way.
   */
  put(bucket: string, name: string, data: Uint8Array, options?: { readonly generation: number }): Promise<void>
  get(bucket: string, name: string): Promise<Uint8Array | undefined>
  has(bucket: string, name: string): Promise<boolean>
  /** The names of what is there. */
  names(bucket: string): Promise<readonly string[]>
  /** Gone, whether it was there or not. */
  delete(bucket: string, name: string): Promise<void>
  /** For bytes that are too many to be held at once. */
  writer(bucket: string, name: string, options?: WriterOptions): BlobWriter
  reader(bucket: string, name: string): Promise<BlobReader | undefined>
}
