/** `--set key=value`: changes a context's options for one run, or the hparams of an exploration. */
import { problem, type Context, type Hparams, type HparamValue, type SearchSpace } from '../../protocol/index.ts'
import {
  ablation,
  optimization,
  training,
  trainingOptions,
  type ContextOf,
  type Experiment,
} from '../experiment/index.ts'

/** What was set, by key, as JSON where it is JSON and as text where it is not. */
export type Settings = ReadonlyMap<string, unknown>

/** Throws OPTION_INVALID for what is not key=value. */
export function parseSettings(given: readonly string[]): Settings {
  const settings = new Map<string, unknown>()
  for (const text of given) {
    const at = text.indexOf('=')
    if (at < 1) throw problem('OPTION_INVALID', { option: `--set ${text}`, reason: 'is not key=value' })
    settings.set(text.slice(0, at), valueOf(text.slice(at + 1)))
  }
  return settings
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

const hparam = 'hparams.'

/** The context with these options instead; `hparams.NAME` gives a hyperparameter a fixed value. Throws OPTION_INVALID, CONTEXT_INVALID. */
export function overrideContext(context: ContextOf, settings: Settings, defaults: Hparams): ContextOf {
  if (settings.size === 0) return context
  const options = optionsOf(context.context)
  const { kind } = context.context
  const keys = [...Object.keys(options), ...(kind === 'optimization' ? ['stop'] : [])].filter(
    (key) => key !== 'space' && key !== 'hparams' && key !== 'objectives' && key !== 'study',
  )
  const space: Record<string, unknown> = { ...spaceOf(context.context) }
  const hparams: Record<string, unknown> = { ...context.context.hparams }
  const named = new Set([...Object.keys(space), ...Object.keys(hparams), ...Object.keys(defaults)])
  for (const [key, value] of settings) {
    const name = key.startsWith(hparam) ? key.slice(hparam.length) : undefined
    if (name !== undefined && named.has(name)) {
      delete space[name]
      hparams[name] = value
    } else if (keys.includes(key)) options[key] = value
    else throw unknown(key, [...keys, ...[...named].map((each) => hparam + each)])
  }
  if (kind === 'training') return training({ ...options, hparams } as unknown as Parameters<typeof training>[0])
  if (kind === 'ablation') return ablation({ ...options, hparams } as unknown as Parameters<typeof ablation>[0])
  return optimization({ ...options, space, hparams } as unknown as Parameters<typeof optimization>[0])
}

function spaceOf(context: Context): SearchSpace {
  return context.kind === 'optimization' ? context.space : {}
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
        }
      : {
          ablator: { name: context.ablator.name, ...context.ablator.options },
          study: context.study,
          repeats: context.repeats,
        }),
    pruner: pruner === null ? null : { name: pruner.name, ...pruner.options },
    objectives,
    trials,
    seed,
    ...policy,
  }
}

/** The hparams of an exploration: the definition's defaults and what was set. Throws OPTION_INVALID for unknown and for missing names. */
export function explorationHparams(
  experiment: Pick<Experiment, 'defaults' | 'contexts'>,
  settings: Settings,
): { readonly hparams: Hparams; readonly seed: number | undefined } {
  const contexts = Object.values(experiment.contexts).map(({ context }) => context)
  const searched = contexts.flatMap((one) => [...Object.keys(spaceOf(one)), ...Object.keys(one.hparams)])
  const names = [...new Set([...Object.keys(experiment.defaults), ...searched])]
  const hparams: Record<string, HparamValue> = {}
  let seed: number | undefined
  for (const [key, value] of settings) {
    const name = key.startsWith(hparam) ? key.slice(hparam.length) : key
    if (names.includes(name)) hparams[name] = value as HparamValue
    else if (key === 'seed' && Number.isSafeInteger(value)) seed = value as number
    else throw unknown(key, [...names, 'seed'])
  }
  const missing = names.filter((name) => !(name in experiment.defaults) && !(name in hparams))
  if (missing.length > 0) {
    const reason = `is needed for ${missing.join(', ')}: exploring takes the definition's own hparams, and it has none of that name`
    throw problem('OPTION_INVALID', { option: '--set', reason })
  }
  return { hparams, seed }
}

function unknown(key: string, known: readonly string[]) {
  return problem('OPTION_INVALID', { option: `--set ${key}`, reason: `is unknown; there are ${known.join(', ')}` })
}
