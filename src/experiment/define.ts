/** Turns what the user wrote into an experiment, checked at once. */
import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { check, faultInName, HparamValue, isProblem, problem, type Hparams } from '../../protocol/index.ts'
import type {
  ContextOf,
  Contexts,
  Experiment,
  ExperimentSpec,
  Exploration,
  ExploreOptions,
  HparamsOf,
  TrainResult,
} from './definition.ts'

/** The same symbol in every copy of maggy that a process holds, so that copies know each other's experiments. */
const brand = Symbol.for('maggy.experiment')

/** A definition whose types are not known here: what the runner gets out of a bundle. */
export interface AnySpec {
  readonly name: string
  readonly dataset?: unknown
  readonly model?: unknown
  readonly features?: readonly string[]
  readonly models?: Readonly<Record<string, unknown>>
  readonly datasets?: Readonly<Record<string, unknown>>
  readonly switches?: readonly string[]
  readonly hparams?: Hparams
  readonly contexts?: Contexts
  train(args: object): TrainResult | Promise<TrainResult>
}

const known = new Set([
  'name',
  'dataset',
  'model',
  'features',
  'models',
  'datasets',
  'switches',
  'hparams',
  'contexts',
  'train',
])

/** Explores an experiment in this process. The room that trains provides it. That room knows this one, so it is handed in. */
export interface Trainer {
  explore(experiment: Experiment, hparams: Hparams, options: ExploreOptions): Promise<Exploration>
}

export type DefineExperiment = <
  Defaults extends object = object,
  C extends Contexts = Contexts,
  D = undefined,
  M = undefined,
>(
  moduleUrl: string,
  spec: ExperimentSpec<Defaults, C, D, M>,
) => Experiment<HparamsOf<Defaults, C>, C>

/** `defineExperiment` for experiments that this trainer explores. It is loaded when the first is explored: tfjs takes a second. */
export function defineWith(trainer: () => Promise<Trainer>): DefineExperiment {
  return (moduleUrl, spec) => define(trainer, moduleUrl, spec)
}

function define<Defaults extends object, C extends Contexts, D, M>(
  trainer: () => Promise<Trainer>,
  moduleUrl: string,
  spec: ExperimentSpec<Defaults, C, D, M>,
): Experiment<HparamsOf<Defaults, C>, C> {
  const url = urlOf(moduleUrl)
  const checked = checkSpec(url, spec)
  const defaults = Object.freeze({ ...checked.hparams })
  const experiment: Experiment<HparamsOf<Defaults, C>, C> = {
    name: checked.name,
    moduleUrl: url,
    contexts: Object.freeze({ ...checked.contexts }) as C,
    defaults,
    async run(hparams, options = {}) {
      const training = await trainer()
      return training.explore(experiment, { ...defaults, ...(hparams as Hparams | undefined) }, options)
    },
  }
  Object.defineProperty(experiment, brand, { value: checked })
  return Object.freeze(experiment)
}

/** Whether a value was made by defineExperiment, be it another copy's. */
export function isExperiment(value: unknown): value is Experiment {
  return typeof value === 'object' && value !== null && brand in value
}

/** Whether a value was made by optimization, ablation or training. */
export function isContext(value: unknown): value is ContextOf {
  return typeof value === 'object' && value !== null && 'context' in value
}

/** The definition behind an experiment. Throws EXPERIMENT_INVALID for anything else. */
export function specOf(experiment: object): AnySpec {
  const spec = (experiment as { readonly [brand]?: AnySpec })[brand]
  if (spec === undefined) throw invalid('/', 'was not made by defineExperiment')
  return spec
}

/** CommonJS knows its module by its path. */
const urlOf = (module: string): string =>
  typeof module === 'string' && isAbsolute(module) ? pathToFileURL(module).href : module

function checkSpec(moduleUrl: unknown, spec: unknown): AnySpec {
  if (typeof moduleUrl !== 'string' || !URL.canParse(moduleUrl)) {
    throw invalid(
      'moduleUrl',
      'is not a URL: write defineExperiment(import.meta.url, { … }), or in CommonJS defineExperiment(__filename, { … })',
    )
  }
  if (typeof spec !== 'object' || spec === null) throw invalid('/', 'is not an object')
  for (const key of Object.keys(spec)) {
    if (!known.has(key)) throw invalid(key, `is unknown; there are ${[...known].join(', ')}`)
  }
  const { name, hparams = {}, contexts = {}, train } = spec as Record<string, unknown>
  if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw invalid('name', `is ${JSON.stringify(name)}; it takes letters, digits, - and _ only, at most 64`)
  }
  if (typeof train !== 'function') throw invalid('train', 'is not a function')
  checkParts(spec as Record<string, unknown>)
  checkHparams(hparams)
  checkContexts(contexts)
  return spec as AnySpec
}

/** The names that studies may use. */
function checkParts(spec: Readonly<Record<string, unknown>>): void {
  for (const field of ['features', 'switches']) {
    const names = spec[field]
    if (names === undefined) continue
    if (!Array.isArray(names) || !names.every((name) => typeof name === 'string' && name !== '')) {
      throw invalid(field, 'is not a list of names')
    }
    if (new Set(names).size < names.length) throw invalid(field, 'holds a name twice')
  }
  for (const field of ['models', 'datasets']) {
    const generators = spec[field]
    if (generators === undefined) continue
    if (typeof generators !== 'object' || generators === null) throw invalid(field, 'is not an object of generators')
    for (const [name, generator] of Object.entries(generators)) {
      if (typeof generator !== 'function') throw invalid(`${field}.${name}`, 'is not a function')
    }
  }
}

function checkHparams(hparams: unknown): void {
  if (typeof hparams !== 'object' || hparams === null || Array.isArray(hparams)) {
    throw invalid('hparams', 'is not an object')
  }
  for (const [name, value] of Object.entries(hparams)) {
    const fault = faultInName(name)
    if (fault !== undefined) throw invalid(`hparams[${JSON.stringify(name.slice(0, 160))}]`, fault)
    try {
      check(HparamValue, value, 'hparams')
    } catch (error) {
      if (!isProblem(error)) throw error
      throw invalid(`hparams.${name}`, 'is not a finite number, a string, a boolean, null, or a list of these')
    }
  }
}

function checkContexts(contexts: unknown): void {
  if (typeof contexts !== 'object' || contexts === null) throw invalid('contexts', 'is not an object')
  for (const [name, context] of Object.entries(contexts)) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
      throw invalid(`contexts.${name}`, 'has a name with other signs than letters, digits, - and _, or more than 64')
    }
    if (!isContext(context)) {
      throw invalid(
        `contexts.${name}`,
        'is not a context: make it with optimization({ … }), ablation({ … }) or training({ … })',
      )
    }
  }
}

const invalid = (path: string, reason: string) => problem('EXPERIMENT_INVALID', { path, reason })
