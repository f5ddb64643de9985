/** The tools that change something, each of which has to be allowed: start, stop, pause, resume, enqueue. */
import { Type } from 'typebox'
import { Hparams } from '../../protocol/index.ts'
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

const experiment = Type.String({ minLength: 1, maxLength: 128, description: 'its id' })

export const pause = tool({
  name: 'pause',
  title: 'Pause an experiment',
  description:
    'Hands out no more trials until it is resumed; running ones end by themselves, or with now are handed back.',
  changes: 'pause',
  takes: Type.Object({ experiment, now: Type.Optional(Type.Boolean()) }),
  async answer(house, { experiment: id, now = false }) {
    return { experiment: id, state: await house.pause(id, now) }
  },
})

export const resume = tool({
  name: 'resume',
  title: 'Go on with an experiment',
  description:
    'Goes on with one that is paused, was stopped or has failed; with a change also with one that is done. Answers at once; look at it with show.',
  changes: 'resume',
  takes: Type.Object({
    experiment,
    trials: Type.Optional(
      Type.String({ pattern: '^\\+?\\d{1,9}$', description: '50: so many in all; +50: so many more' }),
    ),
    failed: Type.Optional(Type.Boolean({ description: 'try its failed trials anew' })),
    set: Type.Optional(
      Type.Array(Type.String({ maxLength: 65_536 }), {
        maxItems: 64,
        description: 'NAME=VALUE: optimizer, pruner, stop, parallel, maxFailed, retry and the like',
      }),
    ),
  }),
  async answer(house, { experiment: id, ...change }) {
    return { experiment: id, state: await house.resume(id, change) }
  },
})

export const enqueue = tool({
  name: 'enqueue',
  title: 'Try hparams next',
  description:
    'Tries these hparams next, in a trial on top of those that were asked for; the optimizer fills in what is left out. A search that is done goes on.',
  changes: 'enqueue',
  takes: Type.Object({ experiment, hparams: Hparams }),
  async answer(house, { experiment: id, hparams }) {
    return { experiment: id, state: await house.enqueue(id, hparams) }
  },
})
