/**
 * Sends chunks: a window of them under way to each member, the answer to one is credit for the next.
 * I1 Memory lent to the bus is not touched before the answer is there.
 * I2 A chunk that was not answered is sent again, the very same bytes, until it is or the member is given up.
 * I3 A member without room for more (RING_EARLY) is waited for: one chunk tries again now and then, and the others go when it is taken.
 * I4 An outage of this connection does not count against a member: the sender waits for its end.
 */
import { chunkFrame, frameOverhead, type ChunkHead } from './chunk-frame.ts'
import { chunk, codeOf, MaggyError, problem, subjectFor, toProblem, type RingPlan } from '../../protocol/index.ts'
import type { Clock } from '../actor/index.ts'
import { askEncoded, type Bus } from '../bus/index.ts'
import { faultOf, type RingFault } from './fault.ts'
import type { Membership } from './membership.ts'
import { createRoundTrip, type RoundTrip } from './round-trip.ts'
import type { Workspace } from './workspace.ts'
import { createPauses } from './pauses.ts'

export interface Parcel {
  readonly head: ChunkHead
  readonly bytes: number
  /** Writes the data where they are sent from, once, when the window has room; or the data, to be passed on as they are. */
  readonly content: Uint8Array | ((data: Uint8Array) => void)
}

export interface Sender {
  send(to: number, parcel: Parcel): void
  /** Whether every chunk was sent once at least. Answers may still be missing: the sender goes on to wait for them. */
  readonly idle: boolean
  /** Nothing is sent from now on. */
  stop(): void
}

export interface SenderOptions {
  readonly bus: Bus
  readonly space: Workspace
  readonly ring: string
  readonly plan: RingPlan
  readonly membership: Membership
  readonly clock: Clock
  readonly onFault: (fault: RingFault) => void
  /** Called when nothing is left to be sent. */
  readonly onIdle: () => void
}

interface Recipient {
  readonly to: number
  readonly subject: string
  readonly waiting: Parcel[]
  /** Where `waiting` goes on: shifting a long array costs. */
  next: number
  underway: number
  readonly roundTrip: RoundTrip
  /** When the member was last heard; undefined: it has not been silent or absent since. */
  silentSince: number | undefined
  absentSince: number | undefined
  /** It has no room (I3): resolves once it takes chunks again. */
  room: { readonly taken: Promise<void>; readonly take: () => void } | undefined
}

const retryMs = 50
/** The longest pause between two tries at a member without room. */
const roomMs = 400
const corruptAtMost = 8
/** Refusals that the same bytes, sent again, may not meet: they were damaged on their way. */
const damaged = new Set(['RING_CHUNK_CORRUPT', 'MESSAGE_MALFORMED', 'MESSAGE_INVALID'])

