/**
 * An experiment's life, driven by the events of its log and by what becomes of its trials (`trial.settled`, `trial.reopened`).
 * Pure: the same machine decides live and on replay.
 * I1 As many trials are suggested as were asked, never more.
 * I2 It ends only when every trial it suggested has settled.
 * I3 A failed trial does not fail the experiment, unless the user set `maxFailed` and it is reached, or no trial came to anything.
 * I4 A rule of the context that is met (time, target, no improvement) ends it as done, with what it has; with nothing, it has failed.
 * I5 While it is paused nothing is suggested and nothing ends it but that all is done; `stop` ends it always.
 * I6 A change that asks for more goes on with what has ended, once it is resumed; with nothing more, done stays done.
 */
import { assertEvent, assign, setup } from 'xstate'
import type { Conclusion, LogEvent, Problem } from '../../protocol/index.ts'
import { opensAnew } from './change.ts'
import type { FinalState } from './verdict.ts'

export interface ExperimentInput {
  /** Trials asked for. */
  readonly target: number
  readonly maxFailed: number | null
}

export interface ExperimentContext extends ExperimentInput {
  readonly suggested: number
  /** Suggested and not settled. */
  readonly open: number
  readonly failed: number
  /** Trials that came to something: done, or pruned with what they had reported. */
  readonly fruitful: number
  readonly problem: Problem | null
  /** The stop rule that was met. */
  readonly conclusion: Conclusion | null
}

type LogExperimentEvent = Extract<
  LogEvent,
  {
    type:
      | 'optimizer.opened'
      | 'optimizer.exhausted'
      | 'experiment.changed'
      | 'experiment.paused'
      | 'trial.suggested'
      | 'experiment.stopping'
      | 'experiment.failing'
      | 'experiment.ended'
      | 'experiment.resumed'
  }
>
export type ExperimentEvent =
  | LogExperimentEvent
  | { type: 'optimizer.lost' }
  /** `refused`: of an ablation, what is not possible; it counts as no failure. */
  | { type: 'trial.settled'; state: FinalState; refused?: boolean }
  | { type: 'trial.reopened'; failed?: boolean }
  /** How much is asked for now. */
  | ({ type: 'asked' } & ExperimentInput)

const stops = {
  'experiment.stopping': [
    { guard: 'isConclusion', target: 'concluding', actions: 'keepConclusion' },
    { guard: 'isCancel', target: 'cancelling' },
    { target: 'stopping' },
  ],
} as const
const pauses = {
  'experiment.paused': [{ guard: 'isNow', target: 'halted' }, { target: 'paused' }],
} as const
/** The optimizer is opened anew where it would not know of the change otherwise. */
const changes = { 'experiment.changed': [{ guard: 'opensAnew', target: 'opening' }] } as const
const fails = { 'experiment.failing': { target: 'failing', actions: 'keepProblem' } } as const
const resumes = { 'experiment.resumed': { target: 'opening', actions: 'startOver' } } as const
/** Whoever wrote that it has ended knew why: the log decides. */
const ends = {
  'experiment.ended': [
    { guard: 'endsDone', target: '.done' },
    { guard: 'endsStopped', target: '.stopped' },
    { guard: 'endsFailed', target: '.failed' },
  ],
} as const

