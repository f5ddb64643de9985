/**
 * A runner: the child process in which user code runs, and the attempt that was handed to it.
 * I1 An attempt that was handed over ends once: by the runner's own word (`ended`), by the exit of its process (`settle`), or untouched
 *    (`tellUnbegun`).
 * I2 A runner that was told to stop and does not is killed after its grace.
 * I3 An attempt that has not begun costs nothing: when its process goes before it says that it has begun, the next process gets it.
 * I4 No state lasts for ever but `warm` and, for a trial without a time limit, `running`: each of those that start gives up its turn in
 *    time, and a shift is over when its trial takes long.
 */
import { assign, setup } from 'xstate'
import type { Assignment } from '../../protocol/index.ts'
import type { StopCause } from './runner-messages.ts'

/** Why a runner was killed. */
export type KillCause = 'unresponsive' | 'silent' | 'deaf' | 'late' | 'dismissed' | 'handback'

export interface RunnerContext {
  /** The attempt that was handed over and has not ended. */
  readonly attempt: { readonly assignment: Assignment; readonly file: string } | null
  /** When it began, by the runner's clock. */
  readonly startedAt: number | null
  /** Processes that were told to begin it. */
  readonly tries: number
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
  /** What was handed over may begin now. */
  | { readonly type: 'shift' }
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
/** An attempt that was told to begin so many times, and never did, has brought its processes down. */
const maximumTries = 3

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
    isHandedOver: ({ context }) => context.attempt !== null,
    isEmpty: ({ context }) => context.attempt === null,
    /** Handed over while there was no process for it. */
    isUntouched: ({ context }) => context.attempt !== null && context.tries === 0,
    isTimed: ({ context }) => context.attempt !== null && context.attempt.assignment.trialTimeoutMs !== null,
    isWorn: ({ context, event }) =>
      event.type === 'ended' &&
      (event.last || context.served + 1 >= context.maxServed || event.rssBytes > context.maxRssBytes),
    isDismissed: ({ context }) => context.killed === 'dismissed',
    isLate: ({ context }) => context.killed === 'late',
    // I3
    mayBeginAgain: ({ context }) =>
      context.attempt !== null &&
      context.startedAt === null &&
      context.cause === null &&
      context.killed !== 'handback' &&
      context.tries < maximumTries,
    startsFail: ({ context }) => context.failedStarts >= 4,
  },
  actions: {
    askTurn: () => undefined,
    /** It needs its turn no more. */
    passTurn: () => undefined,
    spawn: () => undefined,
    askShift: () => undefined,
    /** Its trial is over, or will not begin now. */
    passShift: () => undefined,
    begin: () => undefined,
    stop: () => undefined,
    leave: () => undefined,
    kill: () => undefined,
    /** The process went with an attempt in it, if one was. */
    settle: () => undefined,
    tellStarted: () => undefined,
    tellEnded: () => undefined,
    /** The attempt never began: it was stopped or handed back, or no runner starts here. */
    tellUnbegun: () => undefined,
    tellWarm: () => undefined,
    tellUnfit: () => undefined,
    /** It went while nothing ran in it. */
    tellIdleDeath: () => undefined,
    /** An event that this state has no use for. */
    refuse: () => undefined,
    take: assign(({ event }) =>
      event.type === 'begin'
        ? { attempt: { assignment: event.assignment, file: event.file }, startedAt: null, tries: 0, cause: null }
        : {},
    ),
    countTry: assign(({ context }) => ({ tries: context.tries + 1 })),
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
    tries: 0,
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
        begin: { guard: 'isEmpty', actions: 'take' },
        stop: { guard: 'isHandedOver', actions: ['tellUnbegun', 'drop'] },
        handback: { guard: 'isHandedOver', actions: ['tellUnbegun', 'drop'] },
        dismiss: { target: 'ended', actions: 'passTurn' },
      },
    },
    starting: {
      entry: 'spawn',
      exit: 'passTurn',
      on: {
        ready: { target: 'warm', actions: 'forgetFailedStarts' },
        unfit: { target: 'ended', actions: ['tellUnbegun', 'drop', 'tellUnfit'] },
        exited: { target: 'waiting', actions: 'countFailedStart' },
        begin: { guard: 'isEmpty', actions: 'take' },
        stop: { guard: 'isHandedOver', actions: ['tellUnbegun', 'drop'] },
        handback: { guard: 'isHandedOver', actions: ['tellUnbegun', 'drop'] },
        dismiss: { target: 'killing', actions: 'blameDismissal' },
      },
      after: { startLimit: { target: 'killing', actions: 'blameStart' } },
    },
    /** Between two starts, the one before having failed. */
    waiting: {
      always: { guard: 'startsFail', target: 'ended', actions: ['tellUnbegun', 'drop', 'tellUnfit'] },
      on: {
        begin: { guard: 'isEmpty', actions: 'take' },
        stop: { guard: 'isHandedOver', actions: ['tellUnbegun', 'drop'] },
        handback: { guard: 'isHandedOver', actions: ['tellUnbegun', 'drop'] },
        dismiss: 'ended',
      },
      after: { restart: 'queued' },
    },
    warm: {
      entry: ['passShift', 'tellWarm'],
      always: { guard: 'isHandedOver', target: 'due' },
      on: {
        begin: { actions: 'take' },
        // It came as the attempt was taken back.
        shift: {},
        exited: { target: 'queued', actions: ['tellIdleDeath', 'renew'] },
        dismiss: { target: 'leaving', actions: 'blameDismissal' },
      },
    },
    /** Others work through short trials: it waits for its shift. */
    due: {
      entry: 'askShift',
      on: {
        shift: 'sent',
        stop: { target: 'warm', actions: ['tellUnbegun', 'drop'] },
        handback: { target: 'warm', actions: ['tellUnbegun', 'drop'] },
        exited: { target: 'queued', actions: ['passShift', 'renew'] },
        dismiss: { target: 'leaving', actions: ['passShift', 'tellUnbegun', 'drop', 'blameDismissal'] },
      },
    },
    /** Told to begin; it has not said yet that it has. */
    sent: {
      entry: ['countTry', 'begin'],
      on: {
        started: { target: 'running', actions: ['keepStart', 'tellStarted'] },
        stop: { target: 'stopping', actions: 'keepCause' },
        ended: [
          { guard: 'isWorn', target: 'leaving', actions: ['tellEnded', 'count'] },
          { target: 'warm', actions: ['tellEnded', 'count'] },
        ],
        exited: [
          { guard: 'mayBeginAgain', target: 'queued', actions: 'renew' },
          { target: 'queued', actions: ['settle', 'drop', 'renew'] },
        ],
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
    /** Asked to go between two trials. What is handed over meanwhile waits for the next process. */
    leaving: {
      entry: 'leave',
      on: {
        exited: [
          { guard: 'isDismissed', target: 'ended' },
          { target: 'queued', actions: 'renew' },
        ],
        begin: { guard: 'isEmpty', actions: 'take' },
        stop: { guard: 'isHandedOver', actions: ['tellUnbegun', 'drop'] },
        handback: { guard: 'isHandedOver', actions: ['tellUnbegun', 'drop'] },
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
          { guard: 'mayBeginAgain', target: 'queued', actions: 'renew' },
          { target: 'queued', actions: ['settle', 'drop', 'renew'] },
        ],
        // Its last message says that the trial did end.
        started: { actions: ['keepStart', 'tellStarted'] },
        ended: { guard: 'isHandedOver', actions: ['tellEnded', 'count'] },
        ready: {},
        begin: { guard: 'isEmpty', actions: 'take' },
        stop: [{ guard: 'isUntouched', actions: ['tellUnbegun', 'drop'] }, { actions: 'keepCause' }],
        silent: {},
        handback: [{ guard: 'isUntouched', actions: ['tellUnbegun', 'drop'] }, {}],
        dismiss: { actions: 'blameDismissal' },
      },
    },
    ended: { type: 'final' },
  },
})
