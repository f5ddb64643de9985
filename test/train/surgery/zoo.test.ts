/** Each layer of each architecture is left out: the model that is left trains, or it was refused before any trial, with its reason. */
import type * as Tfjs from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { codeOf } from '../../../protocol/index.ts'
import { removeLayers, tfjsHere } from '../../../src/train/index.ts'
import { examine, layerNames, takeOut } from '../../../src/train/surgery/index.ts'
import { zooOf, type Model } from './zoo.ts'

const tf = tfjsHere()
const zoo = zooOf(tf)

/** What cannot go, and why; everything else can. */
const refusals: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  cnn: { average: /the model would end in \[-,2,2,3\] instead of \[-,3\]/ },
  unnamed: { 'Dense at 4': /is an output layer: without it the model would end in \[-,4\] instead of \[-,1\]/ },
  'explicit-input': { out: /is an output layer/ },
  skip: { sum: /sum merges \[-,4\] and \[-,4\], and nothing says which/, out: /is an output layer/ },
  'two in, two out': {
    both: /both merges \[-,4\] and \[-,4\]/,
    pre: /the model would end in \[-,8\] and \[-,1\] instead of \[-,2\] and \[-,1\]/,
    one: /one is an output layer, and its output is known by its name/,
    two: /is an output layer/,
  },
  'shared tower': { times: /times merges/, out: /is an output layer/ },
  'sequence to sequence': {
    decoder: /encoder would feed nothing any more; leave them out together/,
    out: /is an output layer/,
  },
  'summary as a state': { decoder: /the model would end in \[-,5,1\] instead of \[-,1\]/, out: /is an output layer/ },
  'gru from gru': { started: /the model would end in \[-,5,1\] instead of \[-,1\]/, out: /is an output layer/ },
  text: {
    embedding: /both would get \[-,6\] instead of \[-,6,4\]: .*expected ndim=3/,
    lstm: /the model would end in \[-,6,2\] instead of \[-,2\]/,
    out: /is an output layer/,
  },
  'own attention': { attention: /the model would end in \[-,5,1\] instead of \[-,1\]/, out: /is an output layer/ },
  'scaled, not said': {
    wide: /plain cannot be copied: made anew from its getConfig\(\) it has by 1 instead of 0.5/,
    out: /is an output layer/,
  },
  transfer: { flatten: /the model would end in \[-,2,2,2\] instead of \[-,2\]/, out: /is an output layer/ },
  'head of its own': {
    same: /head is a model that takes \[-,8\], and would get \[-,6\]/,
    head: /head is an output layer/,
  },
  'models in a line': { out: /is an output layer/ },
  'open time': {
    rnn: /reshape would get \[-,-,4\] instead of \[-,4\], and the model does not run/,
    reshape: /flatten would get \[-,4\] instead of \[-,2,2\]/,
    flatten: /the model would end in \[-,2,1\] instead of \[-,1\]/,
    out: /is an output layer/,
  },
  'strange names': { out: /is an output layer/ },
}

const refusalOf = (kind: string, name: string) => {
  const those = refusals[kind] ?? {}
  return Object.hasOwn(those, name) ? those[name] : undefined
}

const compiled = (model: Model): Model => {
  model.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError', metrics: ['mse'] })
  return model
}
/** Whole numbers, which an embedding takes too. */
const batch = (tensors: readonly Tfjs.SymbolicTensor[], size = 4) =>
  tensors.map(({ shape }) =>
    tf.randomUniform([size, ...shape.slice(1).map((one) => one ?? 6)], 0, 3, 'int32').toFloat(),
  )
const valuesOf = (model: Model) => model.weights.map((weight) => [...weight.read().dataSync()])
const distance = (one: readonly number[][], other: readonly number[][]) =>
  Math.max(
    ...one.map((values, at) => Math.max(...values.map((value, index) => Math.abs(value - (other[at]?.[index] ?? 9))))),
  )

async function trainStep(model: Model): Promise<void> {
  const before = valuesOf(model)
  const [xs, ys] = [batch(model.inputs), batch(model.outputs)]
  const { history } = await model.fit(xs, ys, { epochs: 1, verbose: 0 })
  expect(Number.isFinite(history['loss']?.[0])).toBe(true)
  expect(distance(valuesOf(model), before)).toBeGreaterThan(0)
}

