/** The search space in the form that any language can read. */
import { Type } from 'typebox'
import { HparamValue, Scalar } from './common.ts'

const low = Type.Number()
const high = Type.Number()

const DoubleParameter = Type.Object({
  type: Type.Literal('double'),
  low,
  high,
  log: Type.Optional(Type.Boolean()),
  step: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
})
const IntegerParameter = Type.Object({
  type: Type.Literal('integer'),
  low: Type.Integer(),
  high: Type.Integer(),
  log: Type.Optional(Type.Boolean()),
  step: Type.Optional(Type.Integer({ minimum: 1 })),
})
/** An ordered list of numbers. */
const DiscreteParameter = Type.Object({
  type: Type.Literal('discrete'),
  values: Type.Array(Type.Number(), { minItems: 1 }),
})
/** An unordered list of choices. */
const CategoricalParameter = Type.Object({
  type: Type.Literal('categorical'),
  choices: Type.Array(Scalar, { minItems: 1 }),
})
const ConstantParameter = Type.Object({ type: Type.Literal('constant'), value: HparamValue })

export const Parameter = Type.Union([
  DoubleParameter,
  IntegerParameter,
  DiscreteParameter,
  CategoricalParameter,
  ConstantParameter,
])
export type Parameter = Type.Static<typeof Parameter>
export const SearchSpace = Type.Record(Type.String(), Parameter)
export type SearchSpace = Type.Static<typeof SearchSpace>
