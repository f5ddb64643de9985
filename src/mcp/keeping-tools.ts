/** Tools about what is kept of experiments: artifacts to list, notes and tags to write where that is allowed. */
import { Type } from 'typebox'
import { tagPattern } from '../../protocol/index.ts'
import { tool } from './tool.ts'

const mostListed = 200

export const artifacts = tool({
  name: 'artifacts',
  title: 'List artifacts',
  description: `What trials of an experiment have saved (models, files): name, kind, size and hash, at most ${mostListed}. \`maggy model\` and \`maggy artifacts --output\` write them as files.`,
  takes: Type.Object({
    experiment: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'its id; by default the last' }),
    ),
    trial: Type.Optional(Type.Integer({ minimum: 0, description: 'only of this trial' })),
  }),
  async answer(house, { experiment, trial }) {
    const result = await house.result(experiment)
    const all = result.trials
      .filter((one) => trial === undefined || one.trial === trial)
      .flatMap((one) =>
        (one.artifacts ?? []).map(({ name, kind, bytes, sha256 }) => ({ trial: one.trial, name, kind, bytes, sha256 })),
      )
    return { experiment: result.experiment, artifacts: all.slice(0, mostListed), total: all.length }
  },
})

const tag = Type.String({ pattern: tagPattern })

export const note = tool({
  name: 'note',
  title: 'Write a note or tags on an experiment',
  description: 'Adds a note, gives tags and takes them away. The tag `pinned` keeps an experiment from being removed.',
  changes: 'note',
  takes: Type.Object({
    experiment: Type.String({ minLength: 1, maxLength: 128, description: 'its id' }),
    text: Type.Optional(Type.String({ minLength: 1, maxLength: 8192, description: 'the note' })),
    tags: Type.Optional(Type.Array(tag, { maxItems: 64, description: 'tags that it gets' })),
    untag: Type.Optional(Type.Array(tag, { maxItems: 64, description: 'tags that are taken away' })),
  }),
  async answer(house, { experiment, text, tags, untag }) {
    const annotation = {
      ...(text === undefined ? {} : { remark: text }),
      ...(tags === undefined ? {} : { tag: tags }),
      ...(untag === undefined ? {} : { untag }),
    }
    return { experiment, tags: await house.annotate(experiment, annotation) }
  },
})
