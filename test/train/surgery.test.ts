/** Model surgery over a zoo of models: each removal trains a step, or is refused with its reason; none is silently the base. */
import type * as Tfjs from '@tensorflow/tfjs'
import { beforeAll, describe, expect, it } from 'vitest'
import { graphOf, layerNames, layersBetween, tfjsHere, removeLayers, type Tf } from '../../src/train/index.ts'

let tf: Tf
beforeAll(() => {
  tf = tfjsHere()
})

type Model = Tfjs.LayersModel
const compiled = (model: Model): Model => {
  model.compile({ optimizer: tf.train.adam(0.01), loss: 'meanSquaredError', metrics: ['mse'] })
  return model
}
const dense = (name: string, units = 4) => tf.layers.dense({ name, units, activation: 'tanh' })
const symbolic = (tensor: unknown) => tensor as Tfjs.SymbolicTensor

const zoo: Readonly<Record<string, () => Model>> = {
  sequential: () =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({ name: 'conv1', inputShape: [6, 6, 1], filters: 2, kernelSize: 3 }),
        tf.layers.conv2d({ name: 'conv2', filters: 3, kernelSize: 3 }),
        tf.layers.dropout({ name: 'dropout', rate: 0.1 }),
        tf.layers.flatten({ name: 'flatten' }),
        dense('hidden'),
        dense('out', 2),
      ],
    }),
  residual: () => {
    const x = tf.input({ shape: [4], name: 'x' })
    const a = symbolic(dense('a').apply(x))
    const c = symbolic(dense('c').apply(symbolic(dense('b').apply(a))))
    const sum = symbolic(tf.layers.add({ name: 'sum' }).apply([a, c]))
    return tf.model({ inputs: x, outputs: symbolic(dense('out', 2).apply(sum)) })
  },
  inception: () => {
    const x = tf.input({ shape: [6, 6, 1], name: 'x' })
    const conv = (name: string, kernelSize: number) =>
      tf.layers.conv2d({ name, kernelSize, filters: 2, padding: 'same' })
    const stem = symbolic(conv('stem', 1).apply(x))
    const one = symbolic(conv('one', 1).apply(stem))
    const three = symbolic(conv('three_b', 3).apply(symbolic(conv('three_a', 1).apply(stem))))
    const pool = tf.layers.maxPooling2d({ name: 'pool', poolSize: 3, strides: 1, padding: 'same' })
    const mixed = tf.layers.concatenate({ name: 'mixed' }).apply([one, three, symbolic(pool.apply(stem))])
    const flat = symbolic(tf.layers.globalAveragePooling2d({ name: 'average' }).apply(symbolic(mixed)))
    return tf.model({ inputs: x, outputs: symbolic(dense('out', 2).apply(flat)) })
  },
  'multi-input': () => {
    const left = tf.input({ shape: [3], name: 'left' })
    const right = tf.input({ shape: [5], name: 'right' })
    const l = symbolic(dense('left2').apply(symbolic(dense('left1').apply(left))))
    const both = tf.layers.concatenate({ name: 'both' }).apply([l, symbolic(dense('right1').apply(right))])
    return tf.model({ inputs: [left, right], outputs: symbolic(dense('out', 2).apply(symbolic(both))) })
  },
  shared: () => {
    const left = tf.input({ shape: [4], name: 'left' })
    const right = tf.input({ shape: [4], name: 'right' })
    const tower = dense('tower')
    const extra = symbolic(dense('extra').apply(symbolic(tower.apply(left))))
    const times = tf.layers.multiply({ name: 'times' }).apply([extra, symbolic(tower.apply(right))])
    return tf.model({ inputs: [left, right], outputs: symbolic(dense('out', 2).apply(symbolic(times))) })
  },
  'batch-norm': () =>
    tf.sequential({
      layers: [
        tf.layers.dense({ name: 'a', inputShape: [4], units: 4 }),
        tf.layers.batchNormalization({ name: 'norm' }),
        tf.layers.activation({ name: 'relu', activation: 'relu' }),
        dense('out', 2),
      ],
    }),
  lstm: () => {
    const inner = tf.layers.lstm({ units: 3, returnSequences: true })
    return tf.sequential({
      layers: [
        tf.layers.lstm({ name: 'lstm1', inputShape: [5, 3], units: 3, returnSequences: true }),
        tf.layers.bidirectional({ name: 'both', layer: inner, mergeMode: 'concat' }),
        tf.layers.lstm({ name: 'lstm2', units: 3 }),
        dense('out', 2),
      ],
    })
  },
}

