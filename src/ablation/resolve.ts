/**
 * From a study to its components, by the names that there are.
 * I1 A name that does not exist is an error, with those that do, before any trial starts.
 * I2 No component stands twice, and each has a name of its own.
 */
import {
  problem,
  type Choice,
  type Component,
  type LayerChoice,
  type Selection,
  type Study,
} from '../../protocol/index.ts'
import {
  chooseLayer,
  chooseLayers,
  chosenLayer,
  type ChosenLayer,
  type KnownLayer,
  type UnknownLayers,
} from './layer-choice.ts'

/** Everything that can be left out, as the definition and its model tell it. */
export interface Names {
  /** undefined: the definition lists none. */
  readonly features: readonly string[] | undefined
  /** All layers that are no inputs, in the model's order. undefined: there is no model generator. */
  readonly layers: readonly KnownLayer[] | UnknownLayers | undefined
  readonly models: readonly string[]
  readonly datasets: readonly string[]
  readonly switches: readonly string[]
  /** The places of the layers behind the output of one, up to and with another; undefined where no way leads there. */
  between(from: number, to: number): readonly number[] | undefined
}

/** Whether the names of layers are needed at all: to know them, the model has to be built. */
export function asksForLayers(study: Study): boolean {
  return study.include.some(({ kind }) => kind === 'layers' || kind === 'layerGroup' || kind === 'block')
}

/** Throws STUDY_INVALID. */
export function resolve(study: Study, names: Names): Component[] {
  const excluded = {
    features: new Set(study.exclude.features.flatMap((one) => chosen(one, names, 'exclude.features'))),
    layers: new Set(
      study.exclude.layers.flatMap((one) => chooseLayers(one, names.layers, 'exclude.layers').map(({ text }) => text)),
    ),
  }
  const components = new Map<string, Component>()
  for (const [index, selection] of study.include.entries()) {
    for (const component of componentsOf(selection, names, excluded, `include[${index}]`)) {
      const same = components.get(component.name)
      if (same !== undefined && JSON.stringify(same) !== JSON.stringify(component)) {
        throw invalid(`include[${index}].name`, `is ${component.name} again, of other members`)
      }
      components.set(component.name, component)
    }
  }
  if (components.size === 0) throw invalid('include', 'comes to nothing: all that it names is excluded')
  return [...components.values()]
}

type Excluded = Readonly<Record<'features' | 'layers', ReadonlySet<string>>>

function componentsOf(selection: Selection, names: Names, excluded: Excluded, path: string): Component[] {
  const features = (of: readonly Choice[]) =>
    unique(of.flatMap((one) => chosen(one, names, path))).filter((name) => !excluded.features.has(name))
  const layers = (of: readonly LayerChoice[]) =>
    distinct(of.flatMap((one) => chooseLayers(one, names.layers, path))).filter(
      ({ text }) => !excluded.layers.has(text),
    )
  switch (selection.kind) {
    case 'features':
      return features(selection.of).map((name) => ({ kind: 'features', name: `feature:${name}`, features: [name] }))
    case 'layers':
      return layers(selection.of).map(({ ref, text }) => ({ kind: 'layers', name: `layer:${text}`, layers: [ref] }))
    case 'featureGroup': {
      const found = features(selection.of)
      return found.length === 0 ? [] : [{ kind: 'features', name: `features:${selection.name}`, features: found }]
    }
    case 'layerGroup': {
      const found = layers(selection.of)
      return found.length === 0 ? [] : [{ kind: 'layers', name: `layers:${selection.name}`, layers: refs(found) }]
    }
    case 'block':
      return [{ kind: 'layers', name: `block:${selection.name}`, layers: refs(blockOf(selection, names, path)) }]
    case 'models':
      return listed(selection.of, names.models, 'model generator', 'models', path).map((model) => ({
        kind: 'model',
        name: `model:${model}`,
        model,
      }))
    case 'datasets':
      return listed(selection.of, names.datasets, 'dataset generator', 'datasets', path).map((dataset) => ({
        kind: 'dataset',
        name: `dataset:${dataset}`,
        dataset,
      }))
    default:
      return listed(selection.of, names.switches, 'switch', 'switches', path).map((training) => ({
        kind: 'training',
        name: `training:${training}`,
        training,
      }))
  }
}

/** The features that a choice means. */
function chosen(choice: Choice, { features: known }: Names, path: string): string[] {
  if (known === undefined) throw invalid(path, 'names a feature, and the definition lists no `features`')
  const there = `there are ${known.join(', ') || 'none'}`
  if ('name' in choice) {
    if (known.includes(choice.name)) return [choice.name]
    throw invalid(path, `names the feature ${choice.name}, which does not exist; ${there}`)
  }
  if ('index' in choice) {
    const name = known[choice.index]
    if (name !== undefined) return [name]
    throw invalid(path, `names the feature at ${choice.index}, and ${there}`)
  }
  const fits = 'prefix' in choice ? (name: string) => name.startsWith(choice.prefix) : matcher(choice.pattern, path)
  const found = known.filter(fits)
  if (found.length > 0) return found
  const asked = 'prefix' in choice ? `begins with ${choice.prefix}` : `fits ${choice.pattern}`
  throw invalid(path, `finds no feature whose name ${asked}; ${there}`)
}

function matcher(pattern: string, path: string): (name: string) => boolean {
  try {
    const expression = new RegExp(pattern)
    return (name) => expression.test(name)
  } catch (error) {
    throw invalid(path, `has the pattern ${pattern}, which is no regular expression (${String(error)})`)
  }
}

function blockOf(block: Extract<Selection, { kind: 'block' }>, names: Names, path: string): ChosenLayer[] {
  const [from, to] = [block.from, block.to].map((end) => {
    return chooseLayer(typeof end === 'string' ? { name: end } : end, names.layers, path)
  })
  if (from === undefined || to === undefined) return []
  const places = names.between(from.at, to.at) ?? []
  const { layers = [] } = names
  const found = 'unknown' in layers ? [] : layers.filter(({ at }) => places.includes(at))
  if (found.length > 0) return found.map(chosenLayer)
  const [start, end] = [chosenLayer(from).text, chosenLayer(to).text]
  throw invalid(path, `is a block from ${start} to ${end}, and no way leads from the one to the other`)
}

const refs = (chosen: readonly ChosenLayer[]) => chosen.map(({ ref }) => ref)
const distinct = (chosen: readonly ChosenLayer[]) =>
  chosen.filter(({ text }, index) => chosen.findIndex((other) => other.text === text) === index)

function listed(of: readonly string[], known: readonly string[], what: string, field: string, path: string): string[] {
  for (const name of of) {
    if (known.includes(name)) continue
    const there = known.length === 0 ? `the definition has no \`${field}\`` : `there are ${known.join(', ')}`
    throw invalid(path, `names the ${what} ${name}, which does not exist; ${there}`)
  }
  return unique(of)
}

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)]
const invalid = (path: string, reason: string) => problem('STUDY_INVALID', { path, reason })
