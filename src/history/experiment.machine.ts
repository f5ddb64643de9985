/**
 * An experiment's life, driven by the events of its log and by what becomes of its trials (`trial.settled`, `trial.reopened`).
 * Pure: the same machine decides live and on replay.
 * I1 As many trials are suggested as were asked, never more.
 * I2 It ends only when every trial it suggested has settled.
 * I3 A failed trial does not fail the experiment, unless the user set `maxFailed` and it is reached.
 * I4 A rule of the context that is met (time, target, no improvement) ends it as done, with what it has.
 */
import { assertEvent, assign, setup } from 'xstate'
import type { LogEvent, Problem } from '../../protocol/index.ts'
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
  readonly problem: Problem | null
}

type LogExperimentEvent = Extract<
  LogEvent,
  {
    type:
      | 'optimizer.opened'
      | 'optimizer.exhausted'
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
  | { type: 'trial.settled'; state: FinalState }
  | { type: 'trial.reopened' }

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
    isConclusion: ({ event }) => event.type === 'experiment.stopping' && event.reason !== undefined,
    isCancel: ({ event }) => event.type === 'experiment.stopping' && event.mode === 'cancel',
    endsDone: ({ event }) => event.type === 'experiment.ended' && event.state === 'done',
    endsStopped: ({ event }) => event.type === 'experiment.ended' && event.state === 'stopped',
    endsFailed: ({ event }) => event.type === 'experiment.ended' && event.state === 'failed',
  },
  actions: {
    countSuggested: assign(({ context }) => ({ suggested: context.suggested + 1, open: context.open + 1 })),
    countSettled: assign(({ context, event }) => {
      assertEvent(event, 'trial.settled')
      return { open: context.open - 1, failed: context.failed + (event.state === 'failed' ? 1 : 0) }
    }),
    countReopened: assign(({ context }) => ({ open: context.open + 1 })),
    keepProblem: assign(({ event }) => {
      assertEvent(event, 'experiment.failing')
      return { problem: event.problem }
    }),
    startOver: assign({ problem: null, failed: 0 }),
    // Effects, provided by the driver:
    openOptimizer: () => {},
    closeOptimizer: () => {},
    cancelQueued: () => {},
    cancelTrials: () => {},
    giveUp: () => {},
    endDone: () => {},
    endStopped: () => {},
    endFailed: () => {},
  },
}).createMachine({
  id: 'experiment',
  initial: 'opening',
  context: ({ input }) => ({ ...input, suggested: 0, open: 0, failed: 0, problem: null }),
  on: {
    'trial.suggested': { actions: 'countSuggested' },
    'trial.settled': { actions: 'countSettled' },
    'trial.reopened': { actions: 'countReopened' },
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
        'experiment.stopping': [
          { guard: 'isConclusion', target: 'concluding' },
          { guard: 'isCancel', target: 'cancelling' },
          { target: 'stopping' },
        ],
        'experiment.failing': { target: 'failing', actions: 'keepProblem' },
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
        'experiment.stopping': [
          { guard: 'isConclusion', target: 'concluding' },
          { guard: 'isCancel', target: 'cancelling' },
          { target: 'stopping' },
        ],
        'experiment.failing': { target: 'failing', actions: 'keepProblem' },
      },
    },
    // Everything is suggested; what is queued or running comes to its end.
    finishing: {
      entry: 'closeOptimizer',
      always: [
        { guard: 'tooManyFailed', target: 'givingUp' },
        { guard: 'allSettled', target: 'endingDone' },
      ],
      on: {
        'experiment.stopping': [
          { guard: 'isConclusion', target: 'concluding' },
          { guard: 'isCancel', target: 'cancelling' },
          { target: 'stopping' },
        ],
        'experiment.failing': { target: 'failing', actions: 'keepProblem' },
      },
    },
    // A stop rule of the context is met: no more trials are needed, those under way neither (I4).
    concluding: {
      entry: ['closeOptimizer', 'cancelTrials'],
      always: { guard: 'allSettled', target: 'endingDone' },
    },
    // What runs may end by itself.
    stopping: {
      entry: ['closeOptimizer', 'cancelQueued'],
      always: { guard: 'allSettled', target: 'endingStopped' },
      on: { 'experiment.stopping': { guard: 'isCancel', target: 'cancelling' } },
    },
    cancelling: {
      entry: ['closeOptimizer', 'cancelTrials'],
      always: { guard: 'allSettled', target: 'endingStopped' },
    },
    givingUp: { entry: 'giveUp', on: { 'experiment.failing': { target: 'failing', actions: 'keepProblem' } } },
    failing: {
      entry: ['closeOptimizer', 'cancelTrials'],
      always: { guard: 'allSettled', target: 'endingFailed' },
    },
    endingDone: { entry: 'endDone', on: { 'experiment.ended': { guard: 'endsDone', target: 'done' } } },
    endingStopped: { entry: 'endStopped', on: { 'experiment.ended': { guard: 'endsStopped', target: 'stopped' } } },
    endingFailed: { entry: 'endFailed', on: { 'experiment.ended': { guard: 'endsFailed', target: 'failed' } } },
    done: { type: 'final' },
    stopped: { on: { 'experiment.resumed': { target: 'opening', actions: 'startOver' } } },
    failed: { on: { 'experiment.resumed': { target: 'opening', actions: 'startOver' } } },
  },
})
