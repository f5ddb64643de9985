/**
 * The generators that train is given: the user's own, told what to leave out.
 * I1 In an ablation, what was to be left out and was never looked at is an error: the trial would be the base, silently.
 */
import type { LayersModel } from '@tensorflow/tfjs'
import { own, problem, type Ablated } from '../../protocol/index.ts'
import type { AnySpec, Switches } from '../experiment/index.ts'
import { tfjsHere } from './backend.ts'
import { refText, takeOut } from './surgery/index.ts'

export interface Generators {
  readonly dataset: unknown
  readonly model: unknown
  readonly ablated: Switches
  /** Throws ABLATION_IGNORED for a component that nothing in train came by. */
  checkUsed(): void
  /** Of the model that train worked with, if it asked for one. */
  parameters(): number | undefined
}

type Generator = (...given: readonly unknown[]) => unknown

/** `ablated` is undefined outside of ablations: then generators are the user's own, told to leave out nothing. */
export function generatorsFor(spec: AnySpec, ablated: Ablated | undefined): Generators {
  const components = ablated?.components ?? []
  const features = components.flatMap((one) => (one.kind === 'features' ? one.features : []))
  const layers = components.flatMap((one) => (one.kind === 'layers' ? one.layers : []))
  const switches = new Set(components.flatMap((one) => (one.kind === 'training' ? [one.training] : [])))
  const otherModel = components.find((one) => one.kind === 'model')
  const otherDataset = components.find((one) => one.kind === 'dataset')
  const used = { without: false, dataset: false, model: false, switches: new Set<string>() }
  let parameters: number | undefined

  const operated = (made: unknown): unknown => {
    used.model = true
    if (ablated === undefined || !isModel(made)) {
      if (layers.length === 0) return made
      throw problem('SURGERY_REFUSED', {
        layers: layers.map(refText).join(', '),
        reason: 'the model generator made no tfjs LayersModel',
      })
    }
    const model = layers.length === 0 ? made : withoutLayers(made, ablated)
    // A model that has no input shape yet has no parameters to count.
    parameters = model.outputs.length === 0 ? undefined : model.countParams()
    return model
  }
  // A generator that gives the same model again means the same model.
  const operations = new WeakMap<LayersModel, LayersModel>()
  const withoutLayers = (made: LayersModel, { keepWeights }: Ablated): LayersModel => {
    const model = operations.get(made) ?? takeOut(tfjsHere(), made, layers, { strict: keepWeights, run: true }).left
    operations.set(made, model)
    return model
  }
  const told = {
    get without(): readonly string[] {
      used.without = true
      return Object.freeze([...features])
    },
  }
  const datasetGenerator = otherDataset === undefined ? spec.dataset : own(spec.datasets ?? {}, otherDataset.dataset)
  const modelGenerator = otherModel === undefined ? spec.model : own(spec.models ?? {}, otherModel.model)
  return {
    dataset: isGenerator(datasetGenerator)
      ? (...given: readonly unknown[]) => {
          used.dataset = true
          // Arguments that train itself gives beyond the hparams come after those of the system.
          return datasetGenerator(given[0], told, ...given.slice(1))
        }
      : datasetGenerator,
    model: isGenerator(modelGenerator)
      ? (...given: readonly unknown[]) => {
          const made = modelGenerator(...given)
          return isPromise(made) ? made.then(operated) : operated(made)
        }
      : modelGenerator,
    ablated: {
      has: (name) => {
        used.switches.add(name)
        return switches.has(name)
      },
    },
    checkUsed() {
      for (const component of components) {
        const reason = ignored(component.kind)
        if (reason !== undefined) throw problem('ABLATION_IGNORED', { component: component.name, reason })
        if (component.kind === 'training' && !used.switches.has(component.training)) {
          const asked = `train never asked ablated.has('${component.training}')`
          throw problem('ABLATION_IGNORED', { component: component.name, reason: asked })
        }
      }
    },
    parameters: () => parameters,
  }

  function ignored(kind: Ablated['components'][number]['kind']): string | undefined {
    if (kind === 'features' && !used.dataset) return 'train never called the dataset generator that it is given'
    if (kind === 'features' && !used.without) return 'the dataset generator never looked at `without`'
    if (kind === 'dataset' && !used.dataset) return 'train never called the dataset generator that it is given'
    if ((kind === 'layers' || kind === 'model') && !used.model)
      return 'train never called the model generator that it is given'
    return undefined
  }
}

const isGenerator = (value: unknown): value is Generator => typeof value === 'function'

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** By what it can do, so that another copy's is recognised too. */
export function isModel(value: unknown): value is LayersModel {
  return (
    typeof value === 'object' &&
    value !== null &&
    'layers' in value &&
    'countParams' in value &&
    typeof value.countParams === 'function'
  )
}
