/** The search space in the form that any language can read. */
import { Type } from 'typebox'
import { HparamValue, mapOf, Name, Ordinal, Scalar } from './common.ts'

const low = Type.Number()
const high = Type.Number()

/** The parameter is active only where another one is active and has one of these values. */
export const Condition = Type.Object({ parameter: Name, in: Type.Array(Scalar, { minItems: 1, maxItems: 4096 }) })
export type Condition = Type.Static<typeof Condition>

const factors = mapOf(Type.Number(), 1024)
const atLeast = Type.Optional(Type.Number())
const atMost = Type.Optional(Type.Number())

/**
 * A constraint between numbers, wherever all parameters that it names are active: a sum of parameters times their factors, or a product
 * of parameters to the power of their factors, within bounds. `{ sum: { a: 1, b: -1 }, atMost: 0 }` is a <= b.
 */
export const Constraint = Type.Union([
  Type.Object({ sum: factors, atLeast, atMost }),
  Type.Object({ product: factors, atLeast, atMost }),
])
export type Constraint = Type.Static<typeof Constraint>

const relations = { when: Type.Optional(Condition), where: Type.Optional(Type.Array(Constraint, { maxItems: 256 })) }

const DoubleParameter = Type.Object({
  type: Type.Literal('double'),
  low,
  high,
  log: Type.Optional(Type.Boolean()),
  step: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  ...relations,
})
const IntegerParameter = Type.Object({
  type: Type.Literal('integer'),
  low: Type.Integer(),
  high: Type.Integer(),
  log: Type.Optional(Type.Boolean()),
  step: Type.Optional(Ordinal),
  ...relations,
})
/** An ordered list of numbers. */
const DiscreteParameter = Type.Object({
  type: Type.Literal('discrete'),
  values: Type.Array(Type.Number(), { minItems: 1, maxItems: 65_536 }),
  ...relations,
})
/** An unordered list of choices. */
const CategoricalParameter = Type.Object({
  type: Type.Literal('categorical'),
  choices: Type.Array(Scalar, { minItems: 1, maxItems: 4096 }),
  ...relations,
})
const ConstantParameter = Type.Object({ type: Type.Literal('constant'), value: HparamValue, ...relations })

export const Parameter = Type.Union([
  DoubleParameter,
  IntegerParameter,
  DiscreteParameter,
  CategoricalParameter,
  ConstantParameter,
])
export type Parameter = Type.Static<typeof Parameter>
/** Parameters of one space. */
export const mostParameters = 8192
export const SearchSpace = mapOf(Parameter, mostParameters)
export type SearchSpace = Type.Static<typeof SearchSpace>
