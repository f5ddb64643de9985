/** A worker on the bus. Its slots have machines of their own (slot.machine.ts). */
import { assign, setup } from 'xstate'

export interface WorkerContext {
  /** Slots whose runner has been warm: those that it offers. It is announced with the first. */
  readonly warm: readonly number[]
  readonly slots: number
  readonly empty: number
  /** Why it goes; null: it does not. */
  readonly reason: string | null
}

export type WorkerEvent =
  | { readonly type: 'warm'; readonly slot: number }
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  | { readonly type: 'rollcall' }
  | { readonly type: 'tick' }
  | { readonly type: 'changed' }
  | { readonly type: 'drain'; readonly reason: string }
  | { readonly type: 'slot.empty' }
  /** No result waits for its acknowledgement any more, or nobody will take them. */
  | { readonly type: 'delivered' }

export const workerMachine = setup({
  types: {
    context: {} as WorkerContext,
    events: {} as WorkerEvent,
    input: {} as { readonly slots: number },
  },
  guards: {
    someWarm: ({ context }) => context.warm.length > 0,
    isFirstTime: ({ context, event }) => event.type === 'warm' && !context.warm.includes(event.slot),
    allEmpty: ({ context }) => context.empty >= context.slots,
  },
  actions: {
    announce: () => undefined,
    beat: () => undefined,
    expireLeases: () => undefined,
    extendLeases: () => undefined,
    drainSlots: () => undefined,
    awaitDelivery: () => undefined,
    leave: () => undefined,
    /** An event that this state has no use for. */
    refuse: () => undefined,
    noteWarm: assign(({ context, event }) =>
      event.type === 'warm' && !context.warm.includes(event.slot) ? { warm: [...context.warm, event.slot] } : {},
    ),
    keepReason: assign(({ event }) => (event.type === 'drain' ? { reason: event.reason } : {})),
    countEmpty: assign(({ context }) => ({ empty: context.empty + 1 })),
  },
}).createMachine({
  id: 'worker',
  context: ({ input }) => ({ warm: [], empty: 0, slots: input.slots, reason: null }),
  initial: 'connecting',
  on: {
    // A runner that takes the place of another is warm again in any state, and slots empty themselves while others still work.
    warm: { actions: 'noteWarm' },
    'slot.empty': { actions: 'countEmpty' },
    // Events of the bus and the clock come in every state; a state ignores those that it does not name.
    connected: {},
    disconnected: {},
    rollcall: {},
    tick: {},
    changed: {},
    // The second of two reasons to go.
    drain: {},
    '*': { actions: 'refuse' },
  },
  states: {
    connecting: {
      always: { guard: 'someWarm', target: 'present' },
      on: { drain: { target: 'draining', actions: 'keepReason' } },
    },
    present: {
      entry: 'announce',
      on: {
        warm: { guard: 'isFirstTime', actions: ['noteWarm', 'beat'] },
        rollcall: { actions: 'announce' },
        connected: { target: 'present', reenter: true, actions: 'extendLeases' },
        disconnected: 'away',
        tick: { actions: ['expireLeases', 'beat'] },
        changed: { actions: 'beat' },
        drain: { target: 'draining', actions: 'keepReason' },
      },
    },
    /** The connection is down: what runs goes on, and no lease ends, for no driver can be heard. */
    away: {
      on: {
        connected: { target: 'present', actions: 'extendLeases' },
        drain: { target: 'draining', actions: 'keepReason' },
      },
    },
    draining: {
      entry: ['drainSlots', 'beat'],
      always: { guard: 'allEmpty', target: 'delivering' },
      on: {
        // A driver that has lost sight of it must know it again: it may have to be told to stop something.
        rollcall: { actions: 'announce' },
        connected: { actions: 'announce' },
        tick: { actions: 'beat' },
        changed: { actions: 'beat' },
      },
    },
    delivering: {
      entry: 'awaitDelivery',
      on: { tick: { actions: 'beat' }, delivered: 'left' },
    },
    left: { type: 'final', entry: 'leave' },
  },
})
