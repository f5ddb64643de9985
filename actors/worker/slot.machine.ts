/**
 * A slot: who holds it, what is done with the attempt that it holds, and which others wait behind that.
 * I1 One driver holds it at a time; what runs goes on when the lease ends.
 * I2 What waits is taken up in order, each the moment that the one before has ended, or is handed back; none is dropped without a word.
 * I3 Each attempt that was taken is told about once: by the runner, or here before it was handed to the runner, or here when the runner
 *    went with it.
 */
import { and, assign, fromPromise, raise, setup, stateIn } from 'xstate'
import { attemptKey, type Assignment, type AttemptRef, type Metrics } from '../../protocol/index.ts'
import type { StopCause } from './runner-messages.ts'
import type { Loss } from './settlement.ts'

export interface SlotContext {
  readonly driver: string | null
  readonly current: Assignment | null
  readonly next: Assignment | null
  /** What waits behind the next one, in order. */
  readonly behind: readonly Assignment[]
  /** How the runner went that had the current attempt. */
  readonly loss: Loss | null
}

export type SlotEvent =
  | { readonly type: 'lease'; readonly driver: string }
  | { readonly type: 'release'; readonly driver: string }
  /** The holder's beats stay out. */
  | { readonly type: 'lease.end' }
  | { readonly type: 'assign'; readonly assignment: Assignment }
  /** What it holds is to end. */
  | { readonly type: 'stop'; readonly cause: StopCause }
  /** The worker goes, and cannot wait for what it holds. */
  | { readonly type: 'handback' }
  /** What it held has ended, however. */
  | { readonly type: 'ended' }
  /** The runner has gone with the attempt in it. */
  | { readonly type: 'lost'; readonly loss: Loss }
  /** One that waits is not to begin. */
  | { readonly type: 'next.drop'; readonly attempt: AttemptRef; readonly reason: string }
  | { readonly type: 'drain' }

/** What the runner had recorded before it went. */
export interface Recorded {
  readonly latest: Metrics
  readonly points: number
}

/** What the slot does outside of itself (slot.ts provides it), with what it is given for that. */
type Effect<Parameters> = (_: unknown, parameters: Parameters) => void

interface Effects {
  /** Gives the attempt and its code to the runner, which sees to it from then on. null: the file of the one before. */
  handOver: Effect<{ readonly file: string | null }>
  stopRunner: Effect<{ readonly cause: StopCause }>
  /** Tells that the current attempt was stopped before the runner had it. */
  tellStopped: Effect<{ readonly cause: StopCause }>
  /** Tells that its code could not be had. */
  tellUnloadable: Effect<{ readonly error: unknown }>
  /** Tells what became of an attempt whose runner went with it. */
  tellLost: Effect<{ readonly recorded: Recorded | undefined; readonly error: unknown }>
  /** Tells that an attempt that waits is handed back; without one: all that wait. */
  handBackNext: Effect<{ readonly reason: string; readonly attempt?: AttemptRef }>
}
const none = () => undefined
const dropped = ({ event }: { readonly event: Extract<SlotEvent, { type: 'next.drop' }> }) => ({
  reason: event.reason,
  attempt: event.attempt,
})
const effects: Effects = {
  handOver: none,
  stopRunner: none,
  tellStopped: none,
  tellUnloadable: none,
  tellLost: none,
  handBackNext: none,
}

