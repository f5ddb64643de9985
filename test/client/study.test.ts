/** Names are looked up where the model is built, before any trial starts. */
import type * as Tfjs from '@tensorflow/tfjs'
import { beforeAll, expect, it } from 'vitest'
import { study, type StudyBuilder } from '../../src/ablation/index.ts'
import { withComponents } from '../../src/client/index.ts'
import { ablation, defineExperiment } from '../../src/experiment/index.ts'
import { tfjsHere, type Tf } from '../../src/train/index.ts'

let tf: Tf
beforeAll(() => {
  tf = tfjsHere()
})

/** Two layers have names of their own; the third has one that tfjs counts up. */
const model = ({ units }: { readonly units: number }): Tfjs.LayersModel =>
  tf.sequential({
    layers: [
      tf.layers.dense({ name: 'first', inputShape: [2], units }),
      tf.layers.dense({ units }),
      tf.layers.dense({ name: 'last', units: 1 }),
    ],
  })

const componentsOf = async (builder: StudyBuilder, made: unknown = model, ablator: string | object = 'loco') => {
  const context = ablation({ study: builder, ablator: ablator as string, repeats: 2, direction: 'minimize' })
  const spec = { name: 'e', hparams: { units: 3 }, model: made, train: () => 0 }
  const { context: resolved } = await withComponents(defineExperiment('file:///here.ts', spec), context)
  if (resolved.kind !== 'ablation') throw new Error(resolved.kind)
  return resolved
}

it('finds the layers that the model has, with the hparams that it will be built with', async () => {
  const { components, trials } = await componentsOf(study().layers({ pattern: '.' }))
  expect(components.map(({ name }) => name)).toEqual(['layer:first', 'layer:last'])
  expect(trials).toBe((1 + 2) * 2)
})

it('knows how many trials each ablator takes at most, and leaves a strange one alone', async () => {
  expect((await componentsOf(study().layers('first', 'last'), model, 'pairs')).trials).toBe((1 + 2 + 1) * 2)
  expect((await componentsOf(study().layers('first', 'last'), model, 'mine')).trials).toBe(10_000)
})

it('does not take a name that tfjs counts up for a name', async () => {
  const second = tf.layers.dense({ units: 1 }).name
  await expect(componentsOf(study().layers(second))).rejects.toThrow(
    /which does not exist; there are first, last, and 1 without a name of their own/,
  )
})

it('says what the model generator threw, or that it makes no model', async () => {
  const broken = () => {
    throw new Error('no such file')
  }
  await expect(componentsOf(study().layers('first'), broken)).rejects.toThrow('the model generator threw no such file')
  await expect(componentsOf(study().layers('first'), () => 3)).rejects.toThrow('is no LayersModel of tfjs')
})

it('builds no model for a study that names no layers', async () => {
  const never = () => {
    throw new Error('built')
  }
  await expect(componentsOf(study().training('noise'), never)).rejects.toThrow('the definition has no `switches`')
})
