/** Where messages are kept. */
import { artifactPart } from './artifact.ts'
import type { Role } from './conversation.ts'
import { log } from './log.ts'
import { metrics, output } from './trial.ts'

export interface StreamDefinition {
  readonly name: string
  readonly subjects: readonly string[]
  /** Synced before it is acknowledged (with the server configuration that is shipped), or written when convenient. */
  readonly durable: boolean
  /** -1: as much as the server has room for. */
  readonly maxBytes: number
  /** Drivers make it, too. What may be written is in the conversations that it keeps. */
  readonly reads: readonly Role[]
}

/** A bucket of the object store. */
export interface BucketDefinition {
  readonly bucket: string
  readonly reads: readonly Role[]
  readonly writes: readonly Role[]
}

const wildcard = (subject: string) => subject.replace(/\{[a-zA-Z]+\}/g, '*')
const gibibyte = 2 ** 30

export const streams = {
  log: {
    name: 'MAGGY_LOG',
    subjects: [wildcard(log.subject)],
    durable: true,
    maxBytes: 8 * gibibyte,
    reads: ['driver', 'client', 'board'],
  },
  telemetry: {
    name: 'MAGGY_TELEMETRY',
    subjects: [wildcard(metrics.subject), wildcard(output.subject)],
    durable: false,
    maxBytes: 8 * gibibyte,
    reads: ['driver', 'client', 'board'],
  },
  artifacts: {
    name: 'MAGGY_ARTIFACTS',
    subjects: [wildcard(artifactPart.subject)],
    durable: true,
    maxBytes: -1,
    reads: ['driver', 'client'],
  },
} as const satisfies Record<string, StreamDefinition>
export type StreamName = keyof typeof streams

/** The stream that a bucket of the object store is. */
export const streamOfBucket = (bucket: string): string => `OBJ_${bucket}`

/** The object store's bucket for the checkpoints of trials, by experiment and trial, and for the last state of rings. */
export const checkpointBucket = 'maggy-checkpoints'
export const checkpointName = (experiment: string, trial: number): string => `${experiment}/${trial}`
/** A ring's name is in every subject it speaks on. */
export const ringName = (experiment: string, trial: number): string => `${experiment}-${trial}`
export const ringCheckpointName = (ring: string): string => `rings/${ring}`

/** The object store's bucket for code bundles, by sha256. */
export const bundleBucket = 'maggy-bundles'

/** Workers and runners reach the store by way of drivers (store.ts). */
export const buckets = {
  bundles: { bucket: bundleBucket, reads: ['driver'], writes: ['driver', 'client'] },
  checkpoints: { bucket: checkpointBucket, reads: ['driver'], writes: ['driver'] },
} as const satisfies Record<string, BucketDefinition>
