/** What the model without a layer keeps of the one with it. */
import type * as Tfjs from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import type { Ablated, LayerRef } from '../../../protocol/index.ts'
import { type RunInfo } from '../../../src/experiment/index.ts'
import { defineExperiment } from '../../../src/index.ts'
import { removeLayers, runTraining, tfjsHere } from '../../../src/train/index.ts'
import { examine, takeOut } from '../../../src/train/surgery/index.ts'

const tf = tfjsHere()
type Model = Tfjs.LayersModel
type Symbolic = Tfjs.SymbolicTensor

const dense = (name: string, units = 4, more: object = {}) => tf.layers.dense({ name, units, ...more })
const line = (...layers: Tfjs.layers.Layer[]) => tf.sequential({ layers })
const without = (model: Model, ...names: LayerRef[]) => takeOut(tf, model, names, { strict: false, run: true }).left
const valuesOf = (model: Model, name: string) =>
  model
    .getLayer(name)
    .getWeights()
    .map((weight) => [...weight.dataSync()])
const compiled = (model: Model, optimizer: Tfjs.Optimizer = tf.train.adam(0.01)): Model => {
  model.compile({ optimizer, loss: 'meanSquaredError' })
  return model
}
const fit = (model: Model) => {
  const part = (tensors: readonly Symbolic[]) =>
    tensors.map(({ shape }) => tf.ones([4, ...shape.slice(1).map((n) => n ?? 5)]))
  return model.fit(part(model.inputs), part(model.outputs), { epochs: 1, verbose: 0 })
}

/** Saved and loaded again, as a pretrained model comes. */
async function loaded(model: Model): Promise<Model> {
  let saved: Tfjs.io.ModelArtifacts | undefined
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      saved = artifacts
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } })
    }),
  )
  return tf.loadLayersModel(tf.io.fromMemory(saved as Tfjs.io.ModelArtifacts))
}

describe('what is trained of a model', () => {
  it('stays what it was: a model within it that is frozen stays frozen', () => {
    const base = line(dense('in', 4, { inputShape: [4] }), dense('deep', 4))
    base.trainable = false
    const x = tf.input({ shape: [4] })
    const hidden = dense('hidden').apply(base.apply(dense('stem').apply(x))) as Symbolic
    const model = compiled(tf.model({ inputs: x, outputs: dense('out', 1).apply(hidden) as Symbolic }))
    expect(model.trainableWeights).toHaveLength(6)
    expect(without(model, 'hidden').trainableWeights).toHaveLength(4)
    expect(removeLayers(tf, model, ['hidden']).trainableWeights).toHaveLength(4)
    expect(removeLayers(tf, model, ['hidden'], { keepWeights: true }).trainableWeights).toHaveLength(4)
  })

  it('stays what it was, also where one variable of a layer is frozen, or a layer that is made anew', () => {
    const model = line(dense('a', 4, { inputShape: [3] }), dense('b', 4), dense('c', 4), dense('out', 1))
    const [kernel] = model.getLayer('c').weights
    if (kernel !== undefined) kernel.trainable = false
    expect(without(model, 'b').getLayer('c').trainableWeights).toHaveLength(1)
    expect(removeLayers(tf, model, ['b']).getLayer('c').trainableWeights).toHaveLength(1)
  })

  it('is what was settled when it was compiled, as tfjs has it: all of a frozen model that comes first in a line', async () => {
    const make = () => {
      const lower = line(dense('low', 4, { inputShape: [4] }), dense('lower', 4))
      lower.trainable = false
      return compiled(line(lower, dense('hidden', 4), dense('out', 1)), tf.train.sgd(0.1))
    }
    const moved = async (model: Model) => {
      const before = model.getWeights().map((weight) => [...weight.dataSync()])
      await fit(model)
      return model
        .getWeights()
        .map((weight, at) => weight.dataSync().some((value, index) => value !== before[at]?.[index]))
    }
    const whole = await moved(make())
    const left = await moved(without(make(), 'hidden'))
    expect(left.filter(Boolean)).toHaveLength(whole.filter(Boolean).length - 2)
  })
})

