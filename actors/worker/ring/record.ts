/** The record of a ring's collectives on one member: asked of the others by a newcomer, and told to newcomers by whoever has it. */
import { answer, ask, type Bus, type Subscription } from '../../../src/bus/index.ts'
import { createRecord, type CollectiveRecord } from '../../../src/ring/index.ts'
import { recallRing } from '../../../protocol/index.ts'

export interface RingRecord extends Pick<CollectiveRecord, 'over' | 'tell' | 'take'> {
  /** All of it. */
  all(): Uint8Array
  /** Takes over what the others have. Rejects where nobody answers. */
  recall(): Promise<void>
  /** Answers newcomers from now on: it is whole. */
  serve(): void
  close(): void
}

/** Of a record, in one reply. */
const partBytes = 2 ** 20
const answerWithinMs = 2_000

export function createRingRecord(bus: Bus, me: { readonly worker: string; readonly ring: string }): RingRecord {
  const record = createRecord()
  let served: Subscription | undefined
  return {
    over: (collective) => {
      record.over(collective)
    },
    tell: (values) => {
      record.tell(values)
    },
    take: (part) => {
      record.take(part)
    },
    all: () => record.part(0).bytes,
    async recall() {
      for (;;) {
        const from = record.next
        const { part, next } = await ask(bus, recallRing, me, { from }, { timeoutMs: answerWithinMs })
        record.take(part)
        if (next <= from || record.next === from) return
      }
    },
    serve() {
      served ??= answer(bus, recallRing, { ...me, worker: '*' }, ({ from }) => {
        const { bytes, next } = record.part(from, Math.min(partBytes, bus.maxPayload / 2))
        return { part: bytes, next }
      })
    },
    close() {
      served?.unsubscribe()
    },
  }
}
