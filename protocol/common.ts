/** Words that several conversations share. */
import { Type } from 'typebox'

/** An identity that can stand in a subject. */
export const Id = Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$' })
/** Milliseconds since 1970-01-01T00:00Z. */
export const Instant = Type.Number({ minimum: 0 })
export const Count = Type.Integer({ minimum: 0 })
export const Scalar = Type.Union([Type.String({ maxLength: 4096 }), Type.Number(), Type.Boolean(), Type.Null()])
export type Scalar = Type.Static<typeof Scalar>
/** The value of one hyperparameter. */
export const HparamValue = Type.Union([Scalar, Type.Array(Scalar, { maxItems: 256 })])
export type HparamValue = Type.Static<typeof HparamValue>
/** What a record holds under a name; never what every object inherits (`constructor`, `hasOwnProperty`). */
export function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
/** Hyperparameters by name. */
export const Hparams = Type.Record(Type.String(), HparamValue)
export type Hparams = Type.Static<typeof Hparams>
/** Named numbers; null stands for one that is not finite, so that JSON can hold it too. */
export const Metrics = Type.Record(Type.String(), Type.Union([Type.Number(), Type.Null()]))
export type Metrics = Type.Static<typeof Metrics>
export const Options = Type.Record(Type.String(), Type.Unknown())

export const ProblemSchema = Type.Object({
  code: Type.String(),
  message: Type.String(),
  remedy: Type.Optional(Type.String()),
  retryable: Type.Optional(Type.Boolean()),
  stack: Type.Optional(Type.String()),
})

/** One trial's metrics at one step. */
export const MetricPoint = Type.Object({ step: Count, at: Instant, values: Metrics })
export type MetricPoint = Type.Static<typeof MetricPoint>

/** A msgpack bin. */
export const Bytes = Type.Refine(
  Type.Unsafe<Uint8Array>({ contentMediaType: 'application/octet-stream' }),
  (value) => value instanceof Uint8Array,
)