describe('weights that no initializer made', () => {
  it('are kept: of a model that was loaded', async () => {
    const model = await loaded(line(dense('a', 4, { inputShape: [4] }), dense('b', 4), dense('out', 2)))
    for (const left of [without(model, 'b'), removeLayers(tf, model, ['b'])]) {
      expect(valuesOf(left, 'a')).toEqual(valuesOf(model, 'a'))
      expect(valuesOf(left, 'out')).toEqual(valuesOf(model, 'out'))
    }
  })

  it('are kept: those that a layer was made with, and those that were set later', () => {
    const weights = [tf.ones([4, 4]).div(4), tf.ones([4]).div(2)]
    const model = line(dense('a', 4, { inputShape: [4], weights }), dense('b', 4), dense('out', 4))
    model.getLayer('out').setWeights(weights)
    for (const left of [without(model, 'b'), removeLayers(tf, model, ['b'])]) {
      expect(valuesOf(left, 'a')).toEqual([Array(16).fill(0.25), Array(4).fill(0.5)])
      expect(valuesOf(left, 'out')).toEqual([Array(16).fill(0.25), Array(4).fill(0.5)])
    }
  })

  it('are not replaced by random ones where they cannot be kept: that is refused', async () => {
    const make = () => line(dense('a', 4, { inputShape: [3] }), dense('b', 5), dense('c', 5), dense('out', 2))
    const model = await loaded(make())
    const expected =
      'c would need weights of [4,5] and [5] instead of [5,5] and [5], and these were loaded or set: random ones would take their place'
    expect(() => without(model, 'b')).toThrow(expected)
    expect(() => removeLayers(tf, model, ['b'])).toThrow(expected)
    expect(examine(tf, model, [['b'], ['c']], false).map(({ refused }) => refused?.code)).toEqual([
      'SURGERY_REFUSED',
      undefined,
    ])
    const frozen = make()
    frozen.getLayer('c').trainable = false
    expect(() => without(frozen, 'b')).toThrow('and it is not trained: random weights would stay in their place')
  })

  it('and those of an initializer begin anew where they have to, unless the study keeps the weights', () => {
    const make = () => line(dense('a', 4, { inputShape: [3] }), dense('b', 5), dense('c', 5), dense('out', 2))
    expect(without(make(), 'b').getLayer('c').getWeights()[0]?.shape).toEqual([4, 5])
    expect(() => takeOut(tf, make(), ['b'], { strict: true, run: true })).toThrow('and the study keeps the weights')
    expect(takeOut(tf, make(), ['c'], { strict: true, run: true }).left.layers).toHaveLength(3)
  })

  it('are in every trial what they are in the base', async () => {
    const pretrained = await loaded(line(dense('a', 4, { inputShape: [4] }), dense('b', 4), dense('out', 2)))
    const experiment = defineExperiment('file:///here.ts', {
      name: 'pretrained',
      model: () => pretrained,
      train: ({ model }) => ({ first: model().getLayer('a').getWeights()[0]?.dataSync()[0] ?? NaN }),
    })
    const run: RunInfo = { kind: 'ablation', experiment: 'e', contextName: 'ablate', trial: 0, attempt: 1, seed: 1 }
    const sink = { point: () => {}, line: () => {}, stopReason: () => undefined, now: () => 0 }
    const first = async (...components: Ablated['components']) => {
      const ablated = { components, repeat: 0, keepWeights: false }
      const { outcome } = await runTraining(experiment, { hparams: {}, objectives: [], run, sink, ablated })
      return outcome.kind === 'done' ? outcome.metrics['first'] : outcome
    }
    const base = await first()
    expect(base).not.toBeNaN()
    expect(await first({ kind: 'layers', name: 'layer:b', layers: ['b'] })).toBe(base)
  })
})

