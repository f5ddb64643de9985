/**
 * The driver's conversation with the actor that suggests an experiment's trials: an optimizer in an optimization, an ablator in an
 * ablation. Both are asked open, suggest, observe; only the words differ.
 */
import {
  builtinOptimizers,
  codeOf,
  describe,
  isProblem,
  observe,
  observeAblation,
  open,
  openAblation,
  problem,
  suggest,
  suggestRemovals,
  type Ablated,
  type AblationContext,
  type AblationObservation,
  type Fidelity,
  type Hparams,
  type MaggyError,
  type OptimizationContext,
  type Plugin,
  type Removal,
  type Submission,
} from '../../../protocol/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'
import { earlierTrials, searchOf, type Observed } from '../../../src/history/index.ts'
import { prunerNotes } from '../../../src/pruners/index.ts'
import { faultIn, withFixed } from '../../../src/space/index.ts'
import { servedBy } from '../../../src/words/index.ts'

/** A trial that was suggested. */
export interface Suggestion {
  readonly hparams: Hparams
  /** Under a scheduler: how far it goes, and from which trial's checkpoint. */
  readonly fidelity?: Fidelity
  /** In an ablation: what it does without. */
  readonly ablated?: Ablated
  /** How many events of the log it rests on. */
  readonly told?: number
}

export interface Answer {
  readonly suggestions: readonly Suggestion[]
  /** No more before a trial that is under way has ended. */
  readonly waiting: boolean
  readonly exhausted: boolean
}

export interface Opened {
  readonly instance: string
  readonly adaptive: boolean
  /** Notes on its choices, for people. */
  readonly notes?: readonly string[]
}

export interface Suggester {
  /** As the context names it. */
  readonly name: string
  /** Trials of earlier experiments; told with the history. */
  readonly warmStart: readonly Observed[]
  open(history: readonly Observed[]): Promise<Opened>
  /** Checks the suggestion: rejects with OPTIMIZER_MISBEHAVED or ABLATOR_MISBEHAVED. */
  suggest(instance: string, trial: number, count: number): Promise<Answer>
  observe(instance: string, observations: readonly Observed[], closed: boolean): Promise<void>
  misbehaved(reason: string): MaggyError
  /** Nobody answers to its name. */
  unavailable(): MaggyError
}

const timeoutMs = 10_000
const thinkingMs = 60_000

/** An answer that is none is a fault of whoever gave it, by name. */
async function blaming<T>(misbehaved: (reason: string) => MaggyError, answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (codeOf(error) !== 'ANSWER_INVALID') throw error
    const reason = isProblem(error) ? String(error.details['reason']) : describe(error)
    throw misbehaved(reason)
  }
}

/** `plugin`: who suggests now, where that is not the one of the context any more. */
export function suggesterOf(bus: Bus, { experiment, context }: Submission, plugin?: Plugin | null): Suggester {
  if (context.kind === 'optimization') return optimizer(bus, experiment, context, plugin ?? context.optimizer)
  return context.kind === 'ablation' ? ablator(bus, experiment, context) : nobody
}

const alone = () => problem('INTERNAL', { reason: 'a training asks nobody what to run' })
const refuse = () => Promise.reject(alone())

/** A training is one trial, with the hparams that it was given. */
const nobody: Suggester = {
  name: 'nobody',
  warmStart: [],
  open: refuse,
  suggest: refuse,
  observe: refuse,
  misbehaved: alone,
  unavailable: alone,
}

