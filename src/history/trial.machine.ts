/**
 * A trial's life, driven by the events of the log (and by `trial.started`, which is not kept). Pure: the same machine decides
 * live and on replay.
 * I1 A trial ends in exactly one final state; what comes after that changes nothing.
 * I2 An attempt that is lost or crashed costs one of `maxAttempts`; one that is handed back unbegun costs nothing.
 * I3 A cancelled trial is open again when its experiment is resumed; so is one that failed, where it is all that the experiment is.
 * I4 A trial that several workers train together has an attempt with each; one of these that is lost costs nothing while others are left.
 *    Where they crash one after the other, and nothing is saved in between, the trial has failed.
 * I5 A train that throws may be tried again where its context says so: that is counted apart from what is lost.
 * I6 A trial that failed is open again when a user says so: it gets new attempts, and ends in one final state again.
 */
import { assertEvent, assign, setup } from 'xstate'
import {
  problem,
  toTold,
  type Ablated,
  type Fidelity,
  type Hparams,
  type LogEvent,
  type Metrics,
  type Problem,
} from '../../protocol/index.ts'
import type { FlatSnapshot } from '../machine/index.ts'
import { isCrash, verdict, type AttemptEnd, type Verdict } from './verdict.ts'

export interface TrialInput {
  readonly trial: number
  readonly hparams: Hparams
  readonly seed?: number
  readonly fidelity?: Fidelity
  /** In an ablation: what it does without. */
  readonly ablated?: Ablated
  readonly maxAttempts: number
  /** Throws of train after which it is tried again. */
  readonly throwsAtMost?: number
  /** Several workers may train it together. */
  readonly shared?: boolean
  /** It is all that its experiment is: whoever resumes that wants it tried again, though it failed. */
  readonly sole?: boolean
}

/** What is kept of the end of the attempt that counts: there are tens of thousands, and what it came to is in the context. */
export interface CountingEnd {
  readonly attempt: number
  readonly worker: string
  /** null: it was lost, or had not begun. */
  readonly startedAt: number | null
  readonly endedAt: number
  /** The step of the last report. */
  readonly step: number | null
  /** How many metric points it reported; 0 for one that was lost. */
  readonly points: number
  /** How many of them the pruner may have seen; null: no decision rests on it. */
  readonly heard: number | null
  /** In an ablation: of its model. */
  readonly parameters: number | undefined
}

/** A worker's part in a trial that several train together. */
export interface Part {
  readonly attempt: number
  readonly worker: string
  readonly slot: number
}

export interface HeldPart extends Part {
  /** Of those who train together each has one of its own, from 0 on, for as long as it does: by it the data are cut. */
  readonly seat: number
}

/** Every field is there from the beginning: objects of one shape are quick to make, and there are tens of thousands. */
export interface TrialContext extends Pick<TrialInput, 'trial' | 'hparams' | 'maxAttempts'> {
  readonly seed: number | undefined
  readonly fidelity: Fidelity | undefined
  readonly ablated: Ablated | undefined
  readonly shared: boolean
  readonly sole: boolean
  readonly throwsAtMost: number
  /** The number of the last attempt; 0 before the first. */
  readonly attempt: number
  /** Attempts that were lost or crashed. */
  readonly spent: number
  /** Attempts in which train threw, and which were tried again. */
  readonly thrown: number
  /** Parts that crashed while others went on, since the training was saved last. */
  readonly crashes: number
  /** The worker on which it threw last. */
  readonly threwOn: string | null
  /** It ran out of so much memory, in bytes. */
  readonly outgrew: number | null
  readonly worker: string | null
  readonly slot: number
  /** The workers that train it now; of a trial that several may train, and that has settled, those that did. */
  readonly parts: readonly HeldPart[]
  /** When the last attempt was handed out. */
  readonly assignedAt: number | null
  readonly startedAt: number | null
  /** Attempts that were handed back unbegun. */
  readonly returned: number
  readonly metrics: Metrics
  /** Why it failed, or has to be tried again. */
  readonly problem: Problem | null
  /** The end that settled it: that of the attempt that counts. */
  readonly end: CountingEnd | null
}

type LogTrialEvent = Extract<
  LogEvent,
  { type: 'trial.assigned' | 'trial.stopping' | 'trial.ended' | 'trial.lost' | 'trial.saved' | 'experiment.changed' }
