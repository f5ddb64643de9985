/** The tools that change something, each of which has to be allowed: start, stop. */
import { Type } from 'typebox'
import { tool } from './tool.ts'

export const start = tool({
  name: 'start',
  title: 'Start an experiment',
  description:
    'Runs a module’s experiment in one of its contexts, as `maggy run MODULE CONTEXT` does. Answers with the id as soon as it is accepted; look at it with show.',
  changes: 'start',
  takes: Type.Object({
    module: Type.String({ minLength: 1, maxLength: 4096, description: 'the path of the module' }),
    context: Type.String({ minLength: 1, maxLength: 256, description: 'the name of a context of it' }),
    set: Type.Optional(
      Type.Array(Type.String({ maxLength: 65_536 }), {
        maxItems: 256,
        description:
          'NAME=VALUE: an option of the context (trials=50, optimizer=tpe, enqueue=[{"lr":0.1}]) or an hparam with a fixed value',
      }),
    ),
    workers: Type.Optional(Type.Integer({ minimum: 1, maximum: 64, description: 'beside an embedded bus; default 1' })),
  }),
  async answer(house, { module, context, set = [], workers }) {
    return { experiment: await house.start({ module, context, set, workers }) }
  },
})

export const stop = tool({
  name: 'stop',
  title: 'Stop an experiment',
  description:
    'Ends an experiment early; it can be resumed. finish (the default): running trials end by themselves; cancel: they are stopped now.',
  changes: 'stop',
  takes: Type.Object({
    experiment: Type.String({ minLength: 1, maxLength: 128, description: 'its id' }),
    mode: Type.Optional(Type.Union([Type.Literal('finish'), Type.Literal('cancel')])),
  }),
  async answer(house, { experiment, mode = 'finish' }) {
    return { experiment, state: await house.stop(experiment, mode) }
  },
})
