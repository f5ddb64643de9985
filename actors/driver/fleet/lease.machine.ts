/**
 * A driver's hold on a slot. Pure; time comes in with the events, and the fleet provides the effects.
 * I1 The worker is the sole authority: when it says whose the slot is, that is so, whatever was asked or answered before.
 * I2 A slot that was asked for or used in vain rests for a while, longer each time, until something has run in it.
 * I3 Whatever is lost on the way, a question or its answer, the worker's next word puts the lease right.
 */
import { assertEvent, assign, setup } from 'xstate'

export interface LeaseContext {
  /** Fruitless uses in a row. */
  readonly failures: number
  /** Why it rests: an error code. */
  readonly reason: string | null
  /** Until when it rests, in the driver's elapsed time. */
  readonly until: number
  /** The driver that holds it, as far as is known. */
  readonly holder: string | null
}

export type LeaseEvent =
  | { type: 'lease.ask' }
  | { type: 'lease.granted' }
  | { type: 'lease.taken' }
  | { type: 'lease.refused'; at: number; code: string }
  | { type: 'lease.release' }
  | { type: 'release.answered' }
  | { type: 'release.unanswered' }
  /** What the worker says in a beat: the driver that holds the slot. */
  | { type: 'worker.status'; holder: 'nobody' | 'us' | 'another'; driver: string | null }
  /** An attempt was refused, or handed back unbegun. */
  | { type: 'slot.failed'; at: number; code: string }
  /** An attempt was taken and came to an end. */
  | { type: 'slot.served' }
  | { type: 'worker.gone' }
  | { type: 'tick'; at: number }

const firstRestMs = 1000
const longestRestMs = 16_000

export const leaseMachine = setup({
  types: { context: {} as LeaseContext, events: {} as LeaseEvent },
  guards: {
    isOurs: ({ event }) => event.type === 'worker.status' && event.holder === 'us',
    isAnothers: ({ event }) => event.type === 'worker.status' && event.holder === 'another',
    isNobodys: ({ event }) => event.type === 'worker.status' && event.holder === 'nobody',
    isRested: ({ context, event }) => event.type === 'tick' && event.at >= context.until,
  },
  actions: {
    noteHolder: assign(({ event }) => ({ holder: event.type === 'worker.status' ? event.driver : null })),
    rest: assign(({ context, event }) => {
      assertEvent(event, ['lease.refused', 'slot.failed'])
      const failures = context.failures + 1
      const until = event.at + Math.min(longestRestMs, firstRestMs * 2 ** (failures - 1))
      return { failures, until, reason: event.code }
    }),
    serve: assign({ failures: 0, reason: null }),
    forget: assign({ failures: 0, reason: null, holder: null }),
    // Effects, provided by the fleet:
    ask: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'lease',
  initial: 'none',
  context: { failures: 0, reason: null, until: 0, holder: null },
  on: { 'worker.gone': { target: '.none', actions: 'forget' } },
  states: {
    none: {
      on: {
        'lease.ask': { target: 'asking', actions: 'ask' },
        'worker.status': [
          { guard: 'isOurs', target: 'ours' },
          { guard: 'isAnothers', target: 'theirs', actions: 'noteHolder' },
        ],
      },
    },
    asking: {
      on: {
        'lease.granted': 'ours',
        'lease.taken': { target: 'theirs', actions: 'noteHolder' },
        'lease.refused': { target: 'resting', actions: 'rest' },
        'worker.status': [
          { guard: 'isOurs', target: 'ours' },
          { guard: 'isAnothers', target: 'theirs', actions: 'noteHolder' },
        ],
      },
    },
    ours: {
      on: {
        'lease.release': { target: 'releasing', actions: 'release' },
        'slot.failed': { target: 'resting', actions: ['rest', 'release'] },
        'slot.served': { actions: 'serve' },
        'worker.status': [
          { guard: 'isNobodys', target: 'none' },
          { guard: 'isAnothers', target: 'theirs', actions: 'noteHolder' },
        ],
      },
    },
    // Whether the worker heard it is known from its answer or from its next beat.
    releasing: {
      on: {
        'release.answered': 'none',
        'release.unanswered': 'ours',
        'worker.status': [
          { guard: 'isNobodys', target: 'none' },
          { guard: 'isAnothers', target: 'theirs', actions: 'noteHolder' },
        ],
      },
    },
    // Another driver holds it: it is not asked for.
    theirs: {
      on: {
        'worker.status': [
          { guard: 'isNobodys', target: 'none' },
          { guard: 'isOurs', target: 'ours' },
          { guard: 'isAnothers', actions: 'noteHolder' },
        ],
      },
    },
    // It was asked for or used in vain (I2).
    resting: {
      on: {
        'worker.status': { guard: 'isAnothers', target: 'theirs', actions: 'noteHolder' },
        tick: { guard: 'isRested', target: 'none' },
      },
    },
  },
})
