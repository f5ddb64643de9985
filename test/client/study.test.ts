/** Names are looked up where the model is built, before any trial starts. */
import type * as Tfjs from '@tensorflow/tfjs'
import { beforeAll, expect, it } from 'vitest'
import { study, type StudyBuilder } from '../../src/ablation/index.ts'
import { withComponents } from '../../src/client/index.ts'
import { ablation } from '../../src/experiment/index.ts'
import { defineExperiment } from '../../src/index.ts'
import { tfjsHere, type Tf } from '../../src/train/index.ts'

let tf: Tf
beforeAll(() => {
  tf = tfjsHere()
})

/** Three layers have names of their own; the second has one that tfjs counts up. */
const model = ({ units }: { readonly units: number }): Tfjs.LayersModel =>
  tf.sequential({
    layers: [
      tf.layers.dense({ name: 'first', inputShape: [2], units }),
      tf.layers.dense({ units }),
      tf.layers.dense({ name: 'third', units: 4 }),
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
  const { components, trials } = await componentsOf(study().layers({ pattern: '^[ft]' }))
  expect(components.map(({ name }) => name)).toEqual(['layer:first', 'layer:third'])
  expect(trials).toBe((1 + 2) * 2)
})

it('takes along how the layers are joined, for people to look at; what is no layer is not looked at', async () => {
  const { graph } = await componentsOf(study().layers('first'))
  expect(graph?.map(({ type, parameters, fedBy }) => [type, parameters, fedBy])).toEqual([
    ['InputLayer', 0, []],
    ['Dense', 9, [0]],
    ['Dense', 12, [1]],
    ['Dense', 16, [2]],
    ['Dense', 5, [3]],
  ])
  expect(graph?.map(({ name }) => name).slice(3)).toEqual(['third', 'last'])
  const context = ablation({ study: study().features('a'), direction: 'minimize' })
  const spec = { name: 'e', features: ['a'], model: () => expect.unreachable(), train: () => 0 }
  const resolved = await withComponents(defineExperiment('file:///here.ts', spec), context)
  expect(resolved.context).not.toHaveProperty('graph')
})

it('knows how many trials each ablator takes at most, and leaves a strange one alone', async () => {
  expect((await componentsOf(study().layers('first', 'third'), model, 'pairs')).trials).toBe((1 + 2 + 1) * 2)
  expect((await componentsOf(study().layers('first', 'third'), model, 'mine')).trials).toBe(10_000)
})

it('makes no trial of what cannot be left out, and says why', async () => {
  const { components, impossible, trials } = await componentsOf(study().layers({ pattern: '.' }))
  expect(components.map(({ name }) => name)).toEqual(['layer:first', 'layer:third'])
  expect(impossible).toEqual([
    {
      without: ['layer:last'],
      problem: {
        code: 'SURGERY_REFUSED',
        message:
          'last cannot be left out: last is an output layer: without it the model would end in [-,4] instead of [-,1]',
        remedy: expect.any(String) as string,
      },
    },
  ])
  expect(trials).toBe((1 + 2) * 2)
})

it('starts nothing when nothing that the study names can be left out', async () => {
  await expect(componentsOf(study().layers('last'))).rejects.toThrow(
    /names nothing that can be left out: last cannot be left out: last is an output layer/,
  )
})

it('finds the pairs that cannot go together, though each can go alone', async () => {
  // Without either, the sizes still meet in the sum; without both, a three meets a two.
  const fork = () => {
    const x = tf.input({ shape: [2], name: 'x' })
    const dense = (name: string, units: number) => tf.layers.dense({ name, units })
    const wide = dense('wide', 3).apply(x) as Tfjs.SymbolicTensor
    const narrow = dense('narrow', 2).apply(wide) as Tfjs.SymbolicTensor
    const extra = dense('extra', 2).apply(narrow) as Tfjs.SymbolicTensor
    const sum = tf.layers.add({ name: 'sum' }).apply([extra, dense('short', 2).apply(x) as Tfjs.SymbolicTensor])
    const out = dense('out', 1).apply(sum) as Tfjs.SymbolicTensor
    return tf.model({ inputs: x, outputs: out })
  }
  const { components, impossible, trials } = await componentsOf(study().layers('narrow', 'extra'), fork, 'pairs')
  expect(components.map(({ name }) => name)).toEqual(['layer:narrow', 'layer:extra'])
  expect(impossible?.map(({ without }) => without)).toEqual([['layer:narrow', 'layer:extra']])
  expect(impossible?.[0]?.problem.message).toMatch(/sum would get \[-,3\] and \[-,2\] instead of \[-,2\] and \[-,2\]/)
  expect(trials).toBe((1 + 2) * 2)
})

it('means layers without names by their place and class, which are the same in every trial', async () => {
  const { components } = await componentsOf(study().layers({ type: 'dense' }))
  expect(components.map(({ name }) => name)).toEqual(['layer:first', 'layer:Dense at 1', 'layer:third'])
  expect(components[1]).toMatchObject({ layers: [{ at: 1, type: 'Dense' }] })
})

it('knows that a name is counted up though the generator gives one model again and again', async () => {
  const once = tf.sequential({
    layers: [tf.layers.dense({ units: 2, inputShape: [2] }), tf.layers.dense({ name: 'out', units: 1 })],
  })
  const { components } = await componentsOf(study().layers({ at: 0 }), () => once)
  expect(components).toMatchObject([{ layers: [{ at: 0, type: 'Dense' }] }])
})

it('does not take a name that tfjs counts up for a name', async () => {
  const second = tf.layers.dense({ units: 1 }).name
  await expect(componentsOf(study().layers(second))).rejects.toThrow(
    /which does not exist; there are first, third, last, and 1 without a name of their own: Dense at 1/,
  )
})

it('says what the model generator threw, or that it makes no model', async () => {
  const broken = () => {
    throw new Error('no such file')
  }
  await expect(componentsOf(study().layers('first'), broken)).rejects.toThrow(
    'the model generator threw no such file when it was called with the hparams, as model(hparams), to see its layers',
  )
  await expect(componentsOf(study().layers('first'), () => 3)).rejects.toThrow('is no LayersModel of tfjs')
})

it('builds no model for a study that names no layers', async () => {
  const never = () => {
    throw new Error('built')
  }
  await expect(componentsOf(study().training('noise'), never)).rejects.toThrow('the definition has no `switches`')
})

it('never calls a generator that takes more than the hparams: it takes names and places at their word', async () => {
  const positional = (units: number, rate: number) => {
    throw new Error(`called with ${units} and ${rate}`)
  }
  const { components } = await componentsOf(study().layers('hidden', { at: 2 }), positional)
  expect(components).toMatchObject([{ layers: ['hidden'] }, { layers: [{ at: 2 }] }])
  await expect(componentsOf(study().layers({ type: 'dense' }), positional)).rejects.toThrow(
    'looks for layers, and the model generator takes 2 arguments, which only train knows',
  )
})
