/**
 * One worker as a driver sees it. Time comes in with `tick`; the driver provides the effects.
 * I1 A worker's own word (announce, beat) counts more than what the driver believes.
 * I2 Silence makes it suspect; suspects are pinged; only silence or refusal that lasts makes it lost.
 * I3 A worker that comes back after it was lost is seen anew.
 */
import { assertEvent, assign, setup } from 'xstate'
import type { WorkerInfo, WorkerStatus } from '../../../protocol/index.ts'

export interface FleetInput {
  readonly worker: string
  /** Without a beat for so long it is suspect. */
  readonly suspectAfterMs: number
  /** Without a beat for so long it is lost. */
  readonly lostAfterMs: number
  /** So many pings in a row that nobody answers at all, and it is lost. */
  readonly refusalsUntilLost: number
  /** When it was first heard of. */
  readonly at: number
}

export interface FleetContext extends FleetInput {
  readonly info: WorkerInfo | null
  readonly status: WorkerStatus | null
  readonly heardAt: number
  readonly refusals: number
  /** Slots that this driver holds. */
  readonly leased: number
}

export type FleetEvent =
  | { type: 'worker.announce'; info: WorkerInfo; status: WorkerStatus; at: number }
  | { type: 'worker.beat'; status: WorkerStatus; at: number }
  | { type: 'worker.leave' }
  | { type: 'worker.ping'; answered: 'alive' | 'refused' | 'silent'; at: number }
  | { type: 'worker.lease'; slot: number }
  | { type: 'worker.release'; slot: number }
  | { type: 'bus.connected'; at: number }
  | { type: 'tick'; at: number }

export const fleetMachine = setup({
  types: { context: {} as FleetContext, events: {} as FleetEvent, input: {} as FleetInput },
  guards: {
    isSilent: ({ context, event }) => event.type === 'tick' && event.at - context.heardAt >= context.suspectAfterMs,
    isGone: ({ context, event }) => event.type === 'tick' && event.at - context.heardAt >= context.lostAfterMs,
    isAlive: ({ event }) => event.type === 'worker.ping' && event.answered === 'alive',
    isRefusedForGood: ({ context, event }) =>
      event.type === 'worker.ping' && event.answered === 'refused' && context.refusals + 1 >= context.refusalsUntilLost,
    isRefused: ({ event }) => event.type === 'worker.ping' && event.answered === 'refused',
    holdsSlots: ({ context }) => context.leased > 0,
    isLastSlot: ({ context }) => context.leased <= 1,
  },
  actions: {
    meet: assign(({ event }) => {
      assertEvent(event, 'worker.announce')
      return { info: event.info, status: event.status, heardAt: event.at, refusals: 0 }
    }),
    hearBeat: assign(({ event }) => {
      assertEvent(event, 'worker.beat')
      return { status: event.status, heardAt: event.at, refusals: 0 }
    }),
    hearAnswer: assign(({ event }) => {
      assertEvent(event, 'worker.ping')
      return { heardAt: event.at, refusals: 0 }
    }),
    countRefusal: assign(({ context }) => ({ refusals: context.refusals + 1 })),
    // After an outage of its own the driver has heard nobody: everybody gets the whole time again.
    waitAnew: assign(({ event }) => {
      assertEvent(event, 'bus.connected')
      return { heardAt: event.at, refusals: 0 }
    }),
    countLease: assign(({ context }) => ({ leased: context.leased + 1 })),
    countRelease: assign(({ context }) => ({ leased: Math.max(0, context.leased - 1) })),
    forgetLeases: assign({ leased: 0, status: null }),
    // Effects, provided by the driver:
    reconcile: () => {},
    callRoll: () => {},
    askPing: () => {},
    loseAttempts: () => {},
  },
}).createMachine({
  id: 'fleet',
  initial: 'unseen',
  context: ({ input }) => ({ ...input, info: null, status: null, heardAt: input.at, refusals: 0, leased: 0 }),
  on: {
    'worker.leave': { target: '.left', actions: ['forgetLeases', 'loseAttempts'] },
    'bus.connected': { actions: 'waitAnew' },
  },
  states: {
    unseen: {
      on: {
        'worker.announce': { target: 'idle', actions: ['meet', 'reconcile'] },
        // It beats, and was never introduced: this driver started later.
        'worker.beat': { actions: 'callRoll' },
        'worker.leave': 'left',
        // The log named it, and it never came.
        tick: { guard: 'isGone', target: 'lost', actions: 'loseAttempts' },
      },
    },
    idle: {
      on: {
        'worker.announce': { actions: ['meet', 'reconcile'] },
        'worker.beat': { actions: ['hearBeat', 'reconcile'] },
        'worker.lease': { target: 'leased', actions: 'countLease' },
        tick: { guard: 'isSilent', target: 'suspect' },
      },
    },
    leased: {
      on: {
        'worker.announce': { actions: ['meet', 'reconcile'] },
        'worker.beat': { actions: ['hearBeat', 'reconcile'] },
        'worker.lease': { actions: 'countLease' },
        'worker.release': [
          { guard: 'isLastSlot', target: 'idle', actions: 'countRelease' },
          { actions: 'countRelease' },
        ],
        tick: { guard: 'isSilent', target: 'suspect' },
      },
    },
    suspect: {
      entry: 'askPing',
      on: {
        'worker.announce': [
          { guard: 'holdsSlots', target: 'leased', actions: ['meet', 'reconcile'] },
          { target: 'idle', actions: ['meet', 'reconcile'] },
        ],
        'worker.beat': [
          { guard: 'holdsSlots', target: 'leased', actions: ['hearBeat', 'reconcile'] },
          { target: 'idle', actions: ['hearBeat', 'reconcile'] },
        ],
        'worker.ping': [
          { guard: 'isAlive', target: 'alive', actions: 'hearAnswer' },
          { guard: 'isRefusedForGood', target: 'lost', actions: ['forgetLeases', 'loseAttempts'] },
          { guard: 'isRefused', actions: 'countRefusal' },
        ],
        'worker.release': { actions: 'countRelease' },
        tick: [{ guard: 'isGone', target: 'lost', actions: ['forgetLeases', 'loseAttempts'] }, { actions: 'askPing' }],
      },
    },
    alive: { always: [{ guard: 'holdsSlots', target: 'leased' }, { target: 'idle' }] },
    lost: {
      on: {
        'worker.announce': { target: 'idle', actions: ['meet', 'reconcile'] },
        'worker.beat': { actions: 'callRoll' },
        'worker.leave': 'left',
        'bus.connected': {},
      },
    },
    left: {
      on: {
        'worker.announce': { target: 'idle', actions: ['meet', 'reconcile'] },
        'worker.leave': {},
        'bus.connected': {},
      },
    },
  },
})
