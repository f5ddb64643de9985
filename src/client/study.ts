/**
 * Looks up what a study names, before any trial starts. The names of layers are known only where the model is built: the client
 * builds it here, twice, for a name that is not the same both times is tfjs's own numbering, and means another layer in a runner.
 */
import { describe, isProblem, problem, type AblationContext, type Hparams } from '../../protocol/index.ts'
import { asksForLayers, builtinAblators, resolve, type Names } from '../ablation/index.ts'
import type { createRelease as CreateRelease } from '../train/index.ts'
import { specOf, type AnySpec, type ContextOf, type Experiment } from '../experiment/index.ts'

let release: ReturnType<typeof CreateRelease> | undefined

type Layers = Pick<Names, 'layers' | 'unnamedLayers' | 'between'>

/** The context with its components, where it is an ablation. Throws STUDY_INVALID. */
export async function withComponents<C extends ContextOf>(experiment: Experiment, chosen: C): Promise<C> {
  const { context } = chosen
  if (context.kind !== 'ablation') return chosen
  const spec = specOf(experiment)
  const layers: Layers = asksForLayers(context.study)
    ? await layersOf(spec, { ...experiment.defaults, ...context.hparams })
    : { layers: undefined, unnamedLayers: 0, between: () => undefined }
  const components = resolve(context.study, {
    features: spec.features,
    models: Object.keys(spec.models ?? {}),
    datasets: Object.keys(spec.datasets ?? {}),
    switches: spec.switches ?? [],
    ...layers,
  })
  const most = builtinAblators.get(context.ablator.name)?.most(components.length, context.repeats) ?? Infinity
  const resolved: AblationContext = { ...context, components, trials: Math.min(context.trials, most) }
  return { ...chosen, context: resolved }
}

async function layersOf(spec: AnySpec, hparams: Hparams): Promise<Layers> {
  if (typeof spec.model !== 'function') return { layers: undefined, unnamedLayers: 0, between: () => undefined }
  // tfjs takes a second to load: only a study that names layers pays for it.
  const { createRelease, isModel, layerNames, layersBetween, tfjsHere } = await import('../train/index.ts')
  release ??= createRelease(tfjsHere())
  const end = release.begin()
  const build = async () => {
    try {
      const made: unknown = await (spec.model as (hparams: Hparams) => unknown)(hparams)
      if (isModel(made)) return made
    } catch (error) {
      if (isProblem(error)) throw error
      throw invalid(`names layers, and the model generator threw ${describe(error)} when it was asked for the model`)
    }
    throw invalid('names layers, and what the model generator makes is no LayersModel of tfjs')
  }
  const [first, second] = [await build(), await build()]
  const [names, again] = [layerNames(first), new Set(layerNames(second))]
  const own = names.filter((name) => again.has(name))
  const found = {
    layers: own,
    unnamedLayers: names.length - own.length,
    between: (from: string, to: string) => layersBetween(first, from, to),
  }
  // What these two models hold goes when nothing reaches them any more.
  end()
  return found
}

const invalid = (reason: string) => problem('STUDY_INVALID', { path: 'include', reason })
