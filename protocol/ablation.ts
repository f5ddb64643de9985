/** A study: the parts of an experiment that an ablation leaves out, in the form that travels. */
import { Type } from 'typebox'
import { Count, ProblemSchema } from './common.ts'

const Name = Type.String({ minLength: 1, maxLength: 256 })

/** One by its name or by its place, or all whose names begin with a prefix or fit a regular expression. */
export const Choice = Type.Union([
  Type.Object({ name: Name }),
  Type.Object({ index: Count }),
  Type.Object({ prefix: Name }),
  Type.Object({ pattern: Name }),
])
export type Choice = Type.Static<typeof Choice>

/**
 * Layers that are all of this: of a name, at a place among all layers that are no inputs (from the end, where it is negative), of a
 * class, the so-and-so-many-th of that class. `index` is the same as `at`.
 */
export const LayerChoice = Type.Object(
  {
    name: Type.Optional(Name),
    prefix: Type.Optional(Name),
    pattern: Type.Optional(Name),
    type: Type.Optional(Name),
    at: Type.Optional(Type.Integer()),
    index: Type.Optional(Type.Integer()),
    nth: Type.Optional(Type.Integer()),
  },
  { minProperties: 1, additionalProperties: false },
)
export type LayerChoice = Type.Static<typeof LayerChoice>

const choices = Type.Array(Choice, { minItems: 1, maxItems: 4096 })
const layerChoices = Type.Array(LayerChoice, { minItems: 1, maxItems: 4096 })
const named = Type.Array(Name, { minItems: 1, maxItems: 4096 })
const end = Type.Union([Name, LayerChoice])

/** Components to leave out: each of these alone, or a group at once. */
export const Selection = Type.Union([
  Type.Object({ kind: Type.Literal('features'), of: choices }),
  Type.Object({ kind: Type.Literal('featureGroup'), name: Name, of: choices }),
  Type.Object({ kind: Type.Literal('layers'), of: layerChoices }),
  Type.Object({ kind: Type.Literal('layerGroup'), name: Name, of: layerChoices }),
  /** All layers between the outputs of two layers; `from` itself stays, `to` goes. */
  Type.Object({ kind: Type.Literal('block'), name: Name, from: end, to: end }),
  /** Other model generators, dataset generators, and switches of the training function, by their names in the definition. */
  Type.Object({ kind: Type.Literal('models'), of: named }),
  Type.Object({ kind: Type.Literal('datasets'), of: named }),
  Type.Object({ kind: Type.Literal('training'), of: named }),
])
export type Selection = Type.Static<typeof Selection>

export const Study = Type.Object({
  include: Type.Array(Selection, { minItems: 1, maxItems: 1024 }),
  /** Features and layers that are never left out alone. */
  exclude: Type.Object({ features: Type.Array(Choice), layers: Type.Array(LayerChoice) }),
  /** Whether a removal is refused after which a layer would have to begin anew, for its weights would be of other shapes. */
  keepWeights: Type.Boolean(),
})
export type Study = Type.Static<typeof Study>

/**
 * A layer: by the name that the program gave it, or by its place and class where it gave none. tfjs counts such names up within a
 * process, so that another trial has others.
 */
export const LayerRef = Type.Union([Name, Type.Object({ at: Count, type: Type.Optional(Name) })])
export type LayerRef = Type.Static<typeof LayerRef>

/** One thing that a trial does without, with names that were found to exist. */
export const Component = Type.Union([
  Type.Object({ kind: Type.Literal('features'), name: Name, features: named }),
  Type.Object({
    kind: Type.Literal('layers'),
    name: Name,
    layers: Type.Array(LayerRef, { minItems: 1, maxItems: 4096 }),
    /** What else is different in the model that is left: what begins anew, or without an initial state. */
    notes: Type.Optional(Type.Array(Type.String(), { maxItems: 4096 })),
  }),
  Type.Object({ kind: Type.Literal('model'), name: Name, model: Name }),
  Type.Object({ kind: Type.Literal('dataset'), name: Name, dataset: Name }),
  Type.Object({ kind: Type.Literal('training'), name: Name, training: Name }),
])
export type Component = Type.Static<typeof Component>

/** Components, by name, that cannot be left out together, and why; found before the first trial. */
export const Impossible = Type.Object({
  without: Type.Array(Name, { minItems: 1, maxItems: 4096 }),
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