/** Who feeds whom. */
function edgesOf(model: Model): string[] {
  const edges = new Set<string>()
  const walk = (tensor: Tfjs.SymbolicTensor): void => {
    for (const before of tensor.sourceLayer.inboundNodes[tensor.nodeIndex]?.inputTensors ?? []) {
      // An input layer is fed by itself.
      if (before.id === tensor.id) continue
      const from = before.sourceLayer.name.endsWith('_input') ? 'input' : before.sourceLayer.name
      edges.add(`${from}>${tensor.sourceLayer.name}`)
      walk(before)
    }
  }
  for (const output of model.outputs) walk(output)
  return [...edges].sort()
}

const weightsOf = (model: Model, name: string) =>
  model
    .getLayer(name)
    .getWeights()
    .map((weight) => [...weight.dataSync()])

async function trainStep(model: Model): Promise<void> {
  const batch = (shape: readonly (number | null)[]) => tf.randomNormal([4, ...shape.slice(1).map((size) => size ?? 1)])
  const before = weightsOf(model, 'out')
  const { history } = await model.fit(
    model.inputs.map(({ shape }) => batch(shape)),
    model.outputs.map(({ shape }) => batch(shape)),
    { epochs: 1, verbose: 0 },
  )
  expect(Number.isFinite(history['loss']?.[0])).toBe(true)
  expect(weightsOf(model, 'out')).not.toEqual(before)
}

/** A model, what goes, and an edge of the graph that is left; or why it cannot go. */
const removals: readonly (readonly [string, readonly string[], string | RegExp])[] = [
  ['sequential', ['conv1'], 'input>conv2'],
  ['sequential', ['conv2'], 'conv1>dropout'],
  ['sequential', ['conv1', 'conv2'], 'input>dropout'],
  ['sequential', ['dropout'], 'conv2>flatten'],
  ['sequential', ['hidden'], 'flatten>out'],
  ['sequential', ['flatten'], /the model would end in \[-,2,2,2\] instead of \[-,2\]/],
  ['sequential', ['out'], /out is an output layer: without it the model would end in \[-,4\] instead of \[-,2\]/],
  ['sequential', ['nobody'], /there is no layer nobody; there are conv1, conv2, dropout, flatten, hidden, out/],
  ['residual', ['b'], 'a>c'],
  ['residual', ['b', 'c'], 'a>out'],
  ['residual', ['b', 'c', 'sum'], 'a>out'],
  ['residual', ['sum'], /sum merges \[-,4\] and \[-,4\], and nothing says which of them takes its place/],
  ['inception', ['one'], 'three_b>mixed'],
  ['inception', ['three_a'], 'stem>three_b'],
  ['inception', ['three_a', 'three_b'], 'one>mixed'],
  ['inception', ['three_a', 'three_b', 'pool'], 'one>average'],
  ['inception', ['one', 'three_a', 'three_b', 'pool'], 'stem>average'],
  ['inception', ['average'], /the model would end in \[-,6,6,2\] instead of \[-,2\]/],
  ['multi-input', ['left1'], 'left>left2'],
  ['multi-input', ['left1', 'left2'], 'left>both'],
  ['multi-input', ['right1'], 'right>both'],
  ['shared', ['extra'], 'tower>times'],
  ['shared', ['tower'], 'right>times'],
  ['batch-norm', ['norm'], 'a>relu'],
  ['batch-norm', ['a'], 'input>norm'],
  ['lstm', ['lstm1'], 'input>both'],
  ['lstm', ['both'], 'lstm1>lstm2'],
  ['lstm', ['lstm2'], /the model would end in \[-,5,2\] instead of \[-,2\]/],
]

