/** A study as a user writes it; it names the parts that an ablation leaves out: `study().features('age').layers({ prefix: 'block1' })`. */
import {
  check,
  isProblem,
  Study as StudySchema,
  type Choice,
  type LayerChoice,
  type Selection,
  type Study,
} from '../../protocol/index.ts'
import { problem } from '../../protocol/index.ts'

/** A feature by its name or its place, or all of those whose names begin so or fit the regular expression. */
type ChoiceOption = string | number | { readonly prefix: string } | { readonly pattern: string | RegExp }

/**
 * A layer by its name or its place, or all layers that are as the object says, in everything that it says. Most programs give their
 * layers no names: those are meant by place and class.
 */
type LayerOption =
  | string
  | number
  | {
      readonly name?: string
      readonly prefix?: string
      readonly pattern?: string | RegExp
      /** Its class, as `tf.layers` writes it or as the model's summary does: `dropout`, `conv2d`, `BatchNormalization`. */
      readonly type?: string
      /** Among all layers but the inputs, from 0; from the end, where it is negative. */
      readonly at?: number
      /** The so-and-so-many-th of those that the rest finds, from 0: `{ type: 'dense', nth: 1 }` is the second dense layer. */
      readonly nth?: number
    }

/** Grows by calls; each call gives another builder, and `study` is the form that travels. */
export interface StudyBuilder {
  readonly study: Study
  /** Each of these features alone. The definition lists them: `features: ['age', …]`. */
  features(...of: readonly ChoiceOption[]): StudyBuilder
  /** These features at once. */
  featureGroup(name: string, ...of: readonly ChoiceOption[]): StudyBuilder
  /** Each of these layers alone. */
  layers(...of: readonly LayerOption[]): StudyBuilder
  /** These layers at once. */
  layerGroup(name: string, ...of: readonly LayerOption[]): StudyBuilder
  /** All layers behind the output of `from`, up to and with `to`. */
  block(name: string, between: { readonly from: LayerOption; readonly to: LayerOption }): StudyBuilder
  /** Model generators out of the definition's `models`, each in place of `model`. */
  models(...of: readonly string[]): StudyBuilder
  /** Dataset generators out of the definition's `datasets`, each in place of `dataset`. */
  datasets(...of: readonly string[]): StudyBuilder
  /** Switches out of the definition's `switches`, handed to train as `ablated`. */
  training(...of: readonly string[]): StudyBuilder
  /** Components that patterns and prefixes find and that stay in the model. */
  exclude(not: { readonly features?: readonly ChoiceOption[]; readonly layers?: readonly LayerOption[] }): StudyBuilder
  /**
   * Every layer keeps the weights that the model generator gave it, or the removal is not possible. Without it, layers keep them too
   * where they fit; a layer that would be fed with other shapes begins anew if its weights are an initializer's, and only weights
   * that were loaded, set or frozen make the removal impossible. For generators that train their model themselves.
   */
  keepWeights(): StudyBuilder
}

/** An empty study, to be filled. */
export function study(): StudyBuilder {
  return builder({ include: [], exclude: { features: [], layers: [] }, keepWeights: false })
}

function builder(study: Study): StudyBuilder {
  const including = (selection: Selection) => builder({ ...study, include: [...study.include, selection] })
  return {
    study,
    features: (...of) => including({ kind: 'features', of: of.map(choice) }),
    featureGroup: (name, ...of) => including({ kind: 'featureGroup', name, of: of.map(choice) }),
    layers: (...of) => including({ kind: 'layers', of: of.map(layerChoice) }),
    layerGroup: (name, ...of) => including({ kind: 'layerGroup', name, of: of.map(layerChoice) }),
    block: (name, { from, to }) => including({ kind: 'block', name, from: layerChoice(from), to: layerChoice(to) }),
    models: (...of) => including({ kind: 'models', of: [...of] }),
    datasets: (...of) => including({ kind: 'datasets', of: [...of] }),
    training: (...of) => including({ kind: 'training', of: [...of] }),
    exclude: ({ features = [], layers = [] }) =>
      builder({
        ...study,
        exclude: {
          features: [...study.exclude.features, ...features.map(choice)],
          layers: [...study.exclude.layers, ...layers.map(layerChoice)],
        },
      }),
    keepWeights: () => builder({ ...study, keepWeights: true }),
  }
}

function choice(option: ChoiceOption): Choice {
  if (typeof option === 'string') return { name: option }
  if (typeof option === 'number') return { index: option }
  if ('prefix' in option) return { prefix: option.prefix }
  return { pattern: option.pattern instanceof RegExp ? option.pattern.source : option.pattern }
}

function layerChoice(option: LayerOption): LayerChoice {
  if (typeof option === 'string') return { name: option }
  if (typeof option === 'number') return { at: option }
  const { pattern, ...rest } = option
  return {
    ...rest,
    ...(pattern === undefined ? {} : { pattern: pattern instanceof RegExp ? pattern.source : pattern }),
  }
}

/** A study out of a builder or of its JSON form, checked. Throws STUDY_INVALID. */
export function studyOf(given: unknown): Study {
  const form = typeof given === 'object' && given !== null && 'study' in given ? given.study : given
  try {
    return check(StudySchema, form, 'study')
  } catch (error) {
    if (!isProblem(error)) throw error
    const { path, reason } = error.details
    const empty = path === '/include' ? 'names nothing to leave out: write study().features(…), .layers(…), …' : reason
    throw problem('STUDY_INVALID', { path: String(path).slice(1) || 'study', reason: empty ?? 'is not a study' })
  }
}
