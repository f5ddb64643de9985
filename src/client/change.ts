/**
 * A client's words about an experiment that is there: changed, paused, gone on with. Each request has an id, so that it may be repeated,
 * and is, whichever driver has the experiment by then.
 */
import {
  changeExperiment as changeCall,
  codeOf,
  isProblem,
  pauseExperiment,
  problem,
  resumeExperiment,
  type AskedChange,
  type Hparams,
} from '../../protocol/index.ts'
import { newId } from '../actor/index.ts'
import { ask, type Bus } from '../bus/index.ts'
import { changedSubmission, goesBeyond, requestedChange } from '../change/index.ts'
import type { History } from '../history/index.ts'
import { readExperiment } from '../store/index.ts'
import { signChange, type SigningOptions } from './signing.ts'
import { untilAnswered, type Patience } from './submit.ts'

/** The change itself, without the other fields of the request. */
export type ChangeOf = Omit<AskedChange, 'id' | 'resume' | 'signature'>

export interface ChangeOptions extends Patience, SigningOptions {
  /** Go on although the log has a hole. */
  readonly force?: boolean
  /** Whether to wait for a driver where there is none. Default: yes; if not, rejects with EXPERIMENT_UNOWNED. */
  readonly waits?: boolean
}

const answerMs = 10_000
/** Another optimizer is opened before the answer. */
const changeMs = 30_000

/**
 * Changes an experiment and has it go on: one that runs, is paused, was stopped, has failed or is done, whether or not a driver has it.
 * Resolves with its state once that is kept. Rejects with CHANGE_REFUSED, OPTIMIZER_UNAVAILABLE, OPTIMIZER_UNFIT, EXPERIMENT_UNKNOWN, LOG_HOLE.
 */
export function changeAndResume(
  bus: Bus,
  experiment: string,
  change: ChangeOf,
  options: ChangeOptions = {},
): Promise<string> {
  return asked(bus, experiment, change, { ...options, resume: true })
}

/**
 * Tries these next, each in a trial on top of those that were asked for. One that is paused stays so; one that is done goes on. Rejects
 * with EXPERIMENT_UNOWNED if no driver has it, and none is there to take it up; with EXPERIMENT_OVER for one that was stopped or has
 * failed, and HPARAMS_INVALID for what is not in its space.
 */
export async function enqueueTrials(
  bus: Bus,
  experiment: string,
  entries: readonly Hparams[],
  options: ChangeOptions = {},
): Promise<string> {
  const { state } = await historyOf(bus, experiment)
  if (state === 'stopped' || state === 'failed') {
    throw problem('EXPERIMENT_OVER', { what: 'enqueue', experiment, state })
  }
  return await asked(bus, experiment, { enqueue: [...entries] }, { waits: false, ...options, resume: false })
}

/** Changes one that goes on or is paused. Rejects with EXPERIMENT_OVER if it has ended, and with EXPERIMENT_UNOWNED if no driver has it. */
export async function changeRunning(
  bus: Bus,
  experiment: string,
  change: ChangeOf,
  options: ChangeOptions = {},
): Promise<string> {
  const id = newId('change')
  try {
    return await told(bus, experiment, { id, ...change }, options)
  } catch (error) {
    if (codeOf(error) !== 'BUS_NO_RESPONDERS') throw error
    const { state, ended } = await historyOf(bus, experiment)
    const what = Object.keys(change).join(', ')
    if (ended) throw problem('EXPERIMENT_OVER', { what, experiment, state }, { cause: error })
    throw problem('EXPERIMENT_UNOWNED', { experiment }, { cause: error })
  }
}

/** Hands out no more trials of it; `now`: those under way are handed back too. Rejects with EXPERIMENT_UNOWNED if no driver has it. */
export async function pauseRunning(bus: Bus, experiment: string, now = false): Promise<string> {
  try {
    const { state } = await ask(bus, pauseExperiment, { experiment }, now ? { now } : {}, { timeoutMs: answerMs })
    return state
  } catch (error) {
    if (codeOf(error) !== 'BUS_NO_RESPONDERS') throw error
    const { state, ended } = await historyOf(bus, experiment)
    if (ended) throw problem('PAUSE_REFUSED', { experiment, state }, { cause: error })
    throw problem('EXPERIMENT_UNOWNED', { experiment }, { cause: error })
  }
}

/** Its driver is asked; where it has none, any driver takes it up with the change. */
async function asked(
  bus: Bus,
  experiment: string,
  change: ChangeOf,
  options: ChangeOptions & { readonly resume: boolean },
): Promise<string> {
  const { resume, force = false, waits = true } = options
  const request: AskedChange = { id: newId('change'), resume, ...change }
  let state = ''
  await untilAnswered(options, async () => {
    try {
      state = await told(bus, experiment, request, options)
    } catch (error) {
      if (codeOf(error) !== 'BUS_NO_RESPONDERS') throw error
      const signed = await withSignature(bus, experiment, request, options)
      const question = { experiment, change: signed, ...(force ? { force } : {}) }
      const taken = ask(bus, resumeExperiment, {}, question, { timeoutMs: changeMs })
      const { state: now } = await taken.catch((fault: unknown) => {
        if (waits || codeOf(fault) !== 'BUS_NO_RESPONDERS') throw fault
        throw problem('EXPERIMENT_UNOWNED', { experiment }, { cause: fault })
      })
      state = now
    }
  })
  return state
}

/** Its driver is asked. What it has become meanwhile is signed anew. */
async function told(bus: Bus, experiment: string, request: AskedChange, options: SigningOptions): Promise<string> {
  for (;;) {
    const signed = await withSignature(bus, experiment, request, options)
    try {
      const { state } = await ask(bus, changeCall, { experiment }, signed, { timeoutMs: changeMs })
      return state
    } catch (error) {
      if (!isProblem(error, 'CHANGE_STALE') && codeOf(error) !== 'CHANGE_STALE') throw error
    }
  }
}

/** A change that goes beyond what was signed is signed by the same key, if that is here. */
async function withSignature(
  bus: Bus,
  experiment: string,
  request: AskedChange,
  options: SigningOptions,
): Promise<AskedChange> {
  const history = await historyOf(bus, experiment)
  if (history.changes.has(request.id)) return request
  const changed = changedSubmission(history, requestedChange(history, request))
  const { vouched } = history
  if (vouched.signature === undefined || !goesBeyond(vouched.context, changed.context)) return request
  return { ...request, signature: await signChange(changed, vouched.signature.key, options) }
}

/** Rejects with EXPERIMENT_UNKNOWN, LOG_HOLE. */
async function historyOf(bus: Bus, experiment: string): Promise<History> {
  const { history } = await readExperiment(bus, experiment)
  if (history === null) throw problem('EXPERIMENT_UNKNOWN', { experiment })
  return history
}
