/**
 * One experiment as an optimizer knows it.
 * I1 Nothing but hparams inside the search space goes out.
 */
import {
  check,
  Fidelity,
  firstEarlierTrial,
  isProblem,
  problem,
  type Hparams,
  type Objective,
  type Observation,
  type SearchSpace,
} from '../../protocol/index.ts'
import { createRandom } from '../random/index.ts'
import type { Question } from '../samplers/index.ts'
import { acceptance, faultIn, told } from '../space/index.ts'
import { guardOf, sessionOf } from '../suggester/index.ts'
import { createCompletion } from './completion.ts'
import { isProposal, type OptimizerPlugin, type Suggestion } from './plugin.ts'

interface Setting {
  readonly space: SearchSpace
  readonly objectives: readonly Objective[]
  readonly trials: number
  readonly options: Readonly<Record<string, unknown>>
  readonly seed: number
  readonly history: readonly Observation[]
  readonly parallel?: number
  /** The values fixed for trial i; null: none, and it is not enqueued. */
  readonly enqueue?: readonly (Hparams | null)[]
}

interface Suggestions {
  readonly hparams: Hparams[]
  readonly fidelities?: Fidelity[]
  readonly waiting?: boolean
  readonly exhausted: boolean
}

export interface Session {
  /** Notes of the plug-in for people. */
  readonly notes: readonly string[]
  /** Trials in the history, pending ones among them. */
  readonly size: number
  /** hparams for `count` trials from `trial` on, or fewer when there are no more. Rejects with OPTIMIZER_MISBEHAVED, OPTIMIZER_BUSY. */
  suggest(trial: number, count: number): Promise<Suggestions>
  observe(observations: readonly Observation[]): void
}

/** Throws what the plug-in's `create` throws: OPTIMIZER_UNFIT; and HPARAMS_INVALID for what is enqueued. */
export function createSession(plugin: OptimizerPlugin, setting: Setting): Session {
  const { space, objectives, seed, enqueue = [] } = setting
  const { name: optimizer } = plugin
  const misbehaved = (reason: string, cause?: unknown) =>
    problem('OPTIMIZER_MISBEHAVED', { optimizer, reason }, { cause })
  const guard = guardOf(['OPTIMIZER_UNFIT', 'OPTIMIZER_MISBEHAVED'], misbehaved)
  const made = madeFor(setting)
  const { enqueued, isEnqueued } = made
  /** How many of the trials before each of these were enqueued. */
  const before = [0]
  for (const [index, entry] of enqueue.entries()) before.push((before[index] ?? 0) + Number(entry !== null))
  const complete = createCompletion(plugin, made, enqueue, guard)
  const sampler = guard.now(() => plugin.create(made))
  const notes = [...guard.now(() => plugin.notes?.(made) ?? []), ...scarcityNote(space)]

  const session = sessionOf<Observation, Suggestion>({
    history: setting.history.map(inOrder),
    async suggest(trial, history) {
      const random = createRandom(seed, 'suggest', trial)
      if (isEnqueued(trial)) return complete({ trial, history, random })
      const point = trial - (before[trial] ?? enqueued)
      const question: Question = { space, objectives, history, trial, point, random }
      const answer = await guard.later(() => sampler(question))
      if (answer === 'exhausted') return answer
      if (answer === 'wait') {
        if (history.some(({ state }) => state === 'pending')) return answer
        throw misbehaved('it waits although no trial is pending')
      }
      const suggestion = isProposal(answer) ? answer : { hparams: answer }
      const fault = faultIn(space, suggestion.hparams)
      if (fault !== undefined) throw misbehaved(`${fault.path} ${fault.reason}`)
      if (isProposal(answer) && !isFidelity(answer.fidelity)) {
        throw misbehaved('its fidelity is not { budget: a number above 0, from: null or the number of a trial }')
      }
      return suggestion
    },
    suggestionOf: ({ hparams, fidelity }) => ({ hparams, ...(fidelity === undefined ? {} : { fidelity }) }),
    pending: (trial, suggestion) => ({ trial, ...suggestion, state: 'pending', metrics: {}, step: null }),
    busy: (waiting) => problem('OPTIMIZER_BUSY', { optimizer, waiting }),
  })

  return {
    notes,
    get size() {
      return session.size
    },
    async suggest(trial, count) {
      const { suggestions, end } = await session.suggest(trial, count)
      const fidelities = suggestions.flatMap(({ fidelity }) => fidelity ?? [])
      return {
        hparams: suggestions.map(({ hparams }) => hparams),
        ...(fidelities.length === 0 ? {} : { fidelities }),
        ...(end === 'wait' ? { waiting: true } : {}),
        exhausted: end === 'exhausted',
      }
    },
    observe: (observations) => session.observe(observations.map(inOrder)),
  }
}

/** The setting that a plug-in is made for. */
function madeFor({ space, objectives, trials, options, seed, parallel, enqueue = [] }: Omit<Setting, 'history'>) {
  return {
    space,
    objectives,
    trials,
    options,
    seed,
    enqueued: enqueue.filter((entry) => entry !== null).length,
    isEnqueued: (trial: number): boolean => (enqueue[trial] ?? null) !== null,
    ...(parallel === undefined ? {} : { parallel }),
  }
}

/** What a plug-in says of a search so far: it is shown what its session would show it. */
export function toldOf(plugin: OptimizerPlugin, setting: Setting): readonly string[] {
  const history = setting.history.map(inOrder).toSorted((one, other) => one.trial - other.trial)
  return plugin.told?.(madeFor(setting), history) ?? []
}

/** A function of the user's may say anything. */
function isFidelity(fidelity: unknown): boolean {
  try {
    check(Fidelity, fidelity, 'fidelity')
    return true
  } catch (error) {
    if (isProblem(error, 'MESSAGE_INVALID')) return false
    throw error
  }
}

/** Trials of earlier experiments come before all of this one. */
function inOrder(observation: Observation): Observation {
  const { trial } = observation
  return trial < firstEarlierTrial ? observation : { ...observation, trial: trial - 2 * firstEarlierTrial }
}

/** Where constraints take away more than half, people should know how much they leave. */
function scarcityNote(space: SearchSpace): string[] {
  const left = acceptance(space)
  return left.kept >= 0.5 * left.of ? [] : [`the constraints leave ${told(left)}`]
}
