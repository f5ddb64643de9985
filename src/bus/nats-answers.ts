/** Checks JetStream's answers: anybody may answer, so a message that is no such answer is named. */
import { Type, type Static, type TSchema } from 'typebox'
import { check, describe, problem } from '../../protocol/index.ts'

const ApiError = Type.Object({
  code: Type.Integer(),
  err_code: Type.Integer(),
  description: Type.Optional(Type.String()),
})
export type ApiError = Static<typeof ApiError>

const subjects = Type.Union([Type.Record(Type.String(), Type.Number()), Type.Null()])

/** The fields of answers that are used here. */
export const ApiAnswer = Type.Object({
  error: Type.Optional(ApiError),
  message: Type.Optional(
    Type.Object({
      seq: Type.Integer({ minimum: 1 }),
      subject: Type.String(),
      data: Type.Optional(Type.String()),
      hdrs: Type.Optional(Type.String()),
    }),
  ),
  config: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  state: Type.Optional(Type.Object({ subjects: Type.Optional(subjects) })),
  total: Type.Optional(Type.Integer()),
})
export type ApiAnswer = Static<typeof ApiAnswer>

export const Acknowledgement = Type.Object({
  error: Type.Optional(ApiError),
  /** 0 beside an error. */
  seq: Type.Optional(Type.Integer({ minimum: 0 })),
})

/** Throws BUS_REFUSED for what is no answer of JetStream's: whether the question had its effect is not known then. */
export function answerIn<S extends TSchema>(schema: S, data: Uint8Array, subject: string): Static<S> {
  try {
    return check(schema, JSON.parse(new TextDecoder().decode(data)), subject)
  } catch (error) {
    throw problem('BUS_REFUSED', { subject, reason: `that is none of JetStream's answers: ${describe(error)}` })
  }
}