describe('surgery over a zoo of models', () => {
  it.each(removals)('on %s without %s', async (kind, names, expected) => {
    const base = compiled(zoo[kind]?.() as Model)
    const graph = edgesOf(base)
    if (expected instanceof RegExp) {
      expect(() => removeLayers(tf, base, names)).toThrow(expected)
      return
    }
    const left = removeLayers(tf, base, names)
    for (const name of names) expect(layerNames(left)).not.toContain(name)
    expect(edgesOf(left)).not.toEqual(graph)
    expect(edgesOf(left)).toContain(expected)
    // Only what has no weights, in a place where shapes stay, leaves the count as it was.
    if (names.join() === 'dropout') expect(left.countParams()).toBe(base.countParams())
    else expect(left.countParams()).not.toBe(base.countParams())
    expect(left.outputs.map(({ shape }) => shape)).toEqual(base.outputs.map(({ shape }) => shape))
    expect(left.inputs.map(({ shape }) => shape)).toEqual(base.inputs.map(({ shape }) => shape))
    await trainStep(left)
    expect(edgesOf(base)).toEqual(graph)
  })

  it('tells the layers, their parameters and who feeds whom, as they are drawn', () => {
    for (const make of Object.values(zoo)) {
      const model = make()
      const graph = graphOf(model) ?? []
      const called = ({ name, type }: (typeof graph)[number]) =>
        type === 'InputLayer' && name.endsWith('_input') ? 'input' : name
      const edges = graph.flatMap((layer) =>
        layer.fedBy.map((at) => `${called(graph[at] as (typeof graph)[number])}>${called(layer)}`),
      )
      expect(edges.sort()).toEqual(edgesOf(model))
      expect(graph.filter(({ type }) => type !== 'InputLayer').map(({ name }) => name)).toEqual(layerNames(model))
      expect(graph.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(model.countParams())
    }
  })

  it('keeps a sequential model one, and its compilation', () => {
    const left = removeLayers(tf, compiled(zoo['sequential']?.() as Model), ['conv2'])
    expect(left).toBeInstanceOf(tf.Sequential)
    expect(left.optimizer.getClassName()).toBe('Adam')
    expect(left.loss).toBe('meanSquaredError')
  })

  it('keeps the weights of what stays if asked, and only where their shapes stay', () => {
    const base = compiled(zoo['sequential']?.() as Model)
    const kept = removeLayers(tf, base, ['conv2'], { keepWeights: true })
    expect(weightsOf(kept, 'conv1')).toEqual(weightsOf(base, 'conv1'))
    expect(weightsOf(kept, 'out')).toEqual(weightsOf(base, 'out'))
    expect(weightsOf(kept, 'hidden')[0]).toHaveLength(4 * 4 * 2 * 4)
    expect(weightsOf(removeLayers(tf, base, ['conv2']), 'out')).not.toEqual(weightsOf(base, 'out'))
  })

  it('keeps a layer that is shared as one', () => {
    const base = compiled(zoo['shared']?.() as Model)
    const left = removeLayers(tf, base, ['extra'])
    expect(edgesOf(left)).toEqual(expect.arrayContaining(['left>tower', 'right>tower']))
    expect(left.countParams()).toBe(base.countParams() - base.getLayer('extra').countParams())
  })

  it('finds the block between two tensors', () => {
    const between = (kind: string, from: string, to: string) => {
      const model = zoo[kind]?.() as Model
      const names = layerNames(model)
      return layersBetween(model, names.indexOf(from), names.indexOf(to))?.map((at) => names[at])
    }
    expect(between('residual', 'a', 'sum')).toEqual(['b', 'c', 'sum'])
    expect(between('inception', 'stem', 'three_b')).toEqual(['three_a', 'three_b'])
    expect(between('residual', 'out', 'a')).toBeUndefined()
    expect(between('sequential', 'conv1', 'dropout')).toEqual(['conv2', 'dropout'])
  })

  it('makes nested models anew', async () => {
    const inner = tf.sequential({ name: 'inner', layers: [tf.layers.dense({ name: 'in', inputShape: [4], units: 4 })] })
    const x = tf.input({ shape: [4], name: 'x' })
    const y = symbolic(dense('after').apply(symbolic(inner.apply(symbolic(dense('before').apply(x))))))
    const model = compiled(tf.model({ inputs: x, outputs: symbolic(dense('out', 2).apply(y)) }))
    const left = removeLayers(tf, model, ['after'])
    expect(left.countParams()).toBe(model.countParams() - 20)
    await trainStep(left)
    expect(removeLayers(tf, model, ['inner']).countParams()).toBe(model.countParams() - 20)
  })

  it('refuses a model that has no input shape yet', () => {
    expect(() => removeLayers(tf, tf.sequential(), ['a'])).toThrow('the model has no input shape yet')
  })
})
