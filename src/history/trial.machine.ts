/**
 * A trial's life, driven by the events of the log (and by `trial.started`, which is not kept). Pure: the same machine decides
 * live and on replay.
 * I1 A trial ends in exactly one final state; what comes after that changes nothing.
 * I2 An attempt that is lost or crashed costs one of `maxAttempts`; one that is handed back unbegun costs nothing.
 * I3 A cancelled trial is open again when its experiment is resumed.
 * I4 A trial that several workers train together has an attempt with each; one of these that is lost costs nothing while others are left.
 */
import { assertEvent, assign, setup } from 'xstate'
import type { Fidelity, Hparams, LogEvent, Metrics, Problem } from '../../protocol/index.ts'
import { verdict, type AttemptEnd, type Verdict } from './verdict.ts'

export interface TrialInput {
  readonly trial: number
  readonly hparams: Hparams
  readonly fidelity?: Fidelity
  readonly maxAttempts: number
  /** Several workers may train it together. */
  readonly shared?: boolean
}

/** A worker's part in a trial that several train together. */
export interface Part {
  readonly attempt: number
  readonly worker: string
  readonly slot: number
}

export interface TrialContext extends TrialInput {
  /** The number of the last attempt; 0 before the first. */
  readonly attempt: number
  /** Attempts that were lost or crashed. */
  readonly spent: number
  readonly worker: string | null
  readonly slot: number
  /** Who trains it now. */
  readonly parts: readonly Part[]
  readonly startedAt: number | null
  readonly metrics: Metrics
  /** The last step that the driver had heard of when it settled. */
  readonly step: number | null
  /** How many of its points others are compared with, once it has settled; null: the log does not say. */
  readonly heard: number | null
  readonly problem: Problem | null
}

type LogTrialEvent = Extract<LogEvent, { type: 'trial.assigned' | 'trial.stopping' | 'trial.ended' | 'trial.lost' }>
export type TrialEvent =
  | LogTrialEvent
  | { type: 'trial.started'; attempt: number; at: number }
  | { type: 'trial.cancelled' }
  | { type: 'experiment.resumed' }

function judge(context: TrialContext, event: TrialEvent): Verdict {
  if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return { kind: 'ignore' }
  const end: AttemptEnd = event
  const partOf = context.parts.some(({ attempt }) => attempt === end.attempt)
  const stale = context.shared ? !partOf : end.attempt !== context.attempt
  const said = verdict(end, context.spent, context, partOf ? context.parts.length - 1 : 0)
  // A late end of an attempt that was given up already counts only if it brings a result.
  return stale && (said.kind !== 'final' || said.state === 'failed') ? { kind: 'ignore' } : said
}

const endsAs = (state: 'done' | 'pruned' | 'failed' | 'cancelled') => (context: TrialContext, event: TrialEvent) => {
  const said = judge(context, event)
  return said.kind === 'final' && said.state === state
}
const isDone = endsAs('done')
const isPruned = endsAs('pruned')
const isFailed = endsAs('failed')
const isCancelled = endsAs('cancelled')

// The end of an attempt means the same in every open state (I1): a late result is welcome while the trial is queued again.
const ends = {
  'trial.ended': [
    { guard: 'done', target: 'done', actions: 'keepOutcome' },
    { guard: 'pruned', target: 'pruned', actions: 'keepOutcome' },
    { guard: 'failed', target: 'failed', actions: 'keepOutcome' },
    { guard: 'cancelled', target: 'cancelled', actions: 'keepOutcome' },
    { guard: 'tryAgain', target: 'queued', actions: 'spend' },
    { guard: 'handedBack', target: 'queued', actions: 'letGo' },
    { guard: 'othersGoOn', actions: 'part' },
  ],
  'trial.lost': [
    { guard: 'failed', target: 'failed', actions: 'keepOutcome' },
    { guard: 'tryAgain', target: 'queued', actions: 'spend' },
    { guard: 'othersGoOn', actions: 'part' },
  ],
} as const

