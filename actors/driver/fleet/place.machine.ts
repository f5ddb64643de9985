/**
 * A place in a slot: the one that runs, or the one that waits behind it. Pure; the fleet moves it.
 * I1 What a worker says of its slot counts more than what the driver believes of it.
 * I2 An attempt is lost when its worker is gone, or says twice in a row that it knows nothing of it.
 * I3 Whatever becomes of an attempt, its place becomes free in the end, or is gone with its worker.
 */
import { assertEvent, assign, setup } from 'xstate'
import type { AttemptRef } from '../../../protocol/index.ts'

export interface PlaceContext {
  readonly attempt: AttemptRef | null
  /** By the wall clock: when the attempt was assigned. */
  readonly assignedAt: number
  /** How often in a row the worker did not name the attempt. */
  readonly missed: number
}

/** Where the worker says that the attempt is; kept: it has ended, and its result waits for a driver. */
export type Whereabouts = 'running' | 'next' | 'kept' | 'nowhere'

export type PlaceEvent =
  /** The attempt is given to the place; the log does not say so yet. */
  | { type: 'place.reserve'; attempt: AttemptRef; at: number }
  /** From the log: a driver before this one gave the attempt to the place. */
  | { type: 'place.expect'; attempt: AttemptRef; at: number }
  /** The worker runs here what this driver did not give it, or has given up. */
  | { type: 'place.disown'; attempt: AttemptRef }
  /** The assignment is in the log, and goes out. */
  | { type: 'log.kept' }
  /** silent: nobody knows whether the worker heard it. */
  | { type: 'trial.assign'; answered: 'running' | 'next' | 'refused' | 'silent' }
  | { type: 'worker.status'; attempt: Whereabouts }
  /** What ran before it has ended: the worker begins it. */
  | { type: 'place.promote' }
  | { type: 'place.free' }
  | { type: 'worker.gone' }

const taken = [
  { guard: 'isAtWork', target: 'running', actions: 'seen' },
  { guard: 'isBehind', target: 'waiting', actions: 'seen' },
] as const
/** The worker names the attempt, or does not know it (I2). */
const heard = [
  ...taken,
  { guard: 'isNowhereAgain', target: 'free', actions: 'lose' },
  { guard: 'isNowhere', actions: 'miss' },
] as const
const over = { 'place.free': 'free', 'worker.gone': { target: 'gone', actions: 'lose' } } as const
const disowned = { 'place.disown': { target: 'foreign', actions: 'name' } } as const

export const placeMachine = setup({
  types: { context: {} as PlaceContext, events: {} as PlaceEvent },
  guards: {
    isAtWork: ({ event }) =>
      (event.type === 'trial.assign' && event.answered === 'running') ||
      (event.type === 'worker.status' && (event.attempt === 'running' || event.attempt === 'kept')),
    isBehind: ({ event }) =>
      (event.type === 'trial.assign' && event.answered === 'next') ||
      (event.type === 'worker.status' && event.attempt === 'next'),
    isRefused: ({ event }) => event.type === 'trial.assign' && event.answered === 'refused',
    isSilent: ({ event }) => event.type === 'trial.assign' && event.answered === 'silent',
    isNowhere: ({ event }) => event.type === 'worker.status' && event.attempt === 'nowhere',
    isNowhereAgain: ({ context, event }) =>
      event.type === 'worker.status' && event.attempt === 'nowhere' && context.missed > 0,
  },
  actions: {
    name: assign(({ event }) => {
      assertEvent(event, ['place.reserve', 'place.expect', 'place.disown'])
      return { attempt: event.attempt, assignedAt: 'at' in event ? event.at : 0, missed: 0 }
    }),
    seen: assign({ missed: 0 }),
    miss: assign(({ context }) => ({ missed: context.missed + 1 })),
    // Effect, provided by the fleet: it says that the attempt is lost, and in which state its place was.
    lose: () => {},
  },
}).createMachine({
  id: 'place',
  initial: 'free',
  context: { attempt: null, assignedAt: 0, missed: 0 },
  states: {
    free: {
      on: {
        'place.reserve': { target: 'reserved', actions: 'name' },
        'place.expect': { target: 'expected', actions: 'name' },
        'place.disown': { target: 'foreign', actions: 'name' },
      },
    },
    reserved: { on: { 'log.kept': 'delivering', ...over } },
    delivering: {
      on: {
        'trial.assign': [...taken, { guard: 'isRefused', target: 'free' }, { guard: 'isSilent', target: 'expected' }],
        // The answer was lost: the worker's next word says the same.
        'worker.status': taken,
        ...over,
        ...disowned,
      },
    },
    // So says the log, or a request without an answer: the worker's next words decide.
    expected: {
      on: {
        'trial.assign': [...taken, { guard: 'isRefused', target: 'free' }],
        'worker.status': heard,
        ...over,
        ...disowned,
      },
    },
    // The worker has it, behind another one: it has not begun.
    waiting: {
      on: {
        'place.promote': 'running',
        'worker.status': heard,
        ...over,
        ...disowned,
      },
    },
    running: {
      on: {
        'worker.status': heard,
        ...over,
        ...disowned,
      },
    },
    // Nothing is lost with it. It is free when the worker does not name it any more.
    foreign: {
      on: {
        'place.expect': { target: 'expected', actions: 'name' },
        'worker.status': { guard: 'isNowhere', target: 'free' },
        'place.free': 'free',
        'worker.gone': 'gone',
      },
    },
    gone: { type: 'final' },
  },
})
