/** Samplers without a bus: ask for hparams, try them however you like, tell what they came to. */
import {
  firstEarlierTrial,
  problem,
  type Direction,
  type Hparams,
  type Objective,
  type Observation,
} from '../../protocol/index.ts'
import { limitsFrom, limitsOf, limitText, lossOf, withLimits } from '../pareto/index.ts'
import { amongst } from '../words/index.ts'
import { builtinSamplers, type SamplerPlugin } from '../samplers/index.ts'
import { builtinSchedulers } from '../schedulers/index.ts'
import { validateHparams, validateSpace, type Space, type ValuesOf } from '../space/index.ts'
import { createSession } from './session.ts'

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
  /** Trials from before this search: they count in the history and are not suggested. */
  readonly history?: readonly Omit<Observation, 'trial'>[]
}

/** A suggestion. Until it is told of, it counts as pending. */
export interface Suggestion<Values> {
  readonly id: number
  readonly hparams: Values
}

/** How a trial ended: with a value, with metrics by name, or in another state. */
export type SearchOutcome =
  | number
  | Readonly<Record<string, number>>
  | { readonly state: 'failed' | 'cancelled' }
  | { readonly state: 'pruned'; readonly value: number; readonly step?: number }

export interface Search<Values> {
  /** Sentences from the sampler about its choices. */
  readonly notes: readonly string[]
  /** hparams to be tried, or undefined when there is nothing more. Any number may be asked for before anything is told. */
  ask(): Promise<Suggestion<Values> | undefined>
  /** Throws OPTION_INVALID for an id that was never suggested, and where a number is missing that a constraint needs. */
  tell(id: number, told: SearchOutcome): void
  /** The best so far by the first objective. */
  readonly best: { readonly id: number; readonly hparams: Values; readonly value: number } | undefined
}

const known = ['space', 'sampler', 'direction', 'objectives', 'constraints', 'seed', 'trials', 'enqueue', 'history']

/** Throws SPACE_INVALID, OPTION_INVALID, HPARAMS_INVALID (what is enqueued, or known from before) and OPTIMIZER_UNFIT. */
export function createSearch<const S extends Space>(given: SearchOptions<S>): Search<ValuesOf<S>> {
  type Values = ValuesOf<S>
  const { enqueue, history, seed, trials, objectives } = checked(given)
  const space = validateSpace(given.space)
  const { plugin, options } = pluginOf(given.sampler ?? 'auto')
  for (const [index, { hparams }] of history.entries()) validateHparams(space, hparams, `history[${index}].hparams`)
  const before = history.map((observation, index): Observation => ({
    ...observation,
    trial: firstEarlierTrial + index,
  }))
  const session = createSession(plugin, { space, objectives, seed, trials, options, enqueue, history: before })
  const asked = new Map<number, Hparams>()
  let next = 0
  let best: { id: number; hparams: Values; value: number } | undefined
  let least = Infinity

  const observe = (id: number, hparams: Hparams, told: SearchOutcome): void => {
    const metrics = metricsOf(told, objectives)
    const state = typeof told === 'object' && typeof told['state'] === 'string' ? told['state'] : 'done'
    const untold = limitsOf(objectives).find(({ metric }) => !Object.hasOwn(metrics, metric))
    if (state === 'done' && untold !== undefined) {
      const names = [objectives[0]?.metric, untold.metric].map((name) => `${JSON.stringify(name)}: …`).join(', ')
      throw invalid(
        'told',
        `lacks ${untold.metric}, which the constraint ${limitText(untold)} needs: tell({ ${names} })`,
      )
    }
    const step = typeof told === 'object' && 'step' in told && typeof told.step === 'number' ? told.step : null
    session.observe([{ trial: id, hparams, state, metrics, step }])
    const [objective] = objectives
    const loss = state === 'done' && objective !== undefined ? lossOf(metrics, objective) : Number.NaN
    if (!(loss < least)) return
    least = loss
    best = { id, hparams: hparams as Values, value: objective?.direction === 'maximize' ? -loss : loss }
  }

  return {
    notes: session.notes,
    async ask() {
      const id = next++
      const { hparams } = await session.suggest(id, 1)
      const [suggested] = hparams
      if (suggested === undefined) return undefined
      asked.set(id, suggested)
      return { id, hparams: suggested as Values }
    },
    tell(id, told) {
      const hparams = asked.get(id)
      if (hparams === undefined)
        throw problem('OPTION_INVALID', { option: 'id', reason: `is ${id}, which was never suggested` })
      observe(id, hparams, told)
    },
    get best() {
      return best
    },
  }
}

function metricsOf(told: SearchOutcome, objectives: readonly Objective[]): Record<string, number | null> {
  const first = objectives[0]?.metric ?? 'value'
  const finite = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : null)
  if (typeof told === 'number') return { [first]: finite(told) }
  if (typeof told['state'] === 'string') return 'value' in told ? { [first]: finite(told.value) } : {}
  return Object.fromEntries(Object.entries(told).map(([name, value]) => [name, finite(value)]))
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

const invalid = (option: string, reason: string) => problem('OPTION_INVALID', { option, reason })
const show = (value: unknown) => (typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value)))

/** The options that are not the space's or the sampler's. Throws OPTION_INVALID. */
function checked<S extends Space>(given: SearchOptions<S>) {
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) throw invalid(key, `is unknown; ${amongst(key, known)}`)
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
    history: history as NonNullable<typeof given.history>,
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
