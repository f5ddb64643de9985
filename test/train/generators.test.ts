/** What an ablation trial is given, and each way in which LOCO elsewhere has silently trained the base over again. */
import type * as Tfjs from '@tensorflow/tfjs'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Ablated, Component } from '../../protocol/index.ts'
import { type RunInfo, type Told } from '../../src/experiment/index.ts'
import { defineExperiment } from '../../src/index.ts'
import { tfjsHere, runTraining, type Tf } from '../../src/train/index.ts'

let tf: Tf
beforeAll(() => {
  tf = tfjsHere()
})

const run: RunInfo = { kind: 'ablation', experiment: 'e', contextName: 'ablate', trial: 0, attempt: 1, seed: 1 }
const sink = { point: () => {}, line: () => {}, stopReason: () => undefined, now: () => 0 }
const without = (...components: Component[]): Ablated => ({ components, repeat: 0, keepWeights: false })
const trained = async (experiment: object, ablated?: Ablated) =>
  (await runTraining(experiment, { hparams: {}, objectives: [], run, sink, ablated })).outcome

const feature = (name: string): Component => ({ kind: 'features', name: `feature:${name}`, features: [name] })
const layer = (name: string): Component => ({ kind: 'layers', name: `layer:${name}`, layers: [name] })
const model: Component = { kind: 'model', name: 'model:small', model: 'small' }
const dataset: Component = { kind: 'dataset', name: 'dataset:clean', dataset: 'clean' }
const noise: Component = { kind: 'training', name: 'training:noise', training: 'noise' }

const columns = ['a', 'b', 'c']
const sequential = (...units: number[]): Tfjs.Sequential => {
  const shape = (index: number) => (index === 0 ? { inputShape: [3] } : {})
  return tf.sequential({
    layers: units.map((size, index) => tf.layers.dense({ name: `d${index}`, units: size, ...shape(index) })),
  })
}

/** Returns what its generators gave it. */
const honest = () =>
  defineExperiment('file:///here.ts', {
    name: 'honest',
    dataset: (_: object, { without }: Told) => columns.filter((name) => !without.includes(name)).length,
    datasets: { clean: (_: object, { without }: Told) => 100 - without.length },
    model: () => sequential(4, 4, 1),
    models: { small: () => sequential(1) },
    switches: ['noise'],
    train: ({ dataset, model, ablated }) => ({
      columns: dataset({}),
      parameters: model().countParams(),
      noise: ablated.has('noise') ? 0 : 1,
    }),
  })
const base = { columns: 3, parameters: 16 + 20 + 5, noise: 1 }

describe('a trial of an ablation', () => {
  it('is the base when nothing is left out, in every context', async () => {
    expect(await trained(honest(), without())).toEqual({ kind: 'done', metrics: base, parameters: 41 })
    expect(await trained(honest())).toEqual({ kind: 'done', metrics: base })
  })

  it('has a dataset generator that is told the feature, though train calls it as ever', async () => {
    expect(await trained(honest(), without(feature('b')))).toMatchObject({ metrics: { ...base, columns: 2 } })
  })

  it('has a custom dataset generator that is told the feature too', async () => {
    expect(await trained(honest(), without(dataset))).toMatchObject({ metrics: { columns: 100 } })
    expect(await trained(honest(), without(dataset, feature('b')))).toMatchObject({ metrics: { columns: 99 } })
  })

  it('trains the custom model and not the base', async () => {
    const outcome = await trained(honest(), without(model))
    expect(outcome).toMatchObject({ metrics: { ...base, parameters: 4 }, parameters: 4 })
  })

  it('trains a model without the layer', async () => {
    expect(await trained(honest(), without(layer('d1')))).toMatchObject({ parameters: 21 })
  })

  it('is without the layer too when the generator takes its time', async () => {
    const slow = defineExperiment('file:///here.ts', {
      name: 'slow',
      model: () => Promise.resolve(sequential(4, 4, 1)),
      train: async ({ model }) => (await model()).countParams(),
    })
    expect(await trained(slow, without(layer('d1')))).toMatchObject({ metrics: { value: 21 } })
  })

  it('hears of the switch', async () => {
    expect(await trained(honest(), without(noise))).toMatchObject({ metrics: { ...base, noise: 0 } })
  })

  it('fails, and says so, when its model cannot be built', async () => {
    expect(await trained(honest(), without(layer('d2')))).toMatchObject({
      kind: 'failed',
      error: { code: 'SURGERY_REFUSED' },
    })
    expect(await trained(honest(), without(model, layer('d1')))).toMatchObject({
      error: { message: 'd1 cannot be left out: there is no layer d1; there are d0' },
    })
  })
})

describe('a trial that would be the base over again is an error', () => {
  const deaf = () =>
    defineExperiment('file:///here.ts', {
      name: 'deaf',
      dataset: () => 3,
      model: () => sequential(4, 1),
      train: ({ dataset }) => dataset(),
    })
  const mute = () => defineExperiment('file:///here.ts', { name: 'mute', dataset: () => 3, train: () => 3 })

  it.each([
    [feature('b'), 'the dataset generator never looked at `without`'],
    [layer('d0'), 'train never called the model generator that it is given'],
    [noise, "train never asked ablated.has('noise')"],
  ])('(%#)', async (component, reason) => {
    const outcome = await trained(deaf(), without(component))
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'ABLATION_IGNORED' } })
    expect(outcome.kind === 'failed' && outcome.error.message).toContain(reason)
  })

  it('when train makes data or a model of its own', async () => {
    for (const component of [dataset, feature('a'), model, layer('d0')]) {
      expect(await trained(mute(), without(component))).toMatchObject({ error: { code: 'ABLATION_IGNORED' } })
    }
  })
})