describe('what a layer was made with', () => {
  it('stays, though no configuration could say it: initializers, regularizers and constraints of one’s own', async () => {
    const Initializer = Object.getPrototypeOf(tf.initializers.zeros().constructor) as new () => object
    class Third extends Initializer {
      static className = 'FidelityThird'
      apply(shape: Tfjs.Shape) {
        return tf.fill(shape as number[], 1 / 3)
      }
    }
    const Regularizer = Object.getPrototypeOf(tf.regularizers.l2().constructor) as new () => object
    class Hundredfold extends Regularizer {
      static className = 'FidelityHundredfold'
      apply(x: Tfjs.Tensor) {
        return x.abs().sum().mul(100).asScalar()
      }
    }
    const model = line(
      dense('a', 4, { inputShape: [4] }),
      dense('b', 4),
      dense('out', 1, {
        kernelInitializer: new Third() as never,
        kernelRegularizer: new Hundredfold() as never,
        kernelConstraint: tf.constraints.nonNeg(),
      }),
    )
    const left = without(compiled(model, tf.train.sgd(10)), 'b')
    expect(valuesOf(left, 'out')[0]?.[0]).toBeCloseTo(1 / 3)
    const { history } = await fit(left)
    expect(history['loss']?.[0]).toBeGreaterThan(100)
    const constraint = (of: Model) => Reflect.get(of.getLayer('out'), 'kernelConstraint') as object
    expect(constraint(left)).toBe(constraint(model))
  })

  it('stays: a part of the model that the program has kept is trained with it, and its layers have their outputs', async () => {
    const x = tf.input({ shape: [4] })
    const code = dense('code', 2).apply(dense('a').apply(x)) as Symbolic
    const encoder = tf.model({ inputs: x, outputs: code })
    const hidden = dense('b').apply(dense('c').apply(code)) as Symbolic
    const model = compiled(
      tf.model({ inputs: x, outputs: dense('out', 4).apply(hidden) as Symbolic }),
      tf.train.sgd(0.5),
    )
    Object.assign(model, { encoder })
    const left = without(model, 'b') as Model & { encoder: Model }
    const before = valuesOf(encoder, 'code')
    await fit(left)
    expect(valuesOf(encoder, 'code')).toEqual(valuesOf(left, 'code'))
    expect(valuesOf(encoder, 'code')).not.toEqual(before)
    expect(left.encoder).toBe(encoder)
    const features = tf.model({ inputs: left.inputs, outputs: left.getLayer('code').output })
    expect((features.predict(tf.ones([1, 4])) as Tfjs.Tensor).shape).toEqual([1, 2])
  })
})