const cases = Object.keys(zoo).flatMap((kind) => {
  const names = layerNames((zoo[kind] as () => Model)())
  return names.map((name, at): [string, string, number] => {
    return [kind, kind === 'unnamed' ? `${name.startsWith('dense') ? 'Dense' : 'Dropout'} at ${at}` : name, at]
  })
})

describe('of a zoo of architectures', () => {
  it.each(cases)('%s: %s is left out, and what is left trains, or it is refused early', async (kind, name, at) => {
    const make = () => compiled((zoo[kind] as () => Model)())
    const base = make()
    const values = valuesOf(base)
    const [finding] = examine(tf, base, [[{ at }]], false)
    const found = finding?.refused
    // Looking leaves no trace.
    expect(valuesOf(base)).toEqual(values)
    await trainStep(base)
    const expected = refusalOf(kind, name)
    if (expected !== undefined) {
      expect(found?.message).toMatch(expected)
      expect(codeOf(found)).toBe('SURGERY_REFUSED')
      // Nothing is told as a change that is none.
      expect(found?.message).not.toMatch(/(\[[^\]]*\]) instead of \1(?! and)/)
      expect(() => takeOut(tf, make(), [{ at }], { strict: false, run: true })).toThrow(expected)
      return
    }
    expect(found?.message).toBeUndefined()
    const whole = make()
    const trained = new Set(whole.trainableWeights)
    const [gone] = [whole.layers.filter((one) => one.getClassName() !== 'InputLayer')[at]]
    const { left } = takeOut(tf, whole, [{ at }], { strict: false, run: true })
    expect(layerNames(left)).toEqual(layerNames(whole).filter((_, index) => index !== at))
    expect(left.outputs.map(({ shape }) => shape)).toEqual(whole.outputs.map(({ shape }) => shape))
    expect(left.inputNames).toEqual(whole.inputNames)
    // What stays is trained as before, and what was not is not.
    for (const weight of left.weights) {
      if (whole.weights.includes(weight)) expect(left.trainableWeights.includes(weight)).toBe(trained.has(weight))
    }
    expect(left.weights.filter((weight) => gone?.weights.includes(weight))).toEqual([])
    await trainStep(left)
  })

  it.each([
    ['sequence to sequence', 'encoder', ['decoder begins with a state of its own, zeros']],
    ['cnn', 'separable', ['logits begins anew: its weights are [2,3] and [3] instead of [3,3] and [3]']],
    ['cnn', 'dropout', []],
  ])('%s without %s: what else is different is said', (kind, name, notes) => {
    expect(examine(tf, compiled((zoo[kind] as () => Model)()), [[name]], false)).toEqual([{ notes }])
  })

  it.each(cases)('%s without %s, as a model beside it, is the same model', (kind, name, at) => {
    const base = compiled((zoo[kind] as () => Model)())
    if (refusalOf(kind, name) !== undefined) {
      expect(() => removeLayers(tf, base, [{ at }], { keepWeights: true })).toThrow('cannot be left out')
      return
    }
    const values = valuesOf(base)
    let beside: Model
    try {
      beside = removeLayers(tf, base, [{ at }], { keepWeights: true })
    } catch (error) {
      // What does not say how it was made cannot be made again; in place of the base it need not be.
      expect(kind).toBe('scaled, not said')
      expect(String(error)).toMatch(/(plain|weighted) cannot be copied|needy cannot be made anew .*reads table/)
      return
    }
    expect(beside.weights.some((weight) => base.weights.includes(weight))).toBe(false)
    const { left } = takeOut(tf, base, [{ at }], { strict: false, run: true })
    expect(beside.countParams()).toBe(left.countParams())
    expect(beside.trainableWeights.map(({ shape }) => shape)).toEqual(left.trainableWeights.map(({ shape }) => shape))
    if (beside.weights.some((_, index) => distance([valuesOf(beside)[index] ?? []], [valuesOf(left)[index] ?? []]) > 0))
      return
    const xs = batch(base.inputs)
    const [one, other] = [beside, left].map((model) => [model.predict(xs)].flat().map((each) => [...each.dataSync()]))
    expect(distance(one ?? [], other ?? [[9]])).toBeLessThan(1e-6)
    expect(valuesOf(base)).toEqual(values)
  })
})
