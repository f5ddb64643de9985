/** Where messages are kept. */
import { log } from './log.ts'
import { metrics, output } from './trial.ts'

export interface StreamDefinition {
  readonly name: string
  readonly subjects: readonly string[]
  /** Synced before it is acknowledged (with the server configuration that is shipped), or written when convenient. */
  readonly durable: boolean
  readonly maxBytes: number
}

const wildcard = (subject: string) => subject.replace(/\{[a-zA-Z]+\}/g, '*')
const gibibyte = 2 ** 30

export const streams = {
  log: { name: 'MAGGY_LOG', subjects: [wildcard(log.subject)], durable: true, maxBytes: 8 * gibibyte },
  telemetry: {
    name: 'MAGGY_TELEMETRY',
    subjects: [wildcard(metrics.subject), wildcard(output.subject)],
    durable: false,
    maxBytes: 8 * gibibyte,
  },
} as const satisfies Record<string, StreamDefinition>
export type StreamName = keyof typeof streams

/** The object store's bucket for the checkpoints of trials, by experiment and trial, and for the last state of rings. */
export const checkpointBucket = 'maggy-checkpoints'
export const checkpointName = (experiment: string, trial: number): string => `${experiment}/${trial}`
/** A ring's name is in every subject it speaks on. */
export const ringName = (experiment: string, trial: number): string => `${experiment}-${trial}`
export const ringCheckpointName = (ring: string): string => `rings/${ring}`

/** The object store's bucket for code bundles, by sha256. */
export const bundleBucket = 'maggy-bundles'
