/**
 * Looks up what a study names, before any trial starts. Layers are known only where the model is built. The client builds it here:
 * it has the program and its hparams at hand, can refuse at once, and nothing has to be started for it; the driver has no tfjs.
 * I1 The model is built twice: a name that is not the same both times is tfjs's own numbering, and means another layer in a runner.
 * I2 What cannot be left out is found by the very surgery that a trial would do, and is no trial.
 */
import {
  describe,
  isProblem,
  problem,
  type AblationContext,
  type Component,
  type Hparams,
  type Impossible,
  type LayerRef,
  type LayersGraph,
} from '../../protocol/index.ts'
import { asksForLayers, builtinAblators, resolve, type KnownLayer, type Names } from '../ablation/index.ts'
import type { createRelease as CreateRelease, Finding } from '../train/index.ts'
import { specOf, type AnySpec, type ContextOf, type Experiment } from '../experiment/index.ts'

let release: ReturnType<typeof CreateRelease> | undefined

interface Built extends Pick<Names, 'layers' | 'between'> {
  /** As people see it; undefined where it was not built, or is too large. */
  readonly graph?: LayersGraph | undefined
  /** The effect of each of these removals; undefined where only its trial can show it. */
  examined(removals: readonly (readonly LayerRef[])[]): readonly (Finding | undefined)[]
  /** Memory of the models is freed when nothing reaches them any more. */
  end(): void
}

const nothingBuilt: Built = {
  layers: undefined,
  between: () => undefined,
  examined: (removals) => removals.map(() => undefined),
  end: () => {},
}

/** The context with its components, where it is an ablation. Throws STUDY_INVALID. */
export async function withComponents<C extends ContextOf>(experiment: Experiment, chosen: C): Promise<C> {
  const { context } = chosen
  if (context.kind !== 'ablation') return chosen
  const spec = specOf(experiment)
  const hparams = { ...experiment.defaults, ...context.hparams }
  const built = asksForLayers(context.study) ? await layersOf(spec, hparams, context.study.keepWeights) : nothingBuilt
  try {
    const named = resolve(context.study, {
      features: spec.features,
      models: Object.keys(spec.models ?? {}),
      datasets: Object.keys(spec.datasets ?? {}),
      switches: spec.switches ?? [],
      layers: built.layers,
      between: (from, to) => built.between(from, to),
    })
    return { ...chosen, context: possible(context, named, built) }
  } finally {
    built.end()
  }
}

/** Only what can be left out stays a component; what cannot is told beside them. */
function possible(context: AblationContext, named: readonly Component[], built: Built): AblationContext {
  const findings = findingsOf(
    named.map((component) => [component]),
    built,
  )
  const alone = impossibleOf(findings)
  const refused = new Set(alone.flatMap(({ without }) => without))
  const notes = new Map(findings.map(({ components: [one], finding }) => [one, finding?.refused ? [] : finding?.notes]))
  const components = named
    .filter(({ name }) => !refused.has(name))
    .map((one) => {
      const said = notes.get(one) ?? []
      return one.kind === 'layers' && said.length > 0 ? { ...one, notes: [...said] } : one
    })
  if (components.length === 0) {
    const reasons = alone.map(({ problem: { message } }) => message).join('; ')
    throw invalid(`names nothing that can be left out: ${reasons}`)
  }
  const plugin = builtinAblators.get(context.ablator.name)
  const together = impossibleOf(findingsOf(plugin?.combinations?.(components) ?? [], built))
  const most = (plugin?.most(components.length, context.repeats) ?? Infinity) - together.length * context.repeats
  const impossible = [...alone, ...together]
  const { graph } = built
  return {
    ...context,
    components,
    ...(impossible.length === 0 ? {} : { impossible }),
    ...(graph === undefined ? {} : { graph }),
    trials: Math.min(context.trials, most),
  }
}

interface Found {
  readonly components: readonly Component[]
  readonly finding: Finding | undefined
}

function findingsOf(removals: readonly (readonly Component[])[], built: Built): Found[] {
  const layersOf = (components: readonly Component[]) =>
    components.flatMap((one) => (one.kind === 'layers' ? one.layers : []))
  // Layers of another model generator's model are not these.
  const operated = removals.filter(
    (components) => components.every(({ kind }) => kind !== 'model') && layersOf(components).length > 0,
  )
  const findings = built.examined(operated.map(layersOf))
  return operated.map((components, index) => ({ components, finding: findings[index] }))
}

function impossibleOf(findings: readonly Found[]): Impossible[] {
  return findings.flatMap(({ components, finding }) => {
    if (finding?.refused === undefined) return []
    const { code, message, remedy } = finding.refused
    return [{ without: components.map(({ name }) => name), problem: { code, message, remedy } }]
  })
}

async function layersOf(spec: AnySpec, hparams: Hparams, strict: boolean): Promise<Built> {
  if (typeof spec.model !== 'function') return nothingBuilt
  const generator = spec.model as (hparams: Hparams) => unknown
  if (generator.length > 1) {
    const unknown = `the model generator takes ${generator.length} arguments, which only train knows (to see its layers it is called with the hparams alone)`
    return { ...nothingBuilt, layers: { unknown } }
  }
  // tfjs takes a second to load: only a study that names layers pays for it.
  const { createRelease, examine, graphOf, isCounted, isModel, layersBetween, placesIn, settled, tfjsHere } =
    await import('../train/index.ts')
  const tf = tfjsHere()
  release ??= createRelease(tf)
  const end = release.begin()
  const build = async () => {
    try {
      const call = async (): Promise<unknown> => await generator(hparams)
      const made = await settled(call(), () => 'the model generator')
      if (isModel(made)) return made
    } catch (error) {
      if (isProblem(error)) throw error
      const called = 'when it was called with the hparams, as model(hparams), to see its layers'
      const remedy = 'let it take the hparams alone, as train would give them'
      throw invalid(`names layers, and the model generator threw ${describe(error)} ${called}; ${remedy}`)
    }
    throw invalid('names layers, and what the model generator makes is no LayersModel of tfjs')
  }
  const [first, second] = [await build(), await build()]
  const again = placesIn(second)
  const layers = placesIn(first).map((place): KnownLayer => {
    const other = again[place.at]
    const counted = first === second && isCounted(place.name, place.type)
    return { ...place, own: other?.name === place.name && !counted }
  })
  return {
    layers,
    between: (from, to) => layersBetween(first, from, to),
    graph: graphOf(first),
    examined: (removals) => {
      // A model of another copy of tfjs than this process's can be listed, not joined; in a runner there is one copy.
      if (!(first instanceof tf.LayersModel)) return removals.map(() => undefined)
      return examine(tf, first, removals, strict)
    },
    end,
  }
}

const invalid = (reason: string) => problem('STUDY_INVALID', { path: 'include', reason })
