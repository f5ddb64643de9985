/**
 * One experiment as an optimizer knows it: its history, with its own suggestions as pending until they are observed.
 * I1 A trial that is asked for again (the driver lost the reply) gets the hparams that it got before.
 * I2 Nothing but hparams inside the search space goes out.
 * I3 Questions are answered one after the other, so each counts the one before it as pending.
 */
import {
  describe,
  firstEarlierTrial,
  isProblem,
  problem,
  type Fidelity,
  type Hparams,
  type Objective,
  type Observation,
  type SearchSpace,
} from '../../protocol/index.ts'
import { createRandom } from '../random/index.ts'
import type { Question, SamplerPlugin, SamplerSetting } from '../samplers/index.ts'
import type { Proposal } from '../schedulers/index.ts'
import { acceptance, contains, faultIn, fixedTo, onlyPoint, sample, told } from '../space/index.ts'

/** What may be said to a question. 'wait': nothing until a pending trial has ended. */
export type Answer = Hparams | Proposal | 'wait' | 'exhausted'
/** Like a Sampler or a Scheduler, but it may take its time. */
type AsyncSampler = (question: Question) => Answer | Promise<Answer>

/** What the optimizer actor runs: every SamplerPlugin and every SchedulerPlugin is one. */
export interface OptimizerPlugin extends Omit<SamplerPlugin, 'create'> {
  /** It says how far each trial goes, so it is also asked about enqueued trials of which nothing is left to choose. */
  readonly schedules?: boolean
  create(setting: Parameters<SamplerPlugin['create']>[0]): AsyncSampler
}

interface Setting {
  readonly space: SearchSpace
  readonly objectives: readonly Objective[]
  readonly trials: number
  readonly options: Readonly<Record<string, unknown>>
  readonly seed: number
  readonly history: readonly Observation[]
  readonly parallel?: number
  /** What is fixed of the first trials. */
  readonly enqueue?: readonly Hparams[]
}

interface Suggestions {
  readonly hparams: Hparams[]
  readonly fidelities?: Fidelity[]
  readonly waiting?: boolean
  readonly exhausted: boolean
}

export interface Session {
  /** What the plug-in wants people to know. */
  readonly notes: readonly string[]
  /** Trials in the history, pending ones among them. */
  readonly size: number
  /** hparams for `count` trials from `trial` on, or fewer when there are no more. Rejects with OPTIMIZER_MISBEHAVED, OPTIMIZER_BUSY. */
  suggest(trial: number, count: number): Promise<Suggestions>
  observe(observations: readonly Observation[]): void
}

/** Questions about one experiment that wait for an answer; a driver has one or two under way. */
const mostWaiting = 256

/** Throws what the plug-in's `create` throws: OPTIMIZER_UNFIT. */
export function createSession(plugin: OptimizerPlugin, setting: Setting): Session {
  const { space, objectives, trials, options, seed, parallel, enqueue = [] } = setting
  const fixed = enqueue.map((hparams, index) => spaceFor(space, hparams, `enqueue[${index}]`))
  const enqueued = fixed.length
  const made = { space, objectives, trials, options, seed, enqueued, ...(parallel === undefined ? {} : { parallel }) }
  const sampler = guarded(plugin.name, () => plugin.create(made))
  const notes = [...guarded(plugin.name, () => plugin.notes?.(made) ?? []), ...scarcityNote(space)]
  /** By trial number. */
  let history: Observation[] = []
  /** A sampler is looking at it. */
  let lent = false
  const note = (told: Observation): void => {
    // Trials of earlier experiments come before all of this one.
    const { trial } = told
    const observation = trial < firstEarlierTrial ? told : { ...told, trial: trial - 2 * firstEarlierTrial }
    // For a sampler that waits must not see its history change.
    if (lent) history = history.slice()
    lent = false
    put(history, observation)
  }
  for (const observation of setting.history) note(observation)
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0

  const one = async (trial: number): Promise<Suggested | 'wait' | 'exhausted'> => {
    const known = history[placeOf(history, trial)]
    if (known?.trial === trial) return suggestedOf(known)
    const suggested = trial < enqueued ? await completed(trial) : await asked(trial)
    if (typeof suggested === 'string') return suggested
    // What was observed meanwhile stands.
    const place = placeOf(history, trial)
    if (history[place]?.trial !== trial) note({ trial, ...suggested, state: 'pending', metrics: {}, step: null })
    return suggested
  }

  /** An enqueued trial: what it leaves open is suggested by the plug-in, made for the space in which only that is open. */
  const completed = async (trial: number): Promise<Suggested> => {
    const narrow = fixed[trial] as SearchSpace
    const only = onlyPoint(narrow)
    if (only !== undefined && plugin.schedules !== true) return { hparams: only }
    const random = createRandom(seed, 'suggest', trial)
    // A scheduler begins a trial, and promotes none, for it sees nothing that has ended.
    const known = plugin.schedules === true ? history.filter((each) => each.trial >= 0).map(asPending) : history
    lent = true
    const question = { space: narrow, objectives, history: known, trial, point: trial, random }
    const answer = await guardedAsync(plugin.name, async () => answerOf(plugin, { ...made, space: narrow }, question))
    if (isProposal(answer) && contains(narrow, answer.hparams) && answer.fidelity.from === null) return answer
    if (plugin.schedules === true) {
      throw problem('OPTIMIZER_UNFIT', {
        optimizer: plugin.name,
        path: `enqueue[${trial}]`,
        reason: 'has no place: all its places for new trials are taken; enqueue fewer',
      })
    }
    // A function of the user's may not look at the space that it is given; and a sampler may not take a space so narrow.
    const said = typeof answer === 'string' ? {} : isProposal(answer) ? answer.hparams : answer
    const overlaid = { ...said, ...enqueue[trial] }
    return { hparams: contains(narrow, overlaid) ? overlaid : sample(narrow, random) }
  }

  const asked = async (trial: number): Promise<Suggested | 'wait' | 'exhausted'> => {
    const random = createRandom(seed, 'suggest', trial)
    const question: Question = { space, objectives, history, trial, point: trial - enqueued, random }
    lent = true
    const answer = await guardedAsync(plugin.name, async () => sampler(question))
    lent = false
    if (answer === 'exhausted') return answer
    if (answer === 'wait') {
      if (question.history.some(({ state }) => state === 'pending')) return answer
      throw misbehaved(plugin.name, 'it waits although no trial is pending')
    }
    const suggested = isProposal(answer) ? answer : { hparams: answer }
    const { hparams } = suggested
    const fault = faultIn(space, hparams)
    if (fault !== undefined) throw misbehaved(plugin.name, `${fault.path} ${fault.reason}`)
    return suggested
  }

  const several = async (trial: number, count: number): Promise<Suggestions> => {
    const given: Suggested[] = []
    let end: 'wait' | 'exhausted' | undefined
    for (let next = trial; next < trial + count && end === undefined; next++) {
      const suggestion = await one(next)
      if (typeof suggestion === 'string') end = suggestion
      else given.push(suggestion)
    }
    const fidelities = given.flatMap(({ fidelity }) => fidelity ?? [])
    return {
      hparams: given.map(({ hparams }) => hparams),
      ...(fidelities.length === 0 ? {} : { fidelities }),
      ...(end === 'wait' ? { waiting: true } : {}),
      exhausted: end === 'exhausted',
    }
  }

  return {
    notes,
    get size() {
      return history.length
    },
    suggest(trial, count) {
      if (waiting >= mostWaiting) return Promise.reject(problem('OPTIMIZER_BUSY', { optimizer: plugin.name, waiting }))
      waiting++
      const answer = last.then(() => several(trial, count)).finally(() => waiting--)
      last = answer.catch(() => undefined)
      return answer
    },
    observe(observations) {
      for (const observation of observations) note(observation)
    },
  }
}