export function createSender(options: SenderOptions): Sender {
  const { bus, space, ring, plan, membership, clock, onFault, onIdle } = options
  const { members, rank, generation, window, timing } = plan
  const recipients = new Map<number, Recipient>()
  const pool: Uint8Array[] = []
  const pauses = createPauses(clock)
  const { pause } = pauses
  const state = { stopped: false }
  let waiting = 0

  function recipientOf(to: number): Recipient {
    let recipient = recipients.get(to)
    if (recipient === undefined) {
      recipient = {
        to,
        subject: subjectFor(chunk, membership.to(to)),
        waiting: [],
        next: 0,
        underway: 0,
        roundTrip: createRoundTrip({ minMs: timing.hopMinMs, maxMs: timing.hopMaxMs }),
        silentSince: undefined,
        absentSince: undefined,
        room: undefined,
      }
      recipients.set(to, recipient)
    }
    return recipient
  }

  function pump(recipient: Recipient): void {
    while (!state.stopped && recipient.underway < window) {
      const parcel = recipient.waiting[recipient.next]
      if (parcel === undefined) break
      recipient.next += 1
      if (recipient.next === recipient.waiting.length) {
        recipient.waiting.length = 0
        recipient.next = 0
      }
      recipient.underway += 1
      waiting -= 1
      const wanted = parcel.bytes + frameOverhead
      const pooled = pool.pop()
      const memory = pooled !== undefined && pooled.length >= wanted ? pooled : new Uint8Array(wanted)
      const frame = chunkFrame(space, memory, parcel.head, parcel.bytes)
      const { content } = parcel
      if (typeof content === 'function') content(frame.data)
      else frame.data.set(content)
      void transmit(recipient, typeof content === 'function' ? frame.seal() : frame.seal(content), memory)
    }
    if (waiting === 0) onIdle()
  }

  /** Undefined: this chunk is the one that tries (I3). */
  function roomAt(recipient: Recipient): Promise<void> | undefined {
    if (recipient.room !== undefined) return recipient.room.taken
    let take = (): void => undefined
    const taken = new Promise<void>((resolve) => {
      take = resolve
    })
    recipient.room = { taken, take }
    return undefined
  }

  async function transmit(recipient: Recipient, bytes: Uint8Array, memory: Uint8Array): Promise<void> {
    let corrupt = 0
    /** Milliseconds until this chunk tries again, if it is the one that does. */
    let triesAfter: number | undefined
    for (let attempt = 0; !state.stopped; attempt += 1) {
      const sentAt = clock.elapsed()
      try {
        await askEncoded(bus, chunk, recipient.subject, bytes, {
          timeoutMs: recipient.roundTrip.patienceMs,
          lend: true,
        })
        if (state.stopped) return
        if (attempt === 0) recipient.roundTrip.measured(clock.elapsed() - sentAt)
        recipient.silentSince = undefined
        recipient.absentSince = undefined
        recipient.underway -= 1
        if (triesAfter !== undefined) {
          recipient.room?.take()
          recipient.room = undefined
        }
        // I1: only now.
        if (pool.length < window) pool.push(memory)
        pump(recipient)
        return
      } catch (error) {
        if (state.stopped) return
        const code = codeOf(error)
        if (code !== undefined && damaged.has(code) && (corrupt += 1) < corruptAtMost) continue
        if (code === 'RING_EARLY') {
          recipient.silentSince = undefined
          recipient.absentSince = undefined
          const room = triesAfter === undefined ? roomAt(recipient) : undefined
          if (room === undefined) {
            triesAfter = Math.min(roomMs, triesAfter === undefined ? retryMs : 2 * triesAfter)
            await pause(triesAfter)
          } else await room
          continue
        }
        const fault = await whyUnanswered(recipient, error, sentAt)
        if (fault !== undefined) {
          onFault(fault)
          return
        }
      }
    }
  }

  /** Undefined: to be tried again, now. */
  async function whyUnanswered(recipient: Recipient, error: unknown, sentAt: number): Promise<RingFault | undefined> {
    const code = codeOf(error)
    const lost = (): RingFault =>
      faultOf(
        problem('RING_PEER_LOST', { rank: recipient.to, worker: members[recipient.to]?.worker ?? '?', ring }),
        recipient.to,
      )
    if (code === 'BUS_DISCONNECTED') {
      // I4: silence before the outage does not count.
      recipient.silentSince = undefined
      recipient.absentSince = undefined
      await pause(retryMs)
      return undefined
    }
    if (code === 'BUS_TIMEOUT') {
      recipient.silentSince ??= sentAt
      if (clock.elapsed() - recipient.silentSince >= timing.silentMs) return lost()
      recipient.roundTrip.expired()
      return undefined
    }
    if (code === 'BUS_NO_RESPONDERS') {
      recipient.absentSince ??= sentAt
      if (clock.elapsed() - recipient.absentSince >= timing.absentMs) return lost()
      await pause(retryMs)
      return undefined
    }
    return faultOf(asRingProblem(error), null)
  }

  /** The error that a peer refused with, as an error of this process. */
  function asRingProblem(error: unknown): MaggyError {
    const code = codeOf(error)
    if (code !== undefined && damaged.has(code)) {
      return problem('RING_CHUNK_CORRUPT', { chunk: `of generation ${generation} of ring ${ring}` }, { cause: error })
    }
    if (error instanceof MaggyError) return error
    if (code === 'RING_STALE') return problem('RING_STALE', { generation, ring, current: 'newer' }, { cause: error })
    if (code === 'RING_ABANDONED') return problem('RING_ABANDONED', { generation, ring }, { cause: error })
    if (code === 'RING_MISMATCH') {
      const reason = toProblem(error).message
      return problem('RING_MISMATCH', { rank, otherRank: 'its neighbour', reason }, { cause: error })
    }
    return problem('INTERNAL', { reason: toProblem(error).message }, { cause: error })
  }

  return {
    send(to, parcel) {
      if (state.stopped) return
      waiting += 1
      const recipient = recipientOf(to)
      recipient.waiting.push(parcel)
      pump(recipient)
    },
    get idle() {
      return waiting === 0
    },
    stop() {
      state.stopped = true
      pauses.end()
      for (const recipient of recipients.values()) recipient.waiting.length = 0
    },
  }
}