const joins = { 'trial.assigned': { guard: 'isShared', actions: 'join' } } as const

export const trialMachine = setup({
  types: {
    context: {} as TrialContext,
    events: {} as TrialEvent,
    input: {} as TrialInput,
  },
  guards: {
    done: ({ context, event }) => isDone(context, event),
    pruned: ({ context, event }) => isPruned(context, event),
    failed: ({ context, event }) => isFailed(context, event),
    cancelled: ({ context, event }) => isCancelled(context, event),
    tryAgain: ({ context, event }) => judge(context, event).kind === 'retry',
    othersGoOn: ({ context, event }) => judge(context, event).kind === 'goOn',
    isShared: ({ context }) => context.shared === true,
    handedBack: ({ context, event }) => judge(context, event).kind === 'return',
    thisAttempt: ({ context, event }) =>
      'attempt' in event &&
      (event.attempt === context.attempt || context.parts.some(({ attempt }) => attempt === event.attempt)),
  },
  actions: {
    take: assign(({ event }) => {
      assertEvent(event, 'trial.assigned')
      const { attempt, worker, slot } = event
      return { attempt, worker, slot, startedAt: null, parts: [{ attempt, worker, slot }] }
    }),
    join: assign(({ context, event }) => {
      assertEvent(event, 'trial.assigned')
      const { attempt, worker, slot } = event
      return { attempt, parts: [...context.parts, { attempt, worker, slot }] }
    }),
    part: assign(({ context, event }) => {
      if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return {}
      const parts = context.parts.filter(({ attempt }) => attempt !== event.attempt)
      const [first] = parts
      // For those who look at one worker: the one that has been at it the longest.
      return first === undefined ? { parts } : { parts, worker: first.worker, slot: first.slot }
    }),
    begin: assign(({ event }) => {
      assertEvent(event, 'trial.started')
      return { startedAt: event.at }
    }),
    spend: assign(({ context }) => ({ spent: context.spent + 1, worker: null, startedAt: null, parts: [] })),
    letGo: assign({ worker: null, startedAt: null, parts: [] }),
    keepOutcome: assign(({ context, event }) => {
      const said = judge(context, event)
      if (said.kind !== 'final') return {}
      const startedAt = event.type === 'trial.ended' ? event.startedAt : context.startedAt
      const worker = event.type === 'trial.ended' ? event.worker : context.worker
      const step = event.type === 'trial.ended' ? (event.step ?? null) : null
      const heard = event.type === 'trial.ended' || event.type === 'trial.lost' ? (event.heard ?? null) : null
      return { metrics: said.metrics, step, heard, problem: said.problem ?? null, startedAt, worker }
    }),
  },
}).createMachine({
  id: 'trial',
  initial: 'queued',
  context: ({ input }) => ({
    ...input,
    attempt: 0,
    spent: 0,
    worker: null,
    slot: 0,
    parts: [],
    startedAt: null,
    metrics: {},
    step: null,
    heard: null,
    problem: null,
  }),
  states: {
    queued: {
      on: {
        ...ends,
        'trial.assigned': { target: 'assigned', actions: 'take' },
        'trial.cancelled': 'cancelled',
      },
    },
    assigned: {
      on: {
        ...ends,
        ...joins,
        'trial.started': { guard: 'thisAttempt', target: 'running', actions: 'begin' },
        'trial.stopping': { guard: 'thisAttempt', target: 'stopping' },
        'trial.cancelled': 'cancelled',
      },
    },
    running: {
      on: {
        ...ends,
        ...joins,
        'trial.stopping': { guard: 'thisAttempt', target: 'stopping' },
        'trial.cancelled': 'cancelled',
      },
    },
    stopping: { on: { ...ends, 'trial.cancelled': 'cancelled' } },
    cancelled: {
      on: {
        'experiment.resumed': { target: 'queued', actions: 'letGo' },
      },
    },
    done: { type: 'final' },
    pruned: { type: 'final' },
    failed: { type: 'final' },
  },
})