/** Where constraints take away more than half, people should know how much they leave. */
function scarcityNote(space: SearchSpace): string[] {
  const left = acceptance(space)
  return left.kept >= 0.5 * left.of ? [] : [`the constraints leave ${told(left)}`]
}

type Suggested = Pick<Observation, 'hparams' | 'fidelity'>

const suggestedOf = ({ hparams, fidelity }: Suggested): Suggested => ({
  hparams,
  ...(fidelity === undefined ? {} : { fidelity }),
})

/** Throws HPARAMS_INVALID. */
function spaceFor(space: SearchSpace, hparams: Hparams, path: string): SearchSpace {
  const made = fixedTo(space, hparams, path)
  if (made.kind === 'space') return made.space
  throw problem('HPARAMS_INVALID', { ...made.fault })
}

/** What a plug-in that is made for one question says to it; 'unfit' if it does not take the space. */
async function answerOf(
  plugin: OptimizerPlugin,
  setting: SamplerSetting,
  question: Question,
): Promise<Answer | 'unfit'> {
  try {
    return await plugin.create(setting)(question)
  } catch (error) {
    if (isProblem(error, 'OPTIMIZER_UNFIT')) return 'unfit'
    throw error
  }
}

const asPending = (trial: Observation): Observation => ({ ...trial, state: 'pending', metrics: {}, step: null })

/** The values of hparams are never objects. */
function isProposal(answer: Answer | 'unfit'): answer is Proposal {
  // A function of the user's may return anything.
  const fidelity: unknown = (answer as Partial<Proposal> | undefined | null)?.fidelity
  return typeof fidelity === 'object' && fidelity !== null && !Array.isArray(fidelity)
}

/** The index of a trial in a history that is sorted by trial, or where it would be put. */
function placeOf(history: readonly Observation[], trial: number): number {
  let low = 0
  let high = history.length
  // Most trials are asked for and observed near the end.
  if (high === 0 || (history[high - 1] as Observation).trial < trial) return high
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((history[middle] as Observation).trial < trial) low = middle + 1
    else high = middle
  }
  return low
}

function put(history: Observation[], observation: Observation): void {
  const place = placeOf(history, observation.trial)
  history.splice(place, history[place]?.trial === observation.trial ? 1 : 0, observation)
}

const misbehaved = (optimizer: string, reason: string, cause?: unknown) =>
  problem('OPTIMIZER_MISBEHAVED', { optimizer, reason }, { cause })

function guarded<T>(optimizer: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw blame(optimizer, error)
  }
}

async function guardedAsync<T>(optimizer: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw blame(optimizer, error)
  }
}

/** Whatever a plug-in throws is its own fault, unless it says that it cannot take the experiment. */
function blame(optimizer: string, error: unknown): Error {
  if (isProblem(error, 'OPTIMIZER_UNFIT', 'OPTIMIZER_MISBEHAVED')) return error
  return misbehaved(optimizer, `it threw ${describe(error)}`, error)
}
