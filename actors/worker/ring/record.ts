/** The record of a ring's collectives on one member: asked of the others by a newcomer, and told to newcomers by whoever has it. */
import { answer, ask, type Bus, type Subscription } from '../../../src/bus/index.ts'
import { createRecord, isPass, type CollectiveRecord } from '../../../src/ring/index.ts'
import { problem, recallRing, type joinRing, type ReplyOf, type RingPlan } from '../../../protocol/index.ts'

export interface RingRecord extends Pick<CollectiveRecord, 'over' | 'tell' | 'take'> {
  /** All of it. */
  all(): Uint8Array
  /** Takes over what a member has, which the driver named. Rejects where it does not answer, or knows of no such pass. */
  recall(from: Source): Promise<void>
  /** Answers newcomers from now on: it is whole. */
  serve(): void
  close(): void
}

/** The worker of a member, and what is to be shown to it. */
type Source = Pick<NonNullable<ReplyOf<typeof joinRing>['ahead']>, 'member' | 'pass'>

/** Of a record, in one reply. */
const partBytes = 2 ** 20
const answerWithinMs = 2_000

/** `current`: the generation that the member has a part in. */
export function createRingRecord(
  bus: Bus,
  me: { readonly worker: string; readonly ring: string },
  current: () => Pick<RingPlan, 'generation' | 'key'> | undefined,
): RingRecord {
  const { worker, ring } = me
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
    async recall({ member, pass }) {
      for (;;) {
        const from = record.next
        const asked = { pass, from }
        const { part, next } = await ask(bus, recallRing, { ...me, member }, asked, { timeoutMs: answerWithinMs })
        record.take(part)
        if (next <= from || record.next === from) return
      }
    },
    serve() {
      served ??= answer(bus, recallRing, { worker: '*', ring, member: worker }, ({ pass, from }, asking) => {
        const plan = current()
        if (plan === undefined || !isPass(pass, plan.key, { ring, worker: asking.worker }))
          throw problem('RING_OUTSIDER', { worker: asking.worker, generation: plan?.generation ?? 'none', ring })
        const { bytes, next } = record.part(from, Math.min(partBytes, bus.maxPayload / 2))
        return { part: bytes, next }
      })
    },
    close() {
      served?.unsubscribe()
    },
  }
}