describe('what a model was compiled with', () => {
  const two = () => {
    const x = tf.input({ shape: [4] })
    const hidden = dense('b').apply(dense('a').apply(x)) as Symbolic
    return tf.model({ inputs: x, outputs: ['one', 'two'].map((name) => dense(name, 1).apply(hidden) as Symbolic) })
  }

  it('stays: losses and metrics by name or as functions, and the very optimizer', async () => {
    const model = two()
    const mine = (yTrue: Tfjs.Tensor, yPredicted: Tfjs.Tensor) => tf.losses.absoluteDifference(yTrue, yPredicted)
    const optimizer = tf.train.momentum(0.02, 0.7, true)
    model.compile({ optimizer, loss: { one: 'meanSquaredError', two: mine as never }, metrics: { two: mine as never } })
    const left = without(model, 'b')
    expect(left.optimizer).toBe(optimizer)
    expect(left.loss).toBe(model.loss)
    expect(left.metricsNames).toEqual(model.metricsNames)
    expect(Object.keys((await fit(left)).history)).toEqual(
      expect.arrayContaining(['loss', 'one_loss', 'two_loss', 'two_mine']),
    )
    const beside = removeLayers(tf, model, ['b'])
    expect(beside.optimizer).not.toBe(optimizer)
    expect(beside.optimizer.getConfig()).toEqual(optimizer.getConfig())
  })

  it('stays: the moments of an optimizer that was used, each with its own variable', async () => {
    const model = compiled(line(dense('a', 4, { inputShape: [4] }), dense('b', 4), dense('out', 1)))
    await fit(model)
    type Moments = { accumulatedFirstMoment: { variable: Tfjs.Variable }[] }
    const moments = (model.optimizer as unknown as Moments).accumulatedFirstMoment.map(({ variable }) => variable)
    examine(tf, model, [['b']], false)
    expect((model.optimizer as unknown as Moments).accumulatedFirstMoment.map(({ variable }) => variable)).toEqual(
      moments,
    )
    const left = without(model, 'b')
    const kept = (left.optimizer as unknown as Moments).accumulatedFirstMoment.map(({ variable }) => variable)
    expect(kept).toEqual([moments[0], moments[1], moments[4], moments[5]])
    await fit(left)
  })

  it('is nothing where it was not compiled', () => {
    expect((without(two(), 'b') as { optimizer?: unknown }).optimizer).toBeUndefined()
  })
})

describe('what is more than its layers', () => {
  it('is refused: a model of a class of its own', () => {
    class Doubled extends tf.LayersModel {
      override predict(x: Tfjs.Tensor): Tfjs.Tensor {
        return (super.predict(x) as Tfjs.Tensor).mul(2)
      }
    }
    const { inputs, outputs } = line(dense('a', 4, { inputShape: [4] }), dense('b', 4), dense('out', 1))
    expect(() => without(new Doubled({ inputs, outputs, name: 'doubled' }), 'b')).toThrow(
      'b cannot be left out: the model is of a class of its own (Doubled), which may do more than its layers do',
    )
  })

  it('is refused: a removal after which nothing could be trained', () => {
    const model = line(dense('a', 4, { inputShape: [4] }), dense('out', 4, { trainable: false }))
    expect(() => without(model, 'a')).toThrow('nothing that is trained would be left')
  })
})

describe('a model that Keras has written', () => {
  it('is one like any other: tfjs has a class of its own for it', async () => {
    const x = tf.input({ shape: [4], name: 'x' })
    const hidden = dense('b').apply(dense('a').apply(x)) as Symbolic
    const made = tf.model({ inputs: x, outputs: dense('out', 1).apply(hidden) as Symbolic })
    const config = made.toJSON(null, false) as { config: object }
    const model = await tf.models.modelFromJSON({ ...config, class_name: 'Functional' } as never)
    expect(model.getClassName()).toBe('Functional')
    const left = without(compiled(model), 'b')
    expect(left.layers.map(({ name }) => name)).toEqual(['x', 'a', 'out'])
    await fit(left)
  })
})

describe('a layer without a name', () => {
  const model = () =>
    line(
      tf.layers.dense({ units: 4, inputShape: [4] }),
      tf.layers.dropout({ rate: 0.5 }),
      tf.layers.dense({ units: 1 }),
    )

  it('is meant by its place and class in every trial of a warm runner, though tfjs counts on', () => {
    const names = [0, 1].map(() => without(model(), { at: 1, type: 'Dropout' }).layers.map(({ name }) => name))
    expect(names[0]).not.toEqual(names[1])
    for (const left of names) expect(left.some((name) => name.startsWith('dropout'))).toBe(false)
  })

  it('is refused where the model has another in its place', () => {
    expect(() => without(model(), { at: 0, type: 'Dropout' })).toThrow(
      'Dropout at 0 cannot be left out: the layer at 0 is a Dense in this trial’s model, and was a Dropout when the study was resolved',
    )
    expect(() => without(model(), { at: 7 })).toThrow('there is no layer at 7; there are dense')
  })
})
