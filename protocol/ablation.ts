/** A study: the parts of an experiment that an ablation leaves out, in the form that travels. */
import { Type } from 'typebox'
import { Count, ProblemSchema, Sentence } from './common.ts'
import { printable } from './names.ts'

/** Of a component, a feature, a layer or what stands in its place. */
export const ComponentName = Type.String({ pattern: printable(1, 256) })

/** One by its name or by its place, or all whose names begin with a prefix or fit a regular expression. */
export const Choice = Type.Union([
  Type.Object({ name: ComponentName }),
  Type.Object({ index: Count }),
  Type.Object({ prefix: ComponentName }),
  Type.Object({ pattern: ComponentName }),
])
export type Choice = Type.Static<typeof Choice>

/**
 * Layers that are all of this: of a name, at a place among all layers that are no inputs (from the end, where it is negative), of a
 * class, the so-and-so-many-th of that class. `index` is the same as `at`.
 */
export const LayerChoice = Type.Object(
  {
    name: Type.Optional(ComponentName),
    prefix: Type.Optional(ComponentName),
    pattern: Type.Optional(ComponentName),
    type: Type.Optional(ComponentName),
    at: Type.Optional(Type.Integer()),
    index: Type.Optional(Type.Integer()),
    nth: Type.Optional(Type.Integer()),
  },
  { minProperties: 1, additionalProperties: false },
)
export type LayerChoice = Type.Static<typeof LayerChoice>

const choices = Type.Array(Choice, { minItems: 1, maxItems: 4096 })
const layerChoices = Type.Array(LayerChoice, { minItems: 1, maxItems: 4096 })
const named = Type.Array(ComponentName, { minItems: 1, maxItems: 4096 })
const end = Type.Union([ComponentName, LayerChoice])

/** Components to leave out: each of these alone, or a group at once. */
export const Selection = Type.Union([
  Type.Object({ kind: Type.Literal('features'), of: choices }),
  Type.Object({ kind: Type.Literal('featureGroup'), name: ComponentName, of: choices }),
  Type.Object({ kind: Type.Literal('layers'), of: layerChoices }),
  Type.Object({ kind: Type.Literal('layerGroup'), name: ComponentName, of: layerChoices }),
  /** All layers between the outputs of two layers; `from` itself stays, `to` goes. */
  Type.Object({ kind: Type.Literal('block'), name: ComponentName, from: end, to: end }),
  /** Other model generators, dataset generators, and switches of the training function, by their names in the definition. */
  Type.Object({ kind: Type.Literal('models'), of: named }),
  Type.Object({ kind: Type.Literal('datasets'), of: named }),
  Type.Object({ kind: Type.Literal('training'), of: named }),
])
export type Selection = Type.Static<typeof Selection>

export const Study = Type.Object({
  include: Type.Array(Selection, { minItems: 1, maxItems: 1024 }),
  /** Features and layers that are never left out alone. */
  exclude: Type.Object({
    features: Type.Array(Choice, { maxItems: 4096 }),
    layers: Type.Array(LayerChoice, { maxItems: 4096 }),
  }),
  /** Whether a removal is refused after which a layer would have to begin anew, for its weights would be of other shapes. */
  keepWeights: Type.Boolean(),
})
export type Study = Type.Static<typeof Study>

/**
 * A layer: by the name that the program gave it, or by its place and class where it gave none. tfjs counts such names up within a
 * process, so that another trial has others.
 */
export const LayerRef = Type.Union([ComponentName, Type.Object({ at: Count, type: Type.Optional(ComponentName) })])
export type LayerRef = Type.Static<typeof LayerRef>

/** A layer of a model, for people to look at. Inputs of the model are layers of the class `InputLayer`. */
const GraphLayer = Type.Object({
  name: ComponentName,
  type: ComponentName,
  parameters: Count,
  /** Places in the graph of the layers whose outputs it takes. */
  fedBy: Type.Array(Count, { maxItems: 1024 }),
})

/** The layers of a model and how they feed each other. A LayerRef's `at` counts those that are no inputs. */
export const LayersGraph = Type.Array(GraphLayer, { maxItems: 1024 })
export type LayersGraph = Type.Static<typeof LayersGraph>

/** One thing that a trial does without, with names that were found to exist. */
export const Component = Type.Union([
  Type.Object({ kind: Type.Literal('features'), name: ComponentName, features: named }),
  Type.Object({
    kind: Type.Literal('layers'),
    name: ComponentName,
    layers: Type.Array(LayerRef, { minItems: 1, maxItems: 4096 }),
    /** What else is different in the model that is left: what begins anew, or without an initial state. */
    notes: Type.Optional(Type.Array(Sentence, { maxItems: 4096 })),
  }),
  Type.Object({ kind: Type.Literal('model'), name: ComponentName, model: ComponentName }),
  Type.Object({ kind: Type.Literal('dataset'), name: ComponentName, dataset: ComponentName }),
  Type.Object({ kind: Type.Literal('training'), name: ComponentName, training: ComponentName }),
])
export type Component = Type.Static<typeof Component>

/** Components, by name, that cannot be left out together, and why; found before the first trial. */
export const Impossible = Type.Object({
  without: Type.Array(ComponentName, { minItems: 1, maxItems: 4096 }),
  problem: ProblemSchema,
})
export type Impossible = Type.Static<typeof Impossible>

/** The components that one trial of an ablation leaves out: none (the base), one or several. */
export const Ablated = Type.Object({
  components: Type.Array(Component, { maxItems: 4096 }),
  /** Which of the repeats; trials of one repeat share their seed. */
  repeat: Count,
  keepWeights: Type.Boolean(),
})
export type Ablated = Type.Static<typeof Ablated>
