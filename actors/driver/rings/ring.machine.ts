/**
 * The membership of one ring, as its driver sees it. Time comes in with `tick`; the driver provides the effects.
 * I1 A generation has one membership: its number grows with every change, and is in the log before a member hears of it.
 * I2 A member is out only when it does not answer, has left, or its attempt has ended; whoever answers stays.
 * I3 Below `min` members nothing goes on, and nobody is told to go on, until there are enough again.
 */
import { assertEvent, assign, setup } from 'xstate'
import type { HeldPart } from '../../../src/history/index.ts'

export interface RingInput {
  readonly min: number
  readonly max: number
  /** It begins with `max`, or after this time with `min`; null: with `max` only. */
  readonly waitMs: number | null
  /** The last generation that the log names; 0: none. */
  readonly generation: number
  readonly at: number
}

/** expected: assigned, and still on its way to its first step. joined: asks to be a member. left: between two steps, by itself. */
type Standing = 'expected' | 'joined' | 'member' | 'left'

export interface Seat extends HeldPart {
  readonly standing: Standing
  /** It has answered to `form`. */
  readonly ready: boolean
}

export interface RingContext extends RingInput {
  readonly seats: readonly Seat[]
  /** Attempts, in the order of their ranks. */
  readonly plan: readonly number[]
}

export type RingEvent =
  | { type: 'ring.seat'; part: HeldPart }
  /** From the log: another driver formed this generation, and its members are at work. */
  | { type: 'ring.adopt'; generation: number; attempts: readonly number[] }
  | { type: 'ring.join'; attempt: number }
  | { type: 'ring.ready'; attempt: number; generation: number }
  /** It does not answer. */
  | { type: 'ring.absent'; attempt: number; generation: number }
  /** A member knows of a newer generation than this driver does. */
  | { type: 'ring.stale'; generation: number }
  | { type: 'ring.suspect'; generation: number }
  | { type: 'ring.leave'; attempt: number; reason: 'done' | 'draining' | 'failed' }
  /** Its attempt has ended or is lost. */
  | { type: 'ring.gone'; attempt: number }
  | { type: 'tick'; at: number }
  | { type: 'trial.settled' }

const takesPart = ({ standing }: Seat) => standing === 'joined' || standing === 'member'
const inPlan = ({ plan }: RingContext, attempt: number) => plan.includes(attempt)
const patch = (context: RingContext, attempt: number, change: Partial<Seat>) => ({
  seats: context.seats.map((seat) => (seat.attempt === attempt ? { ...seat, ...change } : seat)),
})

/** How many it takes to begin, at a time. */
export function neededAt({ min, max, waitMs, at }: RingInput, now: number): number {
  return waitMs !== null && now - at >= waitMs ? min : max
}

function everybodyJoined({ seats }: RingContext, needed: number): boolean {
  const there = seats.filter(({ standing }) => standing !== 'left')
  return there.length >= needed && there.every(takesPart)
}

