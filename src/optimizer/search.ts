/** Samplers without a bus: ask for hparams, try them however you like, tell what they came to. */
import { problem, type Direction, type Hparams, type Objective } from '../../protocol/index.ts'
import { limitsFrom, lossOf, withLimits } from '../pareto/index.ts'
import { amongst } from '../words/index.ts'
import { builtinSamplers, type SamplerPlugin } from '../samplers/index.ts'
import { builtinSchedulers } from '../schedulers/index.ts'
import { validateSearchSpace, type Space, type ValuesOf } from '../space/index.ts'
import { createSession } from './session.ts'
import { endedAs, invalid, knownTrials, show, type KnownTrial, type SearchOutcome } from './told.ts'

export interface SearchOptions<S extends Space> {
  readonly space: S
  /** A built-in by name, with its options beside the name; or a plug-in of your own. Default: auto. */
  readonly sampler?: string | ({ readonly name: string } & Readonly<Record<string, unknown>>) | SamplerPlugin
  /** Of the one value that is told. */
  readonly direction?: Direction
  /** Instead of `direction`, for several metrics. */
  readonly objectives?: readonly Objective[]
  /**
   * Numbers beside the objectives that must keep a bound: `['memory <= 2e9', 'recall >= 0.9']`. Tell them by name; what breaks one is never the
   * best.
   */
  readonly constraints?: readonly string[]
  /** A whole number; the same seed gives the same suggestions. Default: 0. */
  readonly seed?: number
  /** How many trials there will be, as far as is known: some samplers choose by it. Default: 100. */
  readonly trials?: number
  /** Hparams to be suggested first, in this order. What an entry leaves out, the sampler fills in. */
  readonly enqueue?: readonly NoInfer<Partial<ValuesOf<S>>>[]
  /**
   * Trials from before this search: they count in the history and are not suggested. Those that lack a number which a constraint needs are left
   * out: `notes` says how many are of use.
   */
  readonly history?: readonly KnownTrial[]
}

/** A suggestion. Until it is told of, it counts as pending. */
export interface Suggestion<Values> {
  readonly id: number
  readonly hparams: Values
}

export interface Search<Values> {
  /** Sentences from the sampler about its choices. */
  readonly notes: readonly string[]
  /** hparams to be tried, or undefined when there is nothing more. Any number may be asked for before anything is told. */
  ask(): Promise<Suggestion<Values> | undefined>
  /**
   * Told again of the same trial, it forgets what it was told before. Throws OPTION_INVALID for an id that was never suggested, for what is no
   * outcome, and where a number is missing that an objective or a constraint needs.
   */
  tell(id: number, told: SearchOutcome): void
  /** The best so far by the first objective. */
  readonly best: { readonly id: number; readonly hparams: Values; readonly value: number } | undefined
}

const knownKeys = ['space', 'sampler', 'direction', 'objectives', 'constraints', 'seed', 'trials', 'enqueue', 'history']

/** Throws SPACE_INVALID, OPTION_INVALID, HPARAMS_INVALID (what is enqueued, or known from before) and OPTIMIZER_UNFIT. */
export function createSearch<const S extends Space>(given: SearchOptions<S>): Search<ValuesOf<S>> {
  type Values = ValuesOf<S>
  const { enqueue, seed, trials, objectives } = checked(given)
  const space = validateSearchSpace(given.space)
  const { plugin, options } = pluginOf(given.sampler ?? 'auto')
  const known = knownTrials(given.history ?? [], space, objectives)
  const session = createSession(plugin, { space, objectives, seed, trials, options, enqueue, history: known.history })
  const asked = new Map<number, Hparams>()
  /** NaN: it came to no value. */
  const losses = new Map<number, number>()
  let next = 0
  let best: number | undefined
  let last: Promise<unknown> = Promise.resolve()
  /** What is in the history never changes, so others are given a copy. */
  const copyOf = (hparams: Hparams | undefined): Values => structuredClone(hparams) as Values

  /** A question that has no answer is no trial. */
  const one = async (): Promise<Suggestion<Values> | undefined> => {
    const { hparams } = await session.suggest(next, 1)
    const [suggested] = hparams
    if (suggested === undefined) return undefined
    const id = next++
    asked.set(id, suggested)
    return { id, hparams: copyOf(suggested) }
  }

  return {
    notes: [...session.notes, ...known.notes],
    ask() {
      const answer = last.then(one)
      last = answer.catch(() => undefined)
      return answer
    },
    tell(id, told) {
      const hparams = asked.get(id)
      if (hparams === undefined) throw invalid('id', `is ${show(id)}, which was never suggested`)
      const ended = endedAs(told, objectives)
      session.observe([{ trial: id, hparams, ...ended }])
      const [objective] = objectives
      const loss = ended.state === 'done' && objective !== undefined ? lossOf(ended.metrics, objective) : Number.NaN
      losses.set(id, loss)
      if (id === best) best = leastOf(losses)
      else if (best === undefined ? !Number.isNaN(loss) : loss < (losses.get(best) as number)) best = id
    },
    get best() {
      if (best === undefined) return undefined
      const loss = losses.get(best) as number
      const value = objectives[0]?.direction === 'maximize' ? -loss : loss
      return { id: best, hparams: copyOf(asked.get(best)), value }
    },
  }
}

