/** Words that several conversations share. */
import { Type, type TSchema } from 'typebox'
import { identityPattern, namesAtMost, printable } from './names.ts'

/** An identity that can stand in a subject. */
export const Id = Type.String({ pattern: identityPattern })
/** The name of a metric, a hyperparameter, an experiment: printable, on one line. */
export const Name = Type.String({ pattern: printable(1, 128) })
/** A few words: printable, on one line, and it may be empty. */
export const Label = Type.String({ pattern: printable(0, 256) })
/** Characters of a sentence for people. */
export const sentenceAtMost = 1024
/** A sentence for people. */
export const Sentence = Type.String({ maxLength: sentenceAtMost })
/** What a program says: a line, a message, a stack. */
export const Text = Type.String({ maxLength: 8192 })
/** What lies in a map under names. */
export const mapOf = <T extends TSchema>(value: T, atMost: number) =>
  Type.Record(Name, value, { maxProperties: atMost, additionalProperties: false })

/** The last instant that a calendar knows (ECMAScript's Date). */
export const lastInstant = 8.64e15
/** Milliseconds since 1970-01-01T00:00Z. */
export const Instant = Type.Number({ minimum: 0, maximum: lastInstant })
/** Milliseconds. */
export const Duration = Type.Number({ minimum: 0, maximum: lastInstant })
/** Milliseconds that a timer counts. */
export const Patience = Type.Number({ minimum: 0, maximum: 2 ** 31 - 1 })
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
/** Counted from 1. */
export const Ordinal = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
export const Slot = Type.Integer({ minimum: 0, maximum: 1023 })
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
export const Hparams = mapOf(HparamValue, 8192)
export type Hparams = Type.Static<typeof Hparams>
/** Named numbers; null stands for one that is not finite, so that JSON can hold it too. */
export const Metrics = mapOf(Type.Union([Type.Number(), Type.Null()]), namesAtMost)
export type Metrics = Type.Static<typeof Metrics>
export const Options = mapOf(Type.Unknown(), 256)

/** A code of the table of errors, of this version or another. */
export const Code = Type.String({ pattern: '^[A-Z0-9_]{1,64}$' })
export const ProblemSchema = Type.Object({
  code: Code,
  message: Text,
  remedy: Type.Optional(Text),
  retryable: Type.Optional(Type.Boolean()),
  stack: Type.Optional(Text),
})

/** How an experiment, or a ring, stands: a state of its machine, in this version or another. */
export const State = Type.String({ pattern: '^[A-Za-z]{1,64}$' })

/** One trial's metrics at one step. */
export const MetricPoint = Type.Object({ step: Count, at: Instant, values: Metrics })
export type MetricPoint = Type.Static<typeof MetricPoint>

/** In lower-case hex. */
export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })

/** A msgpack bin. */
export const Bytes = Type.Refine(
  Type.Unsafe<Uint8Array>({ contentMediaType: 'application/octet-stream' }),
  (value) => value instanceof Uint8Array,
)
