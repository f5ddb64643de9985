/** `--set key=value`: changes a context's options for one run, or the hparams of an exploration. */
import {
  own,
  check,
  HparamValue as HparamValueSchema,
  isProblem,
  problem,
  type Context,
  type Hparams,
  type HparamValue,
  type Parameter,
  type Plugin,
  type Scalar,
  type SearchSpace,
} from '../../protocol/index.ts'
import { reasonAgainst } from '../space/index.ts'
import { amongst } from '../words/index.ts'
import {
  ablation,
  optimization,
  policyKeys,
  resourceOptions,
  training,
  trainingOptions,
  validContexts,
  type ContextOf,
  type Experiment,
} from '../experiment/index.ts'

/** The values that were set, by key. */
export type Settings = ReadonlyMap<string, Setting>

interface Setting {
  /** As it was written. */
  readonly text: string
  /** The same as JSON where it is JSON, as text where it is not. */
  readonly value: unknown
}

/** Throws OPTION_INVALID for what is not key=value. */
export function parseSettings(given: readonly string[], option = '--set '): Settings {
  const settings = new Map<string, Setting>()
  for (const text of given) {
    const at = text.indexOf('=')
    if (at < 1) throw problem('OPTION_INVALID', { option: `${option}${text}`, reason: 'is not key=value' })
    settings.set(text.slice(0, at), settingOf(text.slice(at + 1)))
  }
  return settings
}

function settingOf(text: string): Setting {
  try {
    return { text, value: JSON.parse(text) as unknown }
  } catch {
    return { text, value: text }
  }
}

const hparam = 'hparams.'
const option = 'context.'

/**
 * The context with these options instead. `NAME` is an option of the context or an hparam, which then has a fixed value; where it is
 * both, `context.NAME` or `hparams.NAME` says which. Throws OPTION_INVALID, CONTEXT_INVALID.
 */
export function overrideContext(context: ContextOf, settings: Settings, defaults: Hparams): ContextOf {
  if (settings.size === 0) return context
  const options = optionsOf(context.context)
  const { kind } = context.context
  const keys = [...new Set([...Object.keys(options), ...unset[kind]])].filter(
    (key) => key !== 'space' && key !== 'hparams' && key !== 'objectives' && key !== 'study',
  )
  const space = new Map(Object.entries(spaceOf(context.context)))
  const hparams = new Map(Object.entries(context.context.hparams))
  const named = [...new Set([...space.keys(), ...hparams.keys(), ...Object.keys(defaults)])]
  for (const [key, setting] of settings) {
    const meant = meaningOf(key, keys, named)
    if (meant.kind === 'option') options[meant.name] = setting.value
    else {
      const { name } = meant
      const parameter = space.get(name)
      const known = parameter === undefined ? [hparams.get(name) ?? own(defaults, name)] : []
      const value = hparamOf(key, setting, known, parameter === undefined ? [] : [parameter])
      // Where others depend on it, it stays as a parameter that has this one value.
      if (parameter !== undefined && isNamedByOthers(name, space)) space.set(name, fixed(parameter, value))
      else {
        space.delete(name)
        hparams.set(name, value)
        // The fixed value holds in every trial, enqueued ones too.
        if (Array.isArray(options['enqueue'])) options['enqueue'] = without(name, options['enqueue'])
      }
    }
  }
  const given = { ...options, hparams: Object.fromEntries(hparams) }
  if (kind === 'training') return training(given as unknown as Parameters<typeof training>[0])
  if (kind === 'ablation') return ablation(given as unknown as Parameters<typeof ablation>[0])
  const made = optimization({ ...given, space: Object.fromEntries(space) } as unknown as Parameters<
    typeof optimization
  >[0])
  return settings.has('warmStart') ? made : withNotesOf(context, made)
}

/** The warm start was looked through once already: what was found then is said first, and again only if less is left of it now. */
function withNotesOf(before: ContextOf, after: ContextOf): ContextOf {
  const [one, other] = [before.context, after.context]
  if (one.kind !== 'optimization' || other.kind !== 'optimization' || one.notes === undefined) return after
  const same = one.warmStart?.length === other.warmStart?.length
  return { ...after, context: { ...other, notes: [...one.notes, ...(same ? [] : (other.notes ?? []))] } }
}

function without(name: string, enqueue: readonly object[]): object[] {
  return enqueue.map((entry) => Object.fromEntries(Object.entries(entry).filter(([key]) => key !== name)))
}

type Meaning = { readonly kind: 'option' | 'hparam'; readonly name: string }

/** Resolves a key. Throws OPTION_INVALID if it is unknown or ambiguous. */
function meaningOf(key: string, options: readonly string[], hparams: readonly string[]): Meaning {
  if (key.startsWith(hparam) && hparams.includes(key.slice(hparam.length))) {
    return { kind: 'hparam', name: key.slice(hparam.length) }
  }
  if (key.startsWith(option) && options.includes(key.slice(option.length))) {
    return { kind: 'option', name: key.slice(option.length) }
  }
  const [asOption, asHparam] = [options.includes(key), hparams.includes(key)]
  if (asOption && asHparam) {
    throw refused(key, `is an option of the context and an hparam: write ${option}${key} or ${hparam}${key}`)
  }
  if (!asOption && !asHparam) throw refused(key, `is unknown; ${amongst(key, [...options, ...hparams])}`)
  return { kind: asOption ? 'option' : 'hparam', name: key }
}

/**
 * The value of an hparam: of the kind that it has had so far, and within the space where one is given (it may be within any of
 * several). Throws OPTION_INVALID.
 */
