/** Compiles the new model as the old one was compiled. */
import type { LayersModel, Optimizer } from '@tensorflow/tfjs'
import type { Made } from './copy.ts'
import type { Successors } from './successors.ts'
import type { Weight } from './weights.ts'

/** Fields of a compiled model that its type does not name. */
interface Compiled {
  readonly optimizer?: Optimizer
  isOptimizerOwned?: boolean
  /** The list of trained variables was fixed when it was compiled. */
  collectedTrainableWeights?: Weight[]
  /** A sequential model has a functional one within, which is what is trained. */
  readonly model?: LayersModel
}

/** Loss, metrics, and what is trained; the optimizer itself where the new model takes the old one's place, else another of its settings. */
export function compileLike(from: LayersModel, to: LayersModel, successors: Successors, replaces: boolean): void {
  const [old, fresh] = [from, to] as unknown as [Compiled, Compiled]
  const { optimizer } = old
  if (optimizer === undefined) return
  const { loss } = from
  const metrics = from.metrics as LayersModel['metrics'] | undefined
  const mine = replaces ? optimizer : anotherOf(optimizer)
  to.compile({ optimizer: mine, loss, ...(metrics === undefined ? {} : { metrics }) })
  fresh.isOptimizerOwned = old.isOptimizerOwned ?? false
  const trained = trainedOf(old) ?? []
  const inner = (fresh.model ?? fresh) as Compiled
  inner.collectedTrainableWeights = to.weights.filter((weight) => {
    const before = successors.succeeded(weight)
    return before !== undefined && trained.includes(before)
  })
  if (replaces) reorderState(mine, trained, inner.collectedTrainableWeights, successors)
}

const trainedOf = ({ model, collectedTrainableWeights }: Compiled): Weight[] | undefined =>
  model === undefined ? collectedTrainableWeights : (model as unknown as Compiled).collectedTrainableWeights

function anotherOf(optimizer: Optimizer): Optimizer {
  const made = optimizer.constructor as unknown as Partial<Made<Optimizer>>
  return made.fromConfig === undefined ? optimizer : made.fromConfig(made, optimizer.getConfig())
}

/** An optimizer that was used has moments by the places of the variables: each stays with its own. */
function reorderState(
  optimizer: Optimizer,
  old: readonly Weight[],
  fresh: readonly Weight[],
  successors: Successors,
): void {
  const places = fresh.map((weight) => {
    const before = successors.succeeded(weight)
    return before === weight ? old.indexOf(weight) : -1
  })
  for (const [name, state] of Object.entries(optimizer)) {
    const isState = Array.isArray(state) && state.length > 0 && state.every(isMoment)
    if (isState) Object.assign(optimizer, { [name]: places.map((place) => (state as unknown[])[place]) })
  }
}

function isMoment(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'originalName' in value && 'variable' in value
}
