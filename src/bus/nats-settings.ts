/** Streams as their server is told to make them. */
import type { StreamDefinition } from '../../protocol/index.ts'

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

/** A bucket of the object store. */
export function configOfBucket(bucket: string, replicas: number): StreamSetting {
  return {
    ...common(`OBJ_${bucket}`, [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`], replicas),
    max_bytes: -1,
    discard: 'new',
    allow_rollup_hdrs: true,
  }
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
