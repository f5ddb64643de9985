/** What a study takes apart, in the form that travels. */
import { Type } from 'typebox'
import { Count } from './common.ts'

const Name = Type.String({ minLength: 1, maxLength: 256 })

/** One by its name or by its place, or all whose names begin with a prefix or fit a regular expression. */
export const Choice = Type.Union([
  Type.Object({ name: Name }),
  Type.Object({ index: Count }),
  Type.Object({ prefix: Name }),
  Type.Object({ pattern: Name }),
])
export type Choice = Type.Static<typeof Choice>

const choices = Type.Array(Choice, { minItems: 1, maxItems: 4096 })
const named = Type.Array(Name, { minItems: 1, maxItems: 4096 })

/** What to leave out: each of these alone, or a group at once. */
export const Selection = Type.Union([
  Type.Object({ kind: Type.Literal('features'), of: choices }),
  Type.Object({ kind: Type.Literal('featureGroup'), name: Name, of: choices }),
  Type.Object({ kind: Type.Literal('layers'), of: choices }),
  Type.Object({ kind: Type.Literal('layerGroup'), name: Name, of: choices }),
  /** All layers between the outputs of two layers; `from` itself stays, `to` goes. */
  Type.Object({ kind: Type.Literal('block'), name: Name, from: Name, to: Name }),
  /** Other model generators, dataset generators, and switches of the training function, by their names in the definition. */
  Type.Object({ kind: Type.Literal('models'), of: named }),
  Type.Object({ kind: Type.Literal('datasets'), of: named }),
  Type.Object({ kind: Type.Literal('training'), of: named }),
])
export type Selection = Type.Static<typeof Selection>

export const Study = Type.Object({
  include: Type.Array(Selection, { minItems: 1, maxItems: 1024 }),
  /** Features and layers that are never left out alone. */
  exclude: Type.Object({ features: Type.Array(Choice), layers: Type.Array(Choice) }),
  /** Whether what stays of a model keeps the weights that its generator gave it; else it starts anew. */
  keepWeights: Type.Boolean(),
})
export type Study = Type.Static<typeof Study>

/** One thing that a trial does without, with names that were found to exist. */
export const Component = Type.Union([
  Type.Object({ kind: Type.Literal('features'), name: Name, features: named }),
  Type.Object({ kind: Type.Literal('layers'), name: Name, layers: named }),
  Type.Object({ kind: Type.Literal('model'), name: Name, model: Name }),
  Type.Object({ kind: Type.Literal('dataset'), name: Name, dataset: Name }),
  Type.Object({ kind: Type.Literal('training'), name: Name, training: Name }),
])
export type Component = Type.Static<typeof Component>

/** What one trial of an ablation does without: nothing (the base), one component or several. */
export const Ablated = Type.Object({
  components: Type.Array(Component, { maxItems: 4096 }),
  /** Which of the repeats; trials of one repeat share their seed. */
  repeat: Count,
  keepWeights: Type.Boolean(),
})
export type Ablated = Type.Static<typeof Ablated>