export const ringMachine = setup({
  types: { context: {} as RingContext, events: {} as RingEvent, input: {} as RingInput },
  guards: {
    isComplete: ({ context }) => everybodyJoined(context, context.max),
    mayBegin: ({ context, event }) => event.type === 'tick' && everybodyJoined(context, neededAt(context, event.at)),
    isTooSmall: ({ context }) => context.seats.filter(takesPart).length < context.min,
    isReady: ({ context }) =>
      context.plan.every((attempt) => context.seats.some((seat) => seat.attempt === attempt && seat.ready)),
    hasNewcomers: ({ context }) => context.seats.some(({ standing }) => standing === 'joined'),
    isOfThisGeneration: ({ context, event }) => 'generation' in event && event.generation === context.generation,
    isMember: ({ context, event }) => 'attempt' in event && inPlan(context, event.attempt),
    /** A member whose train has returned has nothing more to give or to get. */
    isDone: ({ event }) => event.type === 'ring.leave' && event.reason === 'done',
  },
  actions: {
    seat: assign(({ context, event }) => {
      assertEvent(event, 'ring.seat')
      const others = context.seats.filter(({ attempt }) => attempt !== event.part.attempt)
      return { seats: [...others, { ...event.part, standing: 'expected' as const, ready: false }] }
    }),
    adopt: assign(({ context, event }) => {
      assertEvent(event, 'ring.adopt')
      const seats = context.seats.map((seat) =>
        event.attempts.includes(seat.attempt) ? { ...seat, standing: 'member' as const, ready: true } : seat,
      )
      return { generation: event.generation, plan: event.attempts, seats }
    }),
    noteJoin: assign(({ context, event }) => {
      assertEvent(event, 'ring.join')
      return patch(context, event.attempt, { standing: 'joined', ready: false })
    }),
    noteReady: assign(({ context, event }) => {
      assertEvent(event, 'ring.ready')
      return patch(context, event.attempt, { standing: 'member', ready: true })
    }),
    noteLeave: assign(({ context, event }) => {
      assertEvent(event, 'ring.leave')
      return patch(context, event.attempt, { standing: 'left' })
    }),
    remove: assign(({ context, event }) => {
      assertEvent(event, ['ring.gone', 'ring.absent'])
      return { seats: context.seats.filter(({ attempt }) => attempt !== event.attempt) }
    }),
    catchUp: assign(({ context, event }) => {
      assertEvent(event, 'ring.stale')
      return { generation: Math.max(context.generation, event.generation) }
    }),
    // Those who were members keep their order, so that rank 0 stays where it is while it lives.
    nextGeneration: assign(({ context }) => {
      const there = context.seats.filter(takesPart)
      const rankOf = ({ attempt }: Seat) => (inPlan(context, attempt) ? context.plan.indexOf(attempt) : Infinity)
      const ordered = there.toSorted((a, b) =>
        rankOf(a) === rankOf(b) ? a.attempt - b.attempt : rankOf(a) - rankOf(b),
      )
      const seats = context.seats.map((seat) => ({ ...seat, ready: false }))
      return { generation: context.generation + 1, plan: ordered.map(({ attempt }) => attempt), seats }
    }),
    // Effects, provided by the driver:
    form: () => {},
    start: () => {},
    drop: () => {},
  },
}).createMachine({
  id: 'ring',
  initial: 'forming',
  context: ({ input }) => ({ ...input, seats: [], plan: [] }),
  on: {
    'ring.seat': { actions: 'seat' },
    'trial.settled': '.done',
  },
  states: {
    forming: {
      always: { guard: 'isComplete', target: 'syncing' },
      on: {
        'ring.adopt': { target: 'running', actions: ['adopt', 'start'] },
        'ring.join': { actions: 'noteJoin' },
        'ring.leave': { actions: 'noteLeave' },
        'ring.gone': { actions: 'remove' },
        tick: { guard: 'mayBegin', target: 'syncing' },
      },
    },
    // `form` is on its way to all; whoever does not answer is out, and the rest is formed anew.
    syncing: {
      entry: ['nextGeneration', 'form'],
      always: { guard: 'isReady', target: 'running', actions: 'start' },
      on: {
        'ring.ready': { guard: 'isOfThisGeneration', actions: 'noteReady' },
        'ring.absent': { guard: 'isOfThisGeneration', target: 'reforming', actions: ['remove', 'drop'] },
        'ring.stale': { target: 'reforming', actions: 'catchUp' },
        // A member says join again until it has heard `form`.
        'ring.join': [{ guard: 'isMember' }, { actions: 'noteJoin' }],
        'ring.suspect': { guard: 'isOfThisGeneration', target: 'reforming' },
        'ring.leave': { target: 'reforming', actions: 'noteLeave' },
        'ring.gone': [{ guard: 'isMember', target: 'reforming', actions: 'remove' }, { actions: 'remove' }],
      },
    },
    running: {
      always: { guard: 'hasNewcomers', target: 'reforming' },
      on: {
        'ring.join': { actions: 'noteJoin' },
        'ring.suspect': { guard: 'isOfThisGeneration', target: 'reforming' },
        'ring.absent': { guard: 'isOfThisGeneration', target: 'reforming', actions: ['remove', 'drop'] },
        'ring.stale': { target: 'reforming', actions: 'catchUp' },
        'ring.leave': [
          { guard: 'isDone', actions: 'noteLeave' },
          { target: 'reforming', actions: 'noteLeave' },
        ],
        'ring.gone': [{ guard: 'isMember', target: 'reforming', actions: 'remove' }, { actions: 'remove' }],
      },
    },
    reforming: { always: [{ guard: 'isTooSmall', target: 'waiting' }, { target: 'syncing' }] },
    // Below `min` (I3).
    waiting: {
      on: {
        'ring.join': { target: 'reforming', actions: 'noteJoin' },
        'ring.leave': { actions: 'noteLeave' },
        'ring.gone': { actions: 'remove' },
      },
    },
    done: { type: 'final' },
  },
})
