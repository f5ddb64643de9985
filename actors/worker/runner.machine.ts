/**
 * A runner: the child process in which user code runs, and the attempt that it was told to begin.
 * I1 An attempt that it was told to begin ends once: by the runner's own word (`ended`), or by the exit of its process (`settle`).
 * I2 A runner that was told to stop and does not is killed after its grace.
 * I3 No state lasts for ever but `warm` and, for a trial without a time limit, `running`: each of those that start gives up its turn in
 *    time.
 */
import { assign, setup } from 'xstate'
import type { Assignment } from '../../protocol/index.ts'
import type { StopCause } from './runner-messages.ts'

/** Why a runner was killed. */
export type KillCause = 'unresponsive' | 'silent' | 'deaf' | 'late' | 'dismissed' | 'handback'

export interface RunnerContext {
  /** The attempt that it was told to begin and that has not ended. */
  readonly attempt: { readonly assignment: Assignment; readonly file: string } | null
  /** When it began, by the runner's clock. */
  readonly startedAt: number | null
  readonly cause: StopCause | null
  readonly killed: KillCause | null
  /** Trials run in this process. */
  readonly served: number
  readonly failedStarts: number
  readonly maxServed: number
  readonly maxRssBytes: number
}

export type RunnerEvent =
  /** It may start its process now. */
  | { readonly type: 'turn' }
  | { readonly type: 'ready' }
  /** It cannot work on this host: no start will help. */
  | { readonly type: 'unfit' }
  | { readonly type: 'begin'; readonly assignment: Assignment; readonly file: string }
  /** It says that it has begun. */
  | { readonly type: 'started'; readonly at: number }
  | { readonly type: 'stop'; readonly cause: StopCause }
  | { readonly type: 'ended'; readonly rssBytes: number; readonly last: boolean }
  | { readonly type: 'exited'; readonly reason: string; readonly outgrown?: boolean }
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
    beginLimit: 30_000,
    leaveLimit: 5_000,
    restart: ({ context }) => Math.min(30_000, 100 * 2 ** context.failedStarts),
    timeLimit: ({ context }) => Math.min(forever, context.attempt?.assignment.trialTimeoutMs ?? forever),
    grace: ({ context }) => Math.min(forever, context.attempt?.assignment.graceMs ?? 0),
  },
  guards: {
    hasAttempt: ({ context }) => context.attempt !== null,
    isTimed: ({ context }) => context.attempt !== null && context.attempt.assignment.trialTimeoutMs !== null,
    isWorn: ({ context, event }) =>
      event.type === 'ended' &&
      (event.last || context.served + 1 >= context.maxServed || event.rssBytes > context.maxRssBytes),
    isDismissed: ({ context }) => context.killed === 'dismissed',
    isLate: ({ context }) => context.killed === 'late',
    startsFail: ({ context }) => context.failedStarts >= 4,
  },
  actions: {
    askTurn: () => undefined,
    /** It needs its turn no more. */
    passTurn: () => undefined,
    spawn: () => undefined,
    begin: () => undefined,
    stop: () => undefined,
    leave: () => undefined,
    kill: () => undefined,
    /** The process went with an attempt in it, if one was. */
    settle: () => undefined,
    tellStarted: () => undefined,
    tellEnded: () => undefined,
    /** It can take an attempt. */
    tellWarm: () => undefined,
    tellUnfit: () => undefined,
    /** It went while nothing ran in it. */
    tellIdleDeath: () => undefined,
    /** An event that this state has no use for. */
    refuse: () => undefined,
    take: assign(({ event }) =>
      event.type === 'begin'
        ? { attempt: { assignment: event.assignment, file: event.file }, startedAt: null, cause: null }
        : {},
    ),
    keepStart: assign(({ event }) => (event.type === 'started' ? { startedAt: event.at } : {})),
    keepCause: assign(({ context, event }) => ({
      cause: context.cause ?? (event.type === 'stop' ? event.cause : 'timeout'),
    })),
    count: assign(({ context }) => ({ attempt: null, startedAt: null, cause: null, served: context.served + 1 })),
    drop: assign({ attempt: null, startedAt: null, cause: null }),
    renew: assign({ killed: null, served: 0 }),
    countFailedStart: assign(({ context }) => ({ failedStarts: context.failedStarts + 1 })),
    forgetFailedStarts: assign({ failedStarts: 0 }),
    blameGrace: assign({ killed: 'unresponsive' }),
    blameSilence: assign({ killed: 'silent' }),
    blameDeafness: assign({ killed: 'deaf' }),
    blameStart: assign({ killed: 'late' }),
    blameHandback: assign({ killed: 'handback' }),
    blameDismissal: assign({ killed: 'dismissed' }),
  },
}).createMachine({
  id: 'runner',
  context: ({ input }) => ({
    attempt: null,
    startedAt: null,
    cause: null,
    killed: null,
    served: 0,
    failedStarts: 0,
    maxServed: input.maxServed,
    maxRssBytes: input.maxRssBytes,
  }),
  initial: 'queued',
  on: { '*': { actions: 'refuse' } },
  states: {
    /** Other runners of this worker start: with many at once none would be there in time. */
    queued: {
      entry: 'askTurn',
      on: {
        turn: 'starting',
        dismiss: { target: 'ended', actions: 'passTurn' },
      },
    },
    starting: {
      entry: 'spawn',
      exit: 'passTurn',
      on: {
        ready: { target: 'warm', actions: 'forgetFailedStarts' },
        unfit: { target: 'ended', actions: 'tellUnfit' },
        exited: { target: 'waiting', actions: 'countFailedStart' },
        dismiss: { target: 'killing', actions: 'blameDismissal' },
      },
      after: { startLimit: { target: 'killing', actions: 'blameStart' } },
    },
    /** Between two starts, the one before having failed. */
    waiting: {
      always: { guard: 'startsFail', target: 'ended', actions: 'tellUnfit' },
      on: { dismiss: 'ended' },
      after: { restart: 'queued' },
    },
    warm: {
      entry: 'tellWarm',
      on: {
        begin: { target: 'sent', actions: 'take' },
        exited: { target: 'queued', actions: ['tellIdleDeath', 'renew'] },
        dismiss: { target: 'leaving', actions: 'blameDismissal' },
      },
    },
    /** Told to begin; it has not said yet that it has. */
    sent: {
      entry: 'begin',
      on: {
        started: { target: 'running', actions: ['keepStart', 'tellStarted'] },
        stop: { target: 'stopping', actions: 'keepCause' },
        ended: [
          { guard: 'isWorn', target: 'leaving', actions: ['tellEnded', 'count'] },
          { target: 'warm', actions: ['tellEnded', 'count'] },
        ],
        exited: { target: 'queued', actions: ['settle', 'drop', 'renew'] },
        silent: { target: 'killing', actions: 'blameSilence' },
        handback: { target: 'killing', actions: 'blameHandback' },
        dismiss: { target: 'killing', actions: 'blameDismissal' },
      },
      after: { beginLimit: { target: 'killing', actions: 'blameDeafness' } },
    },
    running: {
      on: {
        stop: { target: 'stopping', actions: 'keepCause' },
        ended: [
          { guard: 'isWorn', target: 'leaving', actions: ['tellEnded', 'count'] },
          { target: 'warm', actions: ['tellEnded', 'count'] },
        ],
        exited: { target: 'queued', actions: ['settle', 'drop', 'renew'] },
        silent: { target: 'killing', actions: 'blameSilence' },
        handback: { target: 'killing', actions: 'blameHandback' },
        dismiss: { target: 'killing', actions: 'blameDismissal' },
      },
      after: { timeLimit: { guard: 'isTimed', target: 'stopping', actions: 'keepCause' } },
    },
    /** Told to stop, and not stopped yet. */
    stopping: {
      entry: 'stop',
      on: {
        started: { actions: ['keepStart', 'tellStarted'] },
        // The first cause counts.
        stop: {},
        ended: [
          { guard: 'isWorn', target: 'leaving', actions: ['tellEnded', 'count'] },
          { target: 'warm', actions: ['tellEnded', 'count'] },
        ],
        exited: { target: 'queued', actions: ['settle', 'drop', 'renew'] },
        silent: { target: 'killing', actions: 'blameSilence' },
        handback: { target: 'killing', actions: 'blameHandback' },
        dismiss: { target: 'killing', actions: 'blameDismissal' },
      },
      after: { grace: { target: 'killing', actions: 'blameGrace' } },
    },
    /** Asked to go between two trials. */
    leaving: {
      entry: 'leave',
      on: {
        exited: [
          { guard: 'isDismissed', target: 'ended' },
          { target: 'queued', actions: 'renew' },
        ],
        dismiss: { actions: 'blameDismissal' },
      },
      after: { leaveLimit: 'killing' },
    },
    /** Killed, and not gone yet. */
    killing: {
      entry: 'kill',
      on: {
        exited: [
          { guard: 'isDismissed', target: 'ended', actions: ['settle', 'drop'] },
          { guard: 'isLate', target: 'waiting', actions: ['countFailedStart', 'renew'] },
          { target: 'queued', actions: ['settle', 'drop', 'renew'] },
        ],
        // Its last message says that the trial did end.
        started: { actions: ['keepStart', 'tellStarted'] },
        ended: { guard: 'hasAttempt', actions: ['tellEnded', 'count'] },
        ready: {},
        stop: { actions: 'keepCause' },
        silent: {},
        handback: {},
        dismiss: { actions: 'blameDismissal' },
      },
    },
    ended: { type: 'final' },
  },
})