>
type Assigned = Extract<LogEvent, { type: 'trial.assigned' }>
export type TrialEvent =
  | LogTrialEvent
  | { type: 'trial.started'; attempt: number; at: number }
  | { type: 'trial.cancelled' }
  /** Another repeat of its configuration was pruned: it is not needed any more. */
  | { type: 'trial.dropped' }
  | { type: 'experiment.resumed' }

const none: readonly HeldPart[] = []

function partOf({ attempt, worker, slot, seat = attempt - 1 }: Assigned): HeldPart {
  return { attempt, worker, slot, seat }
}

let judged: { context: TrialContext; event: TrialEvent; said: Verdict } | undefined

/** The meaning of an event for the trial. Several guards ask the same in a row: the last answer is kept. */
function judge(context: TrialContext, event: TrialEvent): Verdict {
  if (judged?.context !== context || judged.event !== event)
    judged = { context, event, said: judgeAnew(context, event) }
  return judged.said
}

function judgeAnew(context: TrialContext, event: TrialEvent): Verdict {
  if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return { kind: 'ignore' }
  const end: AttemptEnd = event
  const partOf = context.parts.some(({ attempt }) => attempt === end.attempt)
  const throwsLeft = partOf && !context.shared ? context.throwsAtMost - context.thrown : 0
  const others = partOf ? context.parts.length - 1 : 0
  const said = verdict(end, context.spent, context, { others, throwsLeft, crashes: context.crashes })
  // A late end of an attempt that was given up already counts only if it brings a result: it was spent before (I2).
  return !partOf && (said.kind !== 'final' || said.state === 'failed') ? { kind: 'ignore' } : said
}

/** Why the trial has to be tried again. */
function faultOf(event: TrialEvent): Problem | null {
  if (event.type === 'trial.ended') return 'problem' in event.outcome ? event.outcome.problem : null
  if (event.type !== 'trial.lost') return null
  const fault = toTold(problem('WORKER_LOST', { worker: event.worker }))
  return fault
}

/** `worker`: as its trial names it; a name that was read anew with each event would be kept as often. */
function endOf(event: AttemptEnd, worker: string): CountingEnd {
  const { attempt, heard = null } = event
  if (event.type === 'trial.lost') {
    const none = { startedAt: null, step: null, points: 0, parameters: undefined }
    return { attempt, worker, ...none, endedAt: event.at, heard }
  }
  const { startedAt, endedAt, step = null, points, outcome } = event
  const parameters = outcome.kind === 'done' ? outcome.parameters : undefined
  return { attempt, worker, startedAt, endedAt, step, points, heard, parameters }
}

/** The most memory that was not enough. */
function outgrownBy(event: TrialEvent, { outgrew }: TrialContext): number | null {
  const bytes = event.type === 'trial.ended' ? event.memoryBytes : undefined
  return bytes === undefined ? outgrew : Math.max(bytes, outgrew ?? 0)
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
    { guard: 'threw', target: 'queued', actions: 'countThrow' },
    { guard: 'tryAgain', target: 'queued', actions: 'spend' },
    { guard: 'handedBack', target: 'queued', actions: 'takeBack' },
    { guard: 'othersGoOn', actions: 'part' },
  ],
  'trial.lost': [
    { guard: 'failed', target: 'failed', actions: 'keepOutcome' },
    { guard: 'tryAgain', target: 'queued', actions: 'spend' },
    { guard: 'othersGoOn', actions: 'part' },
  ],
} as const

