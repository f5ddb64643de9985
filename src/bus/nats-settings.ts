/** Streams as their server is told to make them. */
import { buckets, streamOfBucket, type BucketDefinition, type StreamDefinition } from '../../protocol/index.ts'

export interface StreamSetting {
  readonly name: string
  readonly num_replicas: number
  readonly [field: string]: unknown
}

const duplicateWindowNs = 120e9

/** A durable stream refuses an entry for which it has no room; the other kind forgets its oldest entries. */
export function configOf(definition: StreamDefinition, replicas: number): StreamSetting {
  return {
    ...common(definition.name, definition.subjects, replicas),
    max_bytes: definition.maxBytes,
    discard: definition.durable ? 'new' : 'old',
    duplicate_window: duplicateWindowNs,
    // Since nats-server 2.12, where there is one copy: an acknowledgement need not wait for the disk.
    ...(definition.durable || replicas > 1 ? {} : { persist_mode: 'async' }),
  }
}

/** A bucket of the object store. `guarded`: not everybody may do everything on this bus. */
export function configOfBucket(bucket: string, replicas: number, guarded: boolean): StreamSetting {
  return {
    ...common(streamOfBucket(bucket), [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`], replicas),
    max_bytes: -1,
    discard: 'new',
    // Clients of NATS in other languages write so. The header for it takes away all of a bucket, too.
    allow_rollup_hdrs: !guarded || isOfDrivers(bucket),
  }
}

/** Whether nobody but drivers writes it. Elsewhere no entry takes the place of those before it: the last one of a name counts. */
export function isOfDrivers(bucket: string): boolean {
  const known = Object.values<BucketDefinition>(buckets).find((one) => one.bucket === bucket)
  return known === undefined || known.writes.every((role) => role === 'driver')
}

const common = (name: string, subjects: readonly string[], replicas: number) => ({
  name,
  subjects,
  retention: 'limits',
  storage: 'file',
  num_replicas: replicas,
  max_consumers: -1,
  max_msgs: -1,
  max_msgs_per_subject: -1,
  max_age: 0,
  max_msg_size: -1,
  allow_direct: true,
})
