/**
 * One worker as a driver sees it: whether it is here. What its slots hold is said by lease.machine and place.machine.
 * Time comes in with `tick`; the driver provides the effects.
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
}

export type FleetEvent =
  | { type: 'worker.announce'; info: WorkerInfo; status: WorkerStatus; at: number }
  | { type: 'worker.beat'; status: WorkerStatus; at: number }
  | { type: 'worker.leave' }
  | { type: 'worker.ping'; answered: 'alive' | 'refused' | 'silent'; at: number }
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
    forgetStatus: assign({ status: null }),
    // Effects, provided by the driver:
    reconcile: () => {},
    callRoll: () => {},
    askPing: () => {},
    loseAttempts: () => {},
  },
}).createMachine({
  id: 'fleet',
  initial: 'unseen',
  context: ({ input }) => ({ ...input, info: null, status: null, heardAt: input.at, refusals: 0 }),
  on: {
    'worker.leave': { target: '.left', actions: ['forgetStatus', 'loseAttempts'] },
    'bus.connected': { actions: 'waitAnew' },
  },
  states: {
    unseen: {
      on: {
        'worker.announce': { target: 'here', actions: ['meet', 'reconcile'] },
        // It beats, and was never introduced: this driver started later.
        'worker.beat': { actions: 'callRoll' },
        'worker.leave': 'left',
        // The log named it, and it never came.
        tick: { guard: 'isGone', target: 'lost', actions: 'loseAttempts' },
      },
    },
    here: {
      on: {
        'worker.announce': { actions: ['meet', 'reconcile'] },
        'worker.beat': { actions: ['hearBeat', 'reconcile'] },
        tick: { guard: 'isSilent', target: 'suspect' },
      },
    },
    suspect: {
      entry: 'askPing',
      on: {
        'worker.announce': { target: 'here', actions: ['meet', 'reconcile'] },
        'worker.beat': { target: 'here', actions: ['hearBeat', 'reconcile'] },
        'worker.ping': [
          { guard: 'isAlive', target: 'here', actions: 'hearAnswer' },
          { guard: 'isRefusedForGood', target: 'lost', actions: ['forgetStatus', 'loseAttempts'] },
          { guard: 'isRefused', actions: 'countRefusal' },
        ],
        tick: [{ guard: 'isGone', target: 'lost', actions: ['forgetStatus', 'loseAttempts'] }, { actions: 'askPing' }],
      },
    },
    lost: {
      on: {
        'worker.announce': { target: 'here', actions: ['meet', 'reconcile'] },
        'worker.beat': { actions: 'callRoll' },
        'worker.leave': 'left',
        'bus.connected': {},
      },
    },
    left: {
      on: {
        'worker.announce': { target: 'here', actions: ['meet', 'reconcile'] },
        'worker.leave': {},
        'bus.connected': {},
      },
    },
  },
})