function hparamOf(
  key: string,
  { text, value }: Setting,
  known: readonly unknown[],
  parameters: readonly Parameter[],
): HparamValue {
  const kinds = known.filter((one) => one !== undefined && one !== null).map(kindOf)
  const choices = parameters.flatMap((parameter) => (parameter.type === 'categorical' ? parameter.choices : []))
  // A value that looks like a number stays text where text is wanted.
  const wantsText = (kinds.length > 0 && kinds.every((kind) => kind === 'text')) || choices.includes(text)
  const given = wantsText && !choices.includes(value as Scalar) ? text : value
  if (!isHparamValue(given)) {
    throw refused(key, `is ${text}, not a finite number, text, true, false, null, or a list of these`)
  }
  const reasons = parameters.map((parameter) => reasonAgainst(parameter, given))
  const [reason] = reasons
  if (reason !== undefined && reasons.every((each) => each !== undefined)) throw refused(key, reason)
  const kind = kindOf(given)
  if (parameters.length === 0 && kinds.length > 0 && given !== null && !kinds.includes(kind)) {
    throw refused(key, `is ${text}, which is ${article(kind)}, not ${[...new Set(kinds)].map(article).join(' or ')}`)
  }
  return given
}

const kindOf = (value: unknown) =>
  Array.isArray(value) ? 'list' : typeof value === 'string' ? 'text' : typeof value === 'boolean' ? 'boolean' : 'number'
const article = (kind: ReturnType<typeof kindOf>) => (kind === 'text' ? 'text' : `a ${kind}`)

function isHparamValue(value: unknown): value is HparamValue {
  try {
    check(HparamValueSchema, value, 'hparams')
    return true
  } catch (error) {
    if (isProblem(error)) return false
    throw error
  }
}

function isNamedByOthers(name: string, space: ReadonlyMap<string, Parameter>): boolean {
  return [...space].some(
    ([other, { when, where = [] }]) =>
      other !== name &&
      (when?.parameter === name ||
        where.some((constraint) => Object.hasOwn('sum' in constraint ? constraint.sum : constraint.product, name))),
  )
}

function fixed({ when, where }: Parameter, value: HparamValue): Parameter {
  return { type: 'constant', value, ...(when === undefined ? {} : { when }), ...(where === undefined ? {} : { where }) }
}

function spaceOf(context: Context): SearchSpace {
  return context.kind === 'optimization' ? context.space : {}
}

/** Options that a context may lack. */
const unset: Readonly<Record<Context['kind'], readonly string[]>> = {
  optimization: ['stop', 'repeats', 'enqueue', 'warmStart', 'shadow', 'workersPerTrial', ...policyKeys],
  ablation: policyKeys,
  training: ['resources'],
}

/** A context that travels, as the options that made it. */
function optionsOf(context: Context): Record<string, unknown> {
  if (context.kind === 'training') return { ...trainingOptions(context) }
  const { pruner, objectives, trials, seed, policy } = context
  return {
    ...(context.kind === 'optimization'
      ? {
          optimizer: { name: context.optimizer.name, ...context.optimizer.options },
          ...(context.stop === undefined ? {} : { stop: context.stop }),
          ...(context.enqueue === undefined ? {} : { enqueue: context.enqueue }),
          ...(context.warmStart === undefined ? {} : { warmStart: context.warmStart }),
          ...(context.shadow === undefined ? {} : { shadow: context.shadow.map(named) }),
          ...(context.repeats === undefined ? {} : { repeats: context.repeats }),
          ...(context.ring === undefined ? {} : { workersPerTrial: context.ring.workers.max }),
        }
      : {
          ablator: { name: context.ablator.name, ...context.ablator.options },
          study: context.study,
          repeats: context.repeats,
        }),
    pruner: pruner === null ? null : named(pruner),
    objectives,
    trials,
    seed,
    ...policy,
    ...(policy.resources === undefined ? {} : { resources: resourceOptions(policy.resources) }),
  }
}

const named = ({ name, options }: Plugin) => ({ name, ...options })

/**
 * The hparams of an exploration: the definition's defaults and what was set. Throws OPTION_INVALID for names that are unknown, for
 * values of another kind or outside of every space that has them, and for what nothing gives a value.
 */
export function explorationHparams(
  experiment: Pick<Experiment, 'defaults' | 'contexts'>,
  settings: Settings,
): { readonly hparams: Hparams; readonly seed: number | undefined } {
  const contexts = validContexts(experiment.contexts).map(({ context }) => context)
  const searched = contexts.flatMap((one) => [...Object.keys(spaceOf(one)), ...Object.keys(one.hparams)])
  const names = [...new Set([...Object.keys(experiment.defaults), ...searched])]
  const hparams = new Map<string, HparamValue>()
  let seed: number | undefined
  for (const [key, setting] of settings) {
    const meant = meaningOf(key, ['seed'], names)
    if (meant.kind === 'option') seed = seedOf(key, setting)
    else {
      const { name } = meant
      const parameters = contexts.flatMap((one) =>
        Object.hasOwn(spaceOf(one), name) ? [spaceOf(one)[name] as Parameter] : [],
      )
      const known = [experiment.defaults, ...contexts.map((one) => one.hparams)].map((given) => own(given, name))
      hparams.set(name, hparamOf(key, setting, known, parameters))
    }
  }
  const missing = names.filter((name) => !Object.hasOwn(experiment.defaults, name) && !hparams.has(name))
  if (missing.length > 0) {
    const reason = `is needed for ${missing.join(', ')}: exploring takes the definition's own hparams, and it has none of that name`
    throw problem('OPTION_INVALID', { option: '--set', reason })
  }
  return { hparams: Object.fromEntries(hparams), seed }
}

function seedOf(key: string, { text, value }: Setting): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw refused(key, `is ${text}, not a whole number of at least 0`)
}

function refused(key: string, reason: string) {
  return problem('OPTION_INVALID', { option: `--set ${key}`, reason })
}
