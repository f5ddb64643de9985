/** The bus: the seam, its two implementations, and conversations over it. */
export {
  streamOverhead,
  type Blobs,
  type Bus,
  type BusStatus,
  type Delivery,
  type Entry,
  type Handler,
  type RequestOptions,
  type Streams,
  type Subscription,
} from './bus.ts'
export type { Fault, OnFault } from './guard.ts'
export { createMemoryNetwork, type MemoryNetwork, type MemoryNetworkOptions } from './memory-bus.ts'
export { connectNats, type NatsOptions } from './nats-bus.ts'
export { readServerInfo, requiredServer, type ServerInfo } from './nats-client.ts'
export { subjectMatches } from './subjects.ts'
export { answer, ask, askEncoded, hear, tell, type OnDropped } from './talk.ts'