export const slotMachine = setup({
  types: { context: {} as SlotContext, events: {} as SlotEvent },
  actors: {
    /** Fetches the code of an attempt: the file in which it lies here. */
    load: fromPromise<string, Assignment>(() => new Promise(() => undefined)),
    /** Reads what a runner that went had recorded. */
    read: fromPromise<Recorded, Loss>(() => new Promise(() => undefined)),
  },
  /** A thousand workers that begin at once wait for their turns to read the code. */
  delays: { loadLimit: 600_000, readLimit: 30_000 },
  guards: {
    isHeldBy: ({ context, event }) => 'driver' in event && context.driver === event.driver,
    isHolders: ({ context, event }) => event.type === 'assign' && context.driver === event.assignment.driver,
    changesHands: ({ context, event }) =>
      event.type === 'lease' && context.driver === null && context.next?.driver !== event.driver,
    isBusy: ({ context, event }) =>
      event.type === 'assign' && context.driver === event.assignment.driver && context.current !== null,
    hasNext: stateIn({ next: 'waiting' }),
    /** The code of what comes next was looked at a moment ago (slot.ts knows). */
    isNextAtHand: () => false,
    hasNextAtHand: and([stateIn({ next: 'waiting' }), 'isNextAtHand']),
    isLast: ({ context }) => context.behind.length === 0,
    isClosed: stateIn({ lease: 'closed' }),
  },
  actions: {
    ...effects,
    handBackRunner: () => undefined,
    /** Tells that the current attempt is handed back before the runner had it; `tellLate`: for its code did not come. */
    tellHandedBack: () => undefined,
    tellLate: () => undefined,
    /** Tells that the slot has fallen free. */
    tellIdle: () => undefined,
    tellEmpty: () => undefined,
    /** An event that this state has no use for. */
    refuse: () => undefined,
    hold: assign(({ context, event }) => ({ driver: event.type === 'lease' ? event.driver : context.driver })),
    free: assign({ driver: null }),
    take: assign(({ context, event }) => ({ current: event.type === 'assign' ? event.assignment : context.current })),
    queue: assign(({ context, event }) =>
      event.type === 'assign' ? inLine([...lineOf(context), event.assignment]) : {},
    ),
    promote: assign(({ context }) => ({ current: context.next, loss: null, ...inLine(context.behind) })),
    clear: assign({ current: null, loss: null }),
    clearNext: assign({ next: null, behind: [] }),
    dropOne: assign(({ context, event }) => {
      if (event.type !== 'next.drop') return {}
      const key = attemptKey(event.attempt)
      return inLine(lineOf(context).filter(({ attempt }) => attemptKey(attempt) !== key))
    }),
    keepLoss: assign(({ context, event }) => ({ loss: event.type === 'lost' ? event.loss : context.loss })),
  },
}).createMachine({
  id: 'slot',
  context: { driver: null, current: null, next: null, behind: [], loss: null },
  type: 'parallel',
  on: { '*': { actions: 'refuse' } },
  states: {
    lease: {
      initial: 'free',
      states: {
        free: {
          on: {
            lease: { target: 'leased', actions: 'hold' },
            // Said again, or too late.
            release: {},
            'lease.end': {},
            drain: 'closed',
          },
        },
        leased: {
          on: {
            lease: { guard: 'isHeldBy' },
            release: [{ guard: 'isHeldBy', target: 'free', actions: 'free' }, {}],
            'lease.end': { target: 'free', actions: 'free' },
            drain: { target: 'closed', actions: 'free' },
          },
        },
        /** The worker drains: nobody gets it any more. */
        closed: { on: { release: {}, 'lease.end': {}, drain: {} } },
      },
    },
    work: {
      initial: 'idle',
      states: {
        idle: {
          on: { assign: { guard: 'isHolders', target: 'loading', actions: 'take' }, drain: 'empty' },
        },
        /** Its code is on its way. */
        loading: {
          invoke: {
            src: 'load',
            input: ({ context }) => present(context.current),
            onDone: {
              target: 'handed',
              actions: { type: 'handOver', params: ({ event }) => ({ file: event.output }) },
            },
            onError: {
              actions: [
                { type: 'tellUnloadable', params: ({ event }) => ({ error: event.error }) },
                raise({ type: 'ended' }),
              ],
            },
          },
          on: {
            stop: {
              actions: [
                { type: 'tellStopped', params: ({ event }) => ({ cause: event.cause }) },
                raise({ type: 'ended' }),
              ],
            },
            handback: { actions: ['tellHandedBack', raise({ type: 'ended' })] },
            ended: [
              { guard: 'hasNext', target: 'loading', reenter: true, actions: 'promote' },
              { guard: 'isClosed', target: 'empty', actions: 'clear' },
              { target: 'idle', actions: ['clear', 'tellIdle'] },
            ],
          },
          after: { loadLimit: { actions: ['tellLate', raise({ type: 'ended' })] } },
        },
        /** The runner has it. */
        handed: {
          on: {
            stop: { actions: { type: 'stopRunner', params: ({ event }) => ({ cause: event.cause }) } },
            handback: { actions: 'handBackRunner' },
            lost: { target: 'lost', actions: 'keepLoss' },
            ended: [
              { guard: 'hasNextAtHand', actions: ['promote', { type: 'handOver', params: { file: null } }] },
              { guard: 'hasNext', target: 'loading', actions: 'promote' },
              { guard: 'isClosed', target: 'empty', actions: 'clear' },
              { target: 'idle', actions: ['clear', 'tellIdle'] },
            ],
          },
        },
        /** The runner went with it, and what it had recorded is looked up. */
        lost: {
          invoke: {
            src: 'read',
            input: ({ context }) => present(context.loss),
            onDone: {
              actions: [
                { type: 'tellLost', params: ({ event }) => ({ recorded: event.output, error: undefined }) },
                raise({ type: 'ended' }),
              ],
            },
            onError: {
              actions: [
                { type: 'tellLost', params: ({ event }) => ({ recorded: undefined, error: event.error }) },
                raise({ type: 'ended' }),
              ],
            },
          },
          on: {
            // It has ended already.
            stop: {},
            handback: {},
            ended: [
              { guard: 'hasNext', target: 'loading', actions: 'promote' },
              { guard: 'isClosed', target: 'empty', actions: 'clear' },
              { target: 'idle', actions: ['clear', 'tellIdle'] },
            ],
          },
          after: {
            readLimit: {
              actions: [
                { type: 'tellLost', params: { recorded: undefined, error: undefined } },
                raise({ type: 'ended' }),
              ],
            },
          },
        },
        /** Nothing is in it, and nothing will be. */
        empty: { entry: 'tellEmpty', on: { handback: {} } },
      },
    },
    next: {
      initial: 'none',
      states: {
        none: { on: { assign: { guard: 'isBusy', target: 'waiting', actions: 'queue' } } },
        waiting: {
          on: {
            assign: { guard: 'isBusy', actions: 'queue' },
            ended: [{ guard: 'isLast', target: 'none' }, {}],
            'next.drop': [
              { guard: 'isLast', target: 'none', actions: [{ type: 'handBackNext', params: dropped }, 'dropOne'] },
              { actions: [{ type: 'handBackNext', params: dropped }, 'dropOne'] },
            ],
            lease: {
              guard: 'changesHands',
              target: 'none',
              actions: [{ type: 'handBackNext', params: { reason: 'lease' } }, 'clearNext'],
            },
            drain: {
              target: 'none',
              actions: [{ type: 'handBackNext', params: { reason: 'drain' } }, 'clearNext'],
            },
          },
        },
      },
    },
  },
})

/** All that wait, in order. */
export function lineOf({ next, behind }: Pick<SlotContext, 'next' | 'behind'>): readonly Assignment[] {
  return next === null ? [] : [next, ...behind]
}

function inLine([first, ...behind]: readonly Assignment[]): Pick<SlotContext, 'next' | 'behind'> {
  return { next: first ?? null, behind }
}

/** A state that holds an attempt has one. */
function present<T>(value: T | null): T {
  if (value === null) throw new Error('this state holds an attempt')
  return value
}
