/**
 * A slot: who holds it, what runs in it, what waits behind that.
 * I1 One driver holds it at a time; what runs goes on when the lease ends.
 * I2 What waits runs the moment that the first has ended, or is handed back; it is never dropped without a word.
 */
import { assign, setup } from 'xstate'
import type { Assignment } from '../../protocol/index.ts'

export interface SlotContext {
  readonly driver: string | null
  readonly running: Assignment | null
  readonly next: Assignment | null
}

export type SlotEvent =
  | { readonly type: 'lease'; readonly driver: string }
  | { readonly type: 'release'; readonly driver: string }
  /** The holder's beats stay out. */
  | { readonly type: 'lease.end' }
  | { readonly type: 'assign'; readonly assignment: Assignment }
  /** What ran has ended, however. */
  | { readonly type: 'ended' }
  /** What waits is not to begin. */
  | { readonly type: 'next.drop'; readonly reason: string }
  | { readonly type: 'drain' }

export const slotMachine = setup({
  types: { context: {} as SlotContext, events: {} as SlotEvent },
  guards: {
    isFree: ({ context }) => context.driver === null,
    isHeldBy: ({ context, event }) => 'driver' in event && context.driver === event.driver,
    isHolders: ({ context, event }) => event.type === 'assign' && context.driver === event.assignment.driver,
    changesHands: ({ context, event }) =>
      event.type === 'lease' &&
      context.driver === null &&
      context.next !== null &&
      context.next.driver !== event.driver,
  },
  actions: {
    /** Sends what runs to the runner. */
    begin: () => undefined,
    /** Tells that what waits is handed back. */
    handBack: () => undefined,
    /** Tells that the slot has fallen free. */
    tellIdle: () => undefined,
    tellEmpty: () => undefined,
    hold: assign(({ context, event }) => ({ driver: event.type === 'lease' ? event.driver : context.driver })),
    free: assign({ driver: null }),
    take: assign(({ context, event }) => ({ running: event.type === 'assign' ? event.assignment : context.running })),
    queue: assign(({ context, event }) => ({ next: event.type === 'assign' ? event.assignment : context.next })),
    promote: assign(({ context }) => ({ running: context.next, next: null })),
    clear: assign({ running: null }),
    clearNext: assign({ next: null }),
  },
}).createMachine({
  id: 'slot',
  context: { driver: null, running: null, next: null },
  type: 'parallel',
  states: {
    lease: {
      initial: 'free',
      states: {
        free: { on: { lease: { target: 'leased', actions: 'hold' }, drain: 'closed' } },
        leased: {
          on: {
            release: { guard: 'isHeldBy', target: 'free', actions: 'free' },
            'lease.end': { target: 'free', actions: 'free' },
            drain: { target: 'closed', actions: 'free' },
          },
        },
        /** The worker drains: nobody gets it any more. */
        closed: {},
      },
    },
    work: {
      initial: 'idle',
      states: {
        idle: {
          on: { assign: { guard: 'isHolders', target: 'running', actions: ['take', 'begin'] }, drain: 'empty' },
        },
        running: {
          on: {
            assign: { guard: 'isHolders', target: 'queued', actions: 'queue' },
            ended: { target: 'idle', actions: ['clear', 'tellIdle'] },
            drain: 'lastRunning',
          },
        },
        queued: {
          on: {
            ended: { target: 'running', actions: ['promote', 'begin'] },
            'next.drop': { target: 'running', actions: ['handBack', 'clearNext'] },
            lease: { guard: 'changesHands', target: 'running', actions: ['handBack', 'clearNext'] },
            drain: { target: 'lastRunning', actions: ['handBack', 'clearNext'] },
          },
        },
        lastRunning: { on: { ended: { target: 'empty', actions: 'clear' } } },
        empty: { entry: 'tellEmpty' },
      },
    },
  },
})
