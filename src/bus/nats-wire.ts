/** The part of a NATS connection that streams and blobs use, so that they need not know its client. */
import type { MaggyError } from '../../protocol/index.ts'
import type { BusStatus } from './bus.ts'

export interface WireReply {
  readonly data: Uint8Array
  /** The status in the header; 0 if there is none. */
  readonly code: number
  header(name: string): string
}

export interface Wire {
  /** Without credentials. */
  readonly label: string
  readonly maxPayload: number
  /** Servers of its cluster that are known, itself included; 0: it is in none. */
  members(): number
  /** For faults that no caller can be told of. */
  report(error: MaggyError): void
  status(): BusStatus
  onStatus(listener: (status: BusStatus) => void): () => void
  /** Copies the data. Rejects with the bus's codes. */
  request(
    subject: string,
    data: Uint8Array,
    options: { timeoutMs: number; headers?: Readonly<Record<string, string>> },
  ): Promise<WireReply>
  /** One request, many replies, until `last` says so. BUS_TIMEOUT after that long without any, BUS_REFUSED after more than `most`. */
  requestMany(
    subject: string,
    data: Uint8Array,
    options: { timeoutMs: number; last: (reply: WireReply) => boolean; most: number },
  ): Promise<WireReply[]>
  /** Calls back on each message, without its content. */
  nudge(subject: string, callback: () => void): () => void
}
