/** The bus: the seam, its two implementations, and conversations over it. */
export {
  streamOverhead,
  type BlobReader,
  type Blobs,
  type BlobWriter,
  type Bus,
  type BusStatus,
  type Copies,
  type Entry,
  type Subscription,
} from './bus.ts'
export { jittered } from './backoff.ts'
export type { Fault } from './guard.ts'
export { createMemoryNetwork, type Leg, type MemoryNetwork, type Transit } from './memory-bus.ts'
export { connectNats } from './nats-bus.ts'
export { probe, readServerInfo, type ClientOptions } from './nats-client.ts'
export type { Greeting } from './nats-greeting.ts'
export { subjectMatches } from './subjects.ts'
export { answer, ask, askEncoded, hear, LaidOut, laidOut, tell, type OnDropped } from './talk.ts'
