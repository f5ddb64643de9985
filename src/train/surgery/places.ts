/** Finds the layers that a study means: by the name that a program gave them, or by their place where it gave none. */
import type { LayersModel } from '@tensorflow/tfjs'
import type { LayerRef } from '../../../protocol/index.ts'
import { sameClass } from '../../ablation/index.ts'
import { layersIn, type Layer } from './graph.ts'

/** For people: the name, or the class and the place. */
export function refText(ref: LayerRef): string {
  if (typeof ref === 'string') return ref
  return `${ref.type === undefined ? 'the layer' : ref.type} at ${ref.at}`
}

/** The layers that are meant; throws what `refuse` makes of the reason where there is none such. */
export function layersMeant(model: LayersModel, refs: readonly LayerRef[], refuse: (reason: string) => Error): Layer[] {
  const there = layersIn(model)
  const listed = there.map(({ name }, at) => `${name} (${at})`).join(', ') || 'none'
  return refs.map((ref) => {
    const found = typeof ref === 'string' ? there.find(({ name }) => name === ref) : there[ref.at]
    if (found === undefined) {
      const what = typeof ref === 'string' ? `no layer ${ref}` : `no layer at ${ref.at}`
      throw refuse(
        `there is ${what}; there are ${typeof ref === 'string' ? there.map(({ name }) => name).join(', ') || 'none' : listed}`,
      )
    }
    const type = found.getClassName()
    if (typeof ref === 'object' && ref.type !== undefined && !sameClass(ref.type, type)) {
      throw refuse(
        `the layer at ${ref.at} is a ${type} in this trial’s model, and was a ${ref.type} when the study was resolved`,
      )
    }
    return found
  })
}

/** Whether a name is one that tfjs made by counting, as `dense_Dense3`: another process, or the next trial, counts on. */
export function isCounted(name: string, type: string): boolean {
  if (/^(sequential_|model|functional)\d+$/.test(name)) return true
  const snake = type
    .replaceAll(/(.)([A-Z][a-z0-9]+)/g, '$1_$2')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
  const counted = `${snake}_${type}`
  return name.startsWith(counted) && /^\d+$/.test(name.slice(counted.length))
}

/** The layers that can be left out, each with its place. */
export function placesIn(model: LayersModel): { readonly at: number; readonly name: string; readonly type: string }[] {
  return layersIn(model).map((layer, at) => ({ at, name: layer.name, type: layer.getClassName() }))
}