export const experimentMachine = setup({
  types: {
    context: {} as ExperimentContext,
    events: {} as ExperimentEvent,
    input: {} as ExperimentInput,
  },
  guards: {
    allSuggested: ({ context }) => context.suggested >= context.target,
    tooManyFailed: ({ context }) => context.maxFailed !== null && context.failed >= context.maxFailed,
    allSettled: ({ context }) => context.open === 0,
    allDone: ({ context }) => context.open === 0 && context.suggested >= context.target,
    hasMore: ({ context }) => context.open > 0 || context.suggested < context.target,
    isNow: ({ event }) => event.type === 'experiment.paused' && event.now === true,
    opensAnew: ({ event }) => event.type === 'experiment.changed' && opensAnew(event.change),
    asksForMore: ({ context, event }) =>
      event.type === 'experiment.changed' && opensAnew(event.change) && context.suggested < context.target,
    // A search that has nothing to show for its trials did not succeed.
    nothingDone: ({ context }) => context.open === 0 && context.fruitful === 0 && context.suggested > 0,
    isConclusion: ({ event }) => event.type === 'experiment.stopping' && event.reason !== undefined,
    isCancel: ({ event }) => event.type === 'experiment.stopping' && event.mode === 'cancel',
    endsDone: ({ event }) => event.type === 'experiment.ended' && event.state === 'done',
    endsStopped: ({ event }) => event.type === 'experiment.ended' && event.state === 'stopped',
    endsFailed: ({ event }) => event.type === 'experiment.ended' && event.state === 'failed',
  },
  actions: {
    // By the number: where the log has a hole, the trials that are missing were suggested all the same.
    countSuggested: assign(({ context, event }) => {
      assertEvent(event, 'trial.suggested')
      const { trial, repeats = 1 } = event
      return { suggested: Math.max(context.suggested, trial) + repeats, open: context.open + repeats }
    }),
    countSettled: assign(({ context, event }) => {
      assertEvent(event, 'trial.settled')
      const fruitful = event.state === 'done' || event.state === 'pruned'
      return {
        open: context.open - 1,
        failed: context.failed + (event.state === 'failed' && event.refused !== true ? 1 : 0),
        fruitful: context.fruitful + (fruitful ? 1 : 0),
      }
    }),
    countReopened: assign(({ context, event }) => {
      assertEvent(event, 'trial.reopened')
      return { open: context.open + 1, failed: Math.max(0, context.failed - (event.failed === true ? 1 : 0)) }
    }),
    keepAsked: assign(({ event }) => {
      assertEvent(event, 'asked')
      return { target: event.target, maxFailed: event.maxFailed }
    }),
    keepProblem: assign(({ event }) => {
      assertEvent(event, 'experiment.failing')
      return { problem: event.problem }
    }),
    keepConclusion: assign(({ event }) => {
      assertEvent(event, 'experiment.stopping')
      return { conclusion: event.reason ?? null }
    }),
    startOver: assign({ problem: null, conclusion: null, failed: 0 }),
    // Effects, provided by the driver:
    openOptimizer: () => {},
    closeOptimizer: () => {},
    cancelQueued: () => {},
    cancelTrials: () => {},
    handBackWaiting: () => {},
    handBackAll: () => {},
    giveUp: () => {},
    endDone: () => {},
    endStopped: () => {},
    endFailed: () => {},
  },
}).createMachine({
  id: 'experiment',
  initial: 'opening',
  context: ({ input }) => ({
    ...input,
    suggested: 0,
    open: 0,
    failed: 0,
    fruitful: 0,
    problem: null,
    conclusion: null,
  }),
  on: {
    'trial.suggested': { actions: 'countSuggested' },
    'trial.settled': { actions: 'countSettled' },
    'trial.reopened': { actions: 'countReopened' },
    asked: { actions: 'keepAsked' },
    ...ends,
  },
  states: {
    opening: {
      entry: 'openOptimizer',
      always: [
        { guard: 'tooManyFailed', target: 'givingUp' },
        { guard: 'allSuggested', target: 'finishing' },
      ],
      on: {
        'optimizer.opened': 'searching',
        'optimizer.exhausted': 'finishing',
        'experiment.changed': { guard: 'opensAnew', actions: 'openOptimizer' },
        ...pauses,
        ...stops,
        ...fails,
      },
    },
    searching: {
      always: [
        { guard: 'tooManyFailed', target: 'givingUp' },
        { guard: 'allSuggested', target: 'finishing' },
      ],
      on: {
        'optimizer.lost': 'opening',
        'optimizer.exhausted': 'finishing',
        ...changes,
        ...pauses,
        ...stops,
        ...fails,
      },
    },
    // Everything is suggested; what is queued or running comes to its end.
    finishing: {
      entry: 'closeOptimizer',
      always: [
        { guard: 'tooManyFailed', target: 'givingUp' },
        { guard: 'nothingDone', target: 'givingUp' },
        { guard: 'allSettled', target: 'endingDone' },
      ],
      on: {
        'experiment.changed': { guard: 'asksForMore', target: 'opening' },
        ...pauses,
        ...stops,
        ...fails,
      },
    },
    // Nothing is handed out (I5). Running trials may end by themselves.
    paused: {
      entry: ['closeOptimizer', 'handBackWaiting'],
      always: [
        { guard: 'tooManyFailed', target: 'givingUp' },
        { guard: 'allDone', target: 'finishing' },
      ],
      on: {
        'experiment.paused': { guard: 'isNow', target: 'halted' },
        'experiment.resumed': 'opening',
        ...stops,
        ...fails,
      },
    },
    // The same, and what runs is handed back.
    halted: {
      entry: ['closeOptimizer', 'handBackAll'],
      always: [
        { guard: 'tooManyFailed', target: 'givingUp' },
        { guard: 'allDone', target: 'finishing' },
      ],
      on: { 'experiment.resumed': 'opening', ...stops, ...fails },
    },
    // A stop rule of the context is met: no more trials are needed, those under way neither (I4).
    concluding: {
      entry: ['closeOptimizer', 'cancelTrials'],
      always: [
        { guard: 'nothingDone', target: 'givingUp' },
        { guard: 'allSettled', target: 'endingDone' },
      ],
    },
    // What runs may end by itself.
    stopping: {
      entry: ['closeOptimizer', 'cancelQueued', 'handBackWaiting'],
      always: { guard: 'allSettled', target: 'endingStopped' },
      on: { 'experiment.stopping': { guard: 'isCancel', target: 'cancelling' } },
    },
    cancelling: {
      entry: ['closeOptimizer', 'cancelTrials'],
      always: { guard: 'allSettled', target: 'endingStopped' },
    },
    givingUp: { entry: 'giveUp', on: fails },
    failing: {
      entry: ['closeOptimizer', 'cancelTrials'],
      always: { guard: 'allSettled', target: 'endingFailed' },
    },
    endingDone: { entry: 'endDone' },
    endingStopped: { entry: 'endStopped' },
    endingFailed: { entry: 'endFailed' },
    // The first end counts, until somebody resumes it.
    done: {
      on: {
        'experiment.ended': {},
        // I6
        'experiment.resumed': { guard: 'hasMore', target: 'opening', actions: 'startOver' },
      },
    },
    stopped: { on: { 'experiment.ended': {}, ...resumes } },
    failed: { on: { 'experiment.ended': {}, ...resumes } },
  },
})
