/** A worker on the bus. Its slots have machines of their own (slot.machine.ts). */
import { assign, setup } from 'xstate'

export interface WorkerContext {
  /** Slots whose runner is warm for the first time; the worker is announced once all are. */
  readonly warm: number
  readonly slots: number
  readonly empty: number
}

export type WorkerEvent =
  | { readonly type: 'warm' }
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  | { readonly type: 'rollcall' }
  | { readonly type: 'tick' }
  | { readonly type: 'changed' }
  | { readonly type: 'drain' }
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
    allWarm: ({ context }) => context.warm >= context.slots,
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
    countWarm: assign(({ context }) => ({ warm: context.warm + 1 })),
    countEmpty: assign(({ context }) => ({ empty: context.empty + 1 })),
  },
}).createMachine({
  id: 'worker',
  context: ({ input }) => ({ warm: 0, empty: 0, slots: input.slots }),
  initial: 'connecting',
  on: { warm: { actions: 'countWarm' }, 'slot.empty': { actions: 'countEmpty' } },
  states: {
    connecting: {
      always: { guard: 'allWarm', target: 'present' },
      on: { drain: 'draining' },
    },
    present: {
      entry: 'announce',
      on: {
        rollcall: { actions: 'announce' },
        connected: { target: 'present', reenter: true, actions: 'extendLeases' },
        disconnected: 'away',
        tick: { actions: ['expireLeases', 'beat'] },
        changed: { actions: 'beat' },
        drain: 'draining',
      },
    },
    /** The connection is down: what runs goes on, and no lease ends, for no driver can be heard. */
    away: {
      on: { connected: { target: 'present', actions: 'extendLeases' }, drain: 'draining' },
    },
    draining: {
      entry: ['drainSlots', 'beat'],
      always: { guard: 'allEmpty', target: 'delivering' },
      on: { tick: { actions: 'beat' } },
    },
    delivering: {
      entry: 'awaitDelivery',
      on: { tick: { actions: 'beat' }, delivered: 'left' },
    },
    left: { type: 'final', entry: 'leave' },
  },
})
