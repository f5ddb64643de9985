/**
 * A runner: the child process in which user code runs.
 * I1 What was begun ends: by the runner's own word (`ended`), or by its exit (`settle`), never by both.
 * I2 A runner that was told to stop and does not is killed after its grace.
 */
import { assign, setup } from 'xstate'
import type { Assignment } from '../../protocol/index.ts'
import type { StopCause } from './runner-messages.ts'

/** Why a runner was killed. */
export type KillCause = 'unresponsive' | 'silent' | 'late' | 'dismissed' | 'handback'

export interface RunnerContext {
  readonly assignment: Assignment | null
  readonly cause: StopCause | null
  readonly killed: KillCause | null
  /** Trials run in this process. */
  readonly served: number
  readonly failedStarts: number
  readonly maxServed: number
  readonly maxRssBytes: number
}

export type RunnerEvent =
  | { readonly type: 'ready' }
  /** It cannot work on this host: no start will help. */
  | { readonly type: 'unfit' }
  | { readonly type: 'begin'; readonly assignment: Assignment; readonly file: string }
  | { readonly type: 'stop'; readonly cause: StopCause }
  | { readonly type: 'ended'; readonly rssBytes: number; readonly last: boolean }
  | { readonly type: 'exited'; readonly reason: string }
  /** Its second thread has not been heard for long. */
  | { readonly type: 'silent' }
  /** The worker goes, and cannot wait for what runs. */
  | { readonly type: 'handback' }
  | { readonly type: 'dismiss' }

/** The longest that a timer can take. */
const forever = 2 ** 31 - 1

export const runnerMachine = setup({
  types: {
    context: {} as RunnerContext,
    events: {} as RunnerEvent,
    input: {} as { readonly maxServed: number; readonly maxRssBytes: number },
  },
  delays: {
    startLimit: 120_000,
    leaveLimit: 5_000,
    restart: ({ context }) => Math.min(30_000, 100 * 2 ** context.failedStarts),
    timeLimit: ({ context }) => Math.min(forever, context.assignment?.trialTimeoutMs ?? forever),
    grace: ({ context }) => Math.min(forever, context.assignment?.graceMs ?? 0),
  },
  guards: {
    isTimed: ({ context }) => context.assignment !== null && context.assignment.trialTimeoutMs !== null,
    isWorn: ({ context, event }) =>
      event.type === 'ended' &&
      (event.last || context.served + 1 >= context.maxServed || event.rssBytes > context.maxRssBytes),
    isDismissed: ({ context }) => context.killed === 'dismissed',
    startsFail: ({ context }) => context.failedStarts >= 4,
  },
  actions: {
    spawn: () => undefined,
    begin: () => undefined,
    stop: () => undefined,
    leave: () => undefined,
    kill: () => undefined,
    /** The runner went with an attempt in it. */
    settle: () => undefined,
    tellWarm: () => undefined,
    tellUnfit: () => undefined,
    take: assign(({ context, event }) =>
      event.type === 'begin' ? { assignment: event.assignment, cause: null } : { assignment: context.assignment },
    ),
    keepCause: assign(({ context, event }) => ({
      cause: context.cause ?? (event.type === 'stop' ? event.cause : 'timeout'),
    })),
    count: assign(({ context }) => ({ assignment: null, cause: null, served: context.served + 1 })),
    forget: assign({ assignment: null, cause: null, killed: null, served: 0 }),
    countFailedStart: assign(({ context }) => ({ failedStarts: context.failedStarts + 1 })),
    forgetFailedStarts: assign({ failedStarts: 0 }),
    blameGrace: assign({ killed: 'unresponsive' }),
    blameSilence: assign({ killed: 'silent' }),
    blameStart: assign({ killed: 'late' }),
    blameHandback: assign({ killed: 'handback' }),
    blameDismissal: assign({ killed: 'dismissed' }),
  },
}).createMachine({
  id: 'runner',
  context: ({ input }) => ({
    assignment: null,
    cause: null,
    killed: null,
    served: 0,
    failedStarts: 0,
    maxServed: input.maxServed,
    maxRssBytes: input.maxRssBytes,
  }),
  initial: 'starting',
  states: {
    starting: {
      entry: 'spawn',
      on: {
        ready: { target: 'warm', actions: 'forgetFailedStarts' },
        unfit: { target: 'ended', actions: 'tellUnfit' },
        exited: { target: 'waiting', actions: 'countFailedStart' },
        dismiss: { target: 'killing', actions: 'blameDismissal' },
      },
      after: { startLimit: { target: 'killing', actions: 'blameStart' } },
    },
    waiting: {
      always: { guard: 'startsFail', target: 'ended', actions: 'tellUnfit' },
      on: { dismiss: 'ended' },
      after: { restart: 'starting' },
    },
    warm: {
      entry: 'tellWarm',
      on: {
        begin: { target: 'busy', actions: ['take', 'begin'] },
        exited: { target: 'starting', actions: 'forget' },
        silent: { target: 'killing', actions: 'blameSilence' },
        dismiss: { target: 'leaving', actions: 'blameDismissal' },
      },
    },
    busy: {
      on: {
        stop: { target: 'stopping', actions: 'keepCause' },
        ended: [
          { guard: 'isWorn', target: 'leaving', actions: 'count' },
          { target: 'warm', actions: 'count' },
        ],
        exited: { target: 'starting', actions: ['settle', 'forget'] },
        silent: { target: 'killing', actions: 'blameSilence' },
        handback: { target: 'killing', actions: 'blameHandback' },
      },
      after: { timeLimit: { guard: 'isTimed', target: 'stopping', actions: 'keepCause' } },
    },
    /** Told to stop, and not stopped yet. */
    stopping: {
      entry: 'stop',
      on: {
        ended: [
          { guard: 'isWorn', target: 'leaving', actions: 'count' },
          { target: 'warm', actions: 'count' },
        ],
        exited: { target: 'starting', actions: ['settle', 'forget'] },
        silent: { target: 'killing', actions: 'blameSilence' },
        handback: { target: 'killing', actions: 'blameHandback' },
      },
      after: { grace: { target: 'killing', actions: 'blameGrace' } },
    },
    /** Asked to go between two trials. */
    leaving: {
      entry: 'leave',
      on: {
        exited: [
          { guard: 'isDismissed', target: 'ended' },
          { target: 'starting', actions: 'forget' },
        ],
      },
      after: { leaveLimit: 'killing' },
    },
    killing: {
      entry: 'kill',
      on: {
        exited: [
          { guard: 'isDismissed', target: 'ended', actions: 'settle' },
          { target: 'starting', actions: ['settle', 'forget'] },
        ],
      },
    },
    ended: { type: 'final' },
  },
})