function optimizer(bus: Bus, experiment: string, context: OptimizationContext, plugin: Plugin): Suggester {
  const { space, objectives, enqueue = [], notes = [] } = context
  const { name } = plugin
  const misbehaved = (reason: string) => problem('OPTIMIZER_MISBEHAVED', { optimizer: name, reason })
  return {
    name,
    warmStart: earlierTrials(context),
    misbehaved,
    unavailable: () =>
      problem('OPTIMIZER_UNAVAILABLE', { optimizer: name, hint: servedBy('maggy optimizer', builtinOptimizers, name) }),
    async open(history) {
      const payload = { experiment, ...searchOf(context, plugin), history: [...history] }
      const reply = await blaming(misbehaved, ask(bus, open, { optimizer: name }, payload, { timeoutMs }))
      return { ...reply, notes: [...notes, ...(reply.notes ?? []), ...prunerNotes(context.pruner, objectives)] }
    },
    async suggest(instance, trial, count) {
      const question = { experiment, trial, count }
      const asked = ask(bus, suggest, { optimizer: name, instance }, question, { timeoutMs: thinkingMs })
      const reply = await blaming(misbehaved, asked)
      // Values that the user has fixed stand, whatever an optimizer makes of them.
      const suggested = reply.hparams.map((hparams, index) => withFixed(space, enqueue[trial + index] ?? {}, hparams))
      for (const hparams of suggested) {
        const fault = faultIn(space, hparams)
        if (fault !== undefined) throw misbehaved(`${fault.path} ${fault.reason}`)
      }
      const { fidelities, waiting = false, exhausted } = reply
      if (fidelities !== undefined && fidelities.length !== reply.hparams.length) {
        throw misbehaved(`${fidelities.length} fidelities beside ${reply.hparams.length} suggestions`)
      }
      const suggestions = suggested.map((hparams, index) => {
        const fidelity = fidelities?.[index]
        if (fidelity === undefined) return { hparams }
        const { from } = fidelity
        if (from !== null && from >= trial + index) throw misbehaved(`trial ${trial + index} continues trial ${from}`)
        return { hparams, fidelity }
      })
      return { suggestions, waiting, exhausted }
    },
    async observe(instance, observations, closed) {
      const said = { experiment, observations: [...observations], closed }
      await blaming(misbehaved, ask(bus, observe, { optimizer: name, instance }, said, { timeoutMs }))
    },
  }
}

function ablator(bus: Bus, experiment: string, context: AblationContext): Suggester {
  const { name, options } = context.ablator
  const { components, repeats, objectives, seed, trials, study } = context
  const impossible = (context.impossible ?? []).map(({ without }) => without).filter(({ length }) => length > 1)
  const known = new Map(components.map((component) => [component.name, component]))
  const misbehaved = (reason: string) => problem('ABLATOR_MISBEHAVED', { ablator: name, reason })
  const ablated = ({ without, repeat }: Removal): Ablated => {
    if (new Set(without).size < without.length) throw misbehaved('it leaves out the same component twice')
    if (repeat >= repeats) throw misbehaved(`repeat ${repeat} of ${repeats}`)
    const removed = without.map((component) => {
      const found = known.get(component)
      if (found === undefined) throw misbehaved(`it leaves out ${component}; there are ${[...known.keys()].join(', ')}`)
      return found
    })
    return { components: removed, repeat, keepWeights: study.keepWeights }
  }
  return {
    name,
    warmStart: [],
    misbehaved,
    unavailable: () => problem('ABLATOR_UNAVAILABLE', { ablator: name }),
    open: (history) => {
      const seen = history.map(asRemoval)
      const question = { experiment, components, repeats, objectives, seed, options, trials, impossible, history: seen }
      return blaming(misbehaved, ask(bus, openAblation, { ablator: name }, question, { timeoutMs }))
    },
    async suggest(instance, trial, count) {
      const question = { experiment, trial, count }
      const asked = ask(bus, suggestRemovals, { ablator: name, instance }, question, { timeoutMs: thinkingMs })
      const reply = await blaming(misbehaved, asked)
      const suggestions = reply.removals.map((removal) => ({ hparams: {}, ablated: ablated(removal) }))
      const waiting = suggestions.length < count && !reply.exhausted
      return { suggestions, waiting, exhausted: reply.exhausted }
    },
    async observe(instance, observations, closed) {
      const said = { experiment, observations: observations.map(asRemoval), closed }
      await blaming(misbehaved, ask(bus, observeAblation, { ablator: name, instance }, said, { timeoutMs }))
    },
  }
}

function asRemoval({ trial, state, metrics, step, ablated }: Observed): AblationObservation {
  const without = ablated?.components.map(({ name }) => name) ?? []
  return { trial, without, repeat: ablated?.repeat ?? 0, state, metrics, step }
}