const cancel = { target: 'cancelled', actions: 'letGo' } as const
const joins = { 'trial.assigned': { guard: 'isShared', actions: 'join' } } as const
const getsOn = { 'trial.saved': { guard: 'isShared', actions: 'getOn' } } as const

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
    threw: ({ context, event }) => judge(context, event).kind === 'thrown',
    isTriedAnew: ({ context, event }) =>
      event.type === 'experiment.changed' &&
      event.change.failed === true &&
      context.problem?.code !== 'SURGERY_REFUSED',
    othersGoOn: ({ context, event }) => judge(context, event).kind === 'goOn',
    isSole: ({ context }) => context.sole,
    isShared: ({ context }) => context.shared,
    handedBack: ({ context, event }) => judge(context, event).kind === 'return',
    thisAttempt: ({ context, event }) =>
      'attempt' in event &&
      (event.attempt === context.attempt || context.parts.some(({ attempt }) => attempt === event.attempt)),
  },
  actions: {
    take: assign(({ event }) => {
      assertEvent(event, 'trial.assigned')
      const { attempt, worker, slot } = event
      return { attempt, worker, slot, assignedAt: event.at, startedAt: null, parts: [partOf(event)] }
    }),
    join: assign(({ context, event }) => {
      assertEvent(event, 'trial.assigned')
      return { attempt: event.attempt, assignedAt: event.at, parts: [...context.parts, partOf(event)] }
    }),
    part: assign(({ context, event }) => {
      if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return {}
      const parts = context.parts.filter(({ attempt }) => attempt !== event.attempt)
      const [first] = parts
      const crashes = context.crashes + Number(isCrash(event))
      // For those who look at one worker: the one that has been at it the longest.
      return first === undefined ? { parts, crashes } : { parts, crashes, worker: first.worker, slot: first.slot }
    }),
    begin: assign(({ event }) => {
      assertEvent(event, 'trial.started')
      return { startedAt: event.at }
    }),
    spend: assign(({ context, event }) => ({
      spent: context.spent + 1,
      problem: faultOf(event),
      outgrew: outgrownBy(event, context),
      worker: null,
      startedAt: null,
      parts: none,
    })),
    countThrow: assign(({ context, event }) => ({
      thrown: context.thrown + 1,
      threwOn: context.worker,
      problem: faultOf(event),
      worker: null,
      startedAt: null,
      parts: none,
    })),
    takeBack: assign(({ context }) => ({ returned: context.returned + 1, worker: null, startedAt: null, parts: none })),
    letGo: assign({ worker: null, startedAt: null, parts: none }),
    reopen: assign({ worker: null, startedAt: null, parts: none, end: null, metrics: {} }),
    startOver: assign({
      worker: null,
      startedAt: null,
      parts: none,
      end: null,
      metrics: {},
      spent: 0,
      thrown: 0,
      crashes: 0,
      threwOn: null,
      problem: null,
    }),
    getOn: assign({ crashes: 0 }),
    keepOutcome: assign(({ context, event }) => {
      const said = judge(context, event)
      if (said.kind !== 'final') return {}
      if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return {}
      const by = event.worker === context.worker ? context.worker : event.worker
      const end = endOf(event, by)
      const startedAt = event.type === 'trial.ended' ? event.startedAt : context.startedAt
      const worker = event.type === 'trial.ended' ? by : context.worker
      // Of a trial that was given to one worker alone, its end says which.
      const parts = context.shared ? context.parts : none
      return { metrics: said.metrics, problem: said.problem ?? null, end, startedAt, worker, parts }
    }),
  },
}).createMachine({
  id: 'trial',
  initial: 'queued',
  context: ({
    input: { trial, hparams, seed, fidelity, ablated, maxAttempts, throwsAtMost = 0, shared = false, sole = false },
  }) => ({
    trial,
    hparams,
    seed,
    fidelity,
    ablated,
    maxAttempts,
    shared,
    sole,
    throwsAtMost,
    attempt: 0,
    spent: 0,
    thrown: 0,
    crashes: 0,
    threwOn: null,
    outgrew: null,
    worker: null,
    slot: 0,
    parts: none,
    assignedAt: null,
    startedAt: null,
    returned: 0,
    metrics: {},
    problem: null,
    end: null,
  }),
  states: {
    queued: {
      on: {
        ...ends,
        'trial.assigned': { target: 'assigned', actions: 'take' },
        'trial.cancelled': cancel,
        'trial.dropped': { target: 'pruned', actions: 'letGo' },
      },
    },
    assigned: {
      on: {
        ...ends,
        ...joins,
        ...getsOn,
        'trial.started': { guard: 'thisAttempt', target: 'running', actions: 'begin' },
        'trial.stopping': { guard: 'thisAttempt', target: 'stopping' },
        'trial.cancelled': cancel,
      },
    },
    running: {
      on: {
        ...ends,
        ...joins,
        ...getsOn,
        'trial.stopping': { guard: 'thisAttempt', target: 'stopping' },
        'trial.cancelled': cancel,
      },
    },
    stopping: { on: { ...ends, 'trial.cancelled': cancel } },
    cancelled: {
      on: {
        'experiment.resumed': { target: 'queued', actions: 'reopen' },
      },
    },
    done: { type: 'final' },
    pruned: { type: 'final' },
    failed: {
      on: {
        'experiment.resumed': { guard: 'isSole', target: 'queued', actions: 'startOver' },
        'experiment.changed': { guard: 'isTriedAnew', target: 'queued', actions: 'startOver' },
      },
    },
  },
})

export type TrialSnapshot = FlatSnapshot<typeof trialMachine>