function leastOf(losses: ReadonlyMap<number, number>): number | undefined {
  let best: number | undefined
  let least = Infinity
  for (const [id, loss] of losses) {
    if (!(loss < least)) continue
    best = id
    least = loss
  }
  return best
}

function pluginOf(sampler: NonNullable<SearchOptions<Space>['sampler']>): {
  readonly plugin: SamplerPlugin
  readonly options: Readonly<Record<string, unknown>>
} {
  if (typeof sampler === 'object' && 'create' in sampler && typeof sampler.create === 'function') {
    return { plugin: sampler as SamplerPlugin, options: {} }
  }
  const { name, ...options } = typeof sampler === 'string' ? { name: sampler } : sampler
  const plugin = builtinSamplers.get(name)
  if (plugin !== undefined) return { plugin, options }
  const there = `there are ${[...builtinSamplers.keys()].join(', ')}`
  const reason = builtinSchedulers.has(name)
    ? `is ${name}, which says how far a trial goes and what it continues: name it as the optimizer of an experiment; here ${there}`
    : `is ${JSON.stringify(name)}; ${there}`
  throw problem('OPTION_INVALID', { option: 'sampler', reason })
}

/** The options that are not the space's or the sampler's. Throws OPTION_INVALID. */
function checked<S extends Space>(given: SearchOptions<S>) {
  for (const key of Object.keys(given)) {
    if (!knownKeys.includes(key)) throw invalid(key, `is unknown; ${amongst(key, knownKeys)}`)
  }
  const { enqueue = [], history = [], seed = 0 } = given
  if (!Array.isArray(enqueue)) throw invalid('enqueue', `is ${show(enqueue)}, not a list of hparams`)
  if (!Array.isArray(history))
    throw invalid('history', `is ${show(history)}, not a list of { hparams, state, metrics, step }`)
  const trials = given.trials ?? Math.max(100, enqueue.length)
  whole('seed', seed, 0)
  whole('trials', trials, 1)
  if (enqueue.length > trials) {
    throw invalid('enqueue', `has ${enqueue.length} entries, more than there are trials, which are ${trials}`)
  }
  return {
    enqueue: enqueue as readonly Hparams[],
    seed,
    trials,
    objectives: withLimits(objectivesOf(given), limitsFrom(given.constraints, invalid)),
  }
}

function whole(option: string, value: unknown, least: number): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return
  throw invalid(option, `is ${show(value)}, not a whole number of at least ${least}`)
}

const isDirection = (value: unknown): value is Direction => value === 'minimize' || value === 'maximize'

function objectivesOf({ direction, objectives }: SearchOptions<Space>): readonly Objective[] {
  if (objectives === undefined) {
    if (direction === undefined) throw invalid('direction', "is missing; it is 'minimize' or 'maximize'")
    if (!isDirection(direction)) throw invalid('direction', `is ${show(direction)}; it is 'minimize' or 'maximize'`)
    return [{ metric: 'value', direction }]
  }
  if (direction !== undefined) throw invalid('direction', 'stands beside objectives: write the one or the other')
  const isObjective = (each: unknown) =>
    typeof each === 'object' &&
    each !== null &&
    typeof (each as Partial<Objective>).metric === 'string' &&
    isDirection((each as Partial<Objective>).direction)
  if (!Array.isArray(objectives) || objectives.length === 0 || !objectives.every(isObjective)) {
    throw invalid('objectives', "is not a list of { metric, direction: 'minimize' or 'maximize' }")
  }
  return objectives
}
