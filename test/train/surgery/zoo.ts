/** Architectures as programs write them, most of them without names for their layers where these do not matter. */
import type * as Tfjs from '@tensorflow/tfjs'
import type { Tf } from '../../../src/train/index.ts'

export type Model = Tfjs.LayersModel
type Symbolic = Tfjs.SymbolicTensor

/** A layer of the user's own, whose configuration says all that it was made with. */
export function attention(tf: Tf, name: string, units: number): Tfjs.layers.Layer {
  class Attention extends tf.layers.Layer {
    static className = 'ZooAttention'
    readonly units: number
    #score: Tfjs.LayerVariable | undefined
    constructor(config: { name?: string; units: number }) {
      super(config)
      this.units = config.units
    }
    override build(shape: Tfjs.Shape): void {
      const last = shape.at(-1) ?? 1
      this.#score = this.addWeight('score', [last, this.units], 'float32', tf.initializers.glorotUniform({}))
      this.built = true
    }
    override computeOutputShape(shape: Tfjs.Shape): Tfjs.Shape {
      return [shape[0] ?? null, this.units]
    }
    override call(inputs: Tfjs.Tensor | Tfjs.Tensor[]): Tfjs.Tensor {
      return tf.tidy(() => {
        const x = (Array.isArray(inputs) ? inputs[0] : inputs) as Tfjs.Tensor3D
        const kernel = this.#score?.read() as Tfjs.Tensor2D
        const [batch, time, size] = x.shape
        const scores = x
          .reshape([batch * time, size])
          .matMul(kernel)
          .reshape([batch, time, this.units])
        return scores.softmax(2).mean(1)
      })
    }
    override getConfig(): Tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), units: this.units }
    }
  }
  return new Attention({ name, units })
}

/** A layer of the user's own, whose configuration does not say by how much it scales. */
export function scale(tf: Tf, name: string, by: number, weighted = false): Tfjs.layers.Layer {
  class Scale extends tf.layers.Layer {
    static className = 'ZooScale'
    readonly by: number
    gain: Tfjs.LayerVariable | undefined
    constructor(config: { name?: string; by?: number }) {
      super(config)
      this.by = config.by ?? 1
    }
    override build(shape: Tfjs.Shape): void {
      if (weighted) this.gain = this.addWeight('gain', [shape.at(-1) ?? 1], 'float32', tf.initializers.ones())
      this.built = true
    }
    override computeOutputShape(shape: Tfjs.Shape): Tfjs.Shape {
      return shape
    }
    override call(inputs: Tfjs.Tensor | Tfjs.Tensor[]): Tfjs.Tensor {
      return tf.tidy(() => {
        const x = (Array.isArray(inputs) ? inputs[0] : inputs) as Tfjs.Tensor
        const scaled = x.mul(this.by)
        return this.gain === undefined ? scaled : scaled.mul(this.gain.read())
      })
    }
  }
  return new Scale({ name, by })
}

/** A layer of the user's own that cannot be made from its configuration at all. */
export function needy(tf: Tf, name: string, table: readonly number[]): Tfjs.layers.Layer {
  class Needy extends tf.layers.Layer {
    static className = 'ZooNeedy'
    readonly size: number
    kernel: Tfjs.LayerVariable | undefined
    constructor(config: { name?: string; table: readonly number[] }) {
      super(config)
      this.size = config.table.length
    }
    override build(shape: Tfjs.Shape): void {
      this.kernel = this.addWeight(
        'kernel',
        [shape.at(-1) ?? 1, this.size],
        'float32',
        tf.initializers.glorotUniform({}),
      )
      this.built = true
    }
    override computeOutputShape(shape: Tfjs.Shape): Tfjs.Shape {
      return [...shape.slice(0, -1), this.size]
    }
    override call(inputs: Tfjs.Tensor | Tfjs.Tensor[]): Tfjs.Tensor {
      const x = (Array.isArray(inputs) ? inputs[0] : inputs) as Tfjs.Tensor2D
      return tf.tidy(() => x.matMul(this.kernel?.read() as Tfjs.Tensor2D))
    }
  }
  return new Needy({ name, table })
}

/** By name; each call makes a new one. */
export function zooOf(tf: Tf): Readonly<Record<string, () => Model>> {
  const { layers } = tf
  const dense = (name: string, units = 4) => layers.dense({ name, units, activation: 'tanh' })
  const on = (layer: Tfjs.layers.Layer, ...fed: unknown[]) =>
    layer.apply((fed.length === 1 ? fed[0] : fed) as Symbolic) as Symbolic
  const many = (layer: Tfjs.layers.Layer, fed: unknown, more?: Record<string, unknown>) =>
    layer.apply(fed as Symbolic, more) as unknown as Symbolic[]
  return {
    cnn: () =>
      tf.sequential({
        layers: [
          layers.conv2d({ name: 'conv1', inputShape: [8, 8, 1], filters: 2, kernelSize: 3, padding: 'same' }),
          layers.batchNormalization({ name: 'norm' }),
          layers.activation({ name: 'relu', activation: 'relu' }),
          layers.maxPooling2d({ name: 'pool', poolSize: 2 }),
          layers.depthwiseConv2d({ name: 'depthwise', kernelSize: 3, padding: 'same' }),
          layers.separableConv2d({ name: 'separable', filters: 3, kernelSize: 3 }),
          layers.dropout({ name: 'dropout', rate: 0.2 }),
          layers.globalAveragePooling2d({ name: 'average' }),
          layers.dense({ name: 'logits', units: 3 }),
          layers.softmax({ name: 'softmax' }),
        ],
      }),
    unnamed: () =>
      tf.sequential({
        layers: [
          layers.dense({ inputShape: [4], units: 4 }),
          layers.dropout({ rate: 0.5 }),
          layers.dense({ units: 4 }),
          layers.dropout({ rate: 0.5 }),
          layers.dense({ units: 1 }),
        ],
      }),
    'explicit-input': () =>
      tf.sequential({
        layers: [layers.inputLayer({ inputShape: [4], name: 'given' }), dense('a'), dense('b', 3), dense('out', 2)],
      }),
    skip: () => {
      const x = tf.input({ shape: [4], name: 'x' })
      const a = on(dense('a'), x)
      const b = on(layers.batchNormalization({ name: 'b' }), a)
      const sum = on(layers.add({ name: 'sum' }), on(dense('c'), b), a)
      return tf.model({ inputs: x, outputs: on(dense('out', 2), sum) })
    },
    'two in, two out': () => {
      const left = tf.input({ shape: [3], name: 'left' })
      const right = tf.input({ shape: [4], name: 'right' })
      const l = on(dense('l2'), on(dense('l1'), left))
      const both = on(layers.concatenate({ name: 'both' }), l, on(dense('r1'), right))
      const one = on(layers.activation({ name: 'one', activation: 'linear' }), on(dense('pre', 2), both))
      return tf.model({ inputs: [left, right], outputs: [one, on(dense('two', 1), both)] })
    },
    'shared tower': () => {
      const left = tf.input({ shape: [4], name: 'left' })
      const right = tf.input({ shape: [4], name: 'right' })
      const tower = dense('tower')
      const l = on(tower, on(dense('only-left'), left))
      const apart = on(layers.multiply({ name: 'times' }), l, on(tower, right))
      return tf.model({ inputs: [left, right], outputs: on(dense('out', 1), apart) })
    },
    'sequence to sequence': () => {
      const from = tf.input({ shape: [5, 3], name: 'from' })
      const to = tf.input({ shape: [6, 2], name: 'to' })
      const encoder = layers.lstm({ name: 'encoder', units: 4, returnState: true })
      const [, h, c] = many(encoder, from)
      const decoder = layers.lstm({ name: 'decoder', units: 4, returnSequences: true })
      const decoded = decoder.apply(to, { initialState: [h, c] }) as Symbolic
      const out = layers.timeDistributed({ name: 'out', layer: layers.dense({ units: 2 }) })
      return tf.model({ inputs: [from, to], outputs: on(out, decoded) })
    },
    'summary as a state': () => {
      const from = tf.input({ shape: [5, 3], name: 'from' })
      const encoder = layers.lstm({ name: 'encoder', units: 4, returnState: true, returnSequences: true })
      const [outputs, h, c] = many(encoder, on(layers.dense({ name: 'before', units: 3 }), from))
      const decoded = layers.lstm({ name: 'decoder', units: 4 }).apply(outputs as Symbolic, {
        initialState: [h, c],
      }) as Symbolic
      return tf.model({ inputs: from, outputs: on(dense('out', 1), decoded) })
    },
    'gru from gru': () => {
      const from = tf.input({ shape: [5, 4], name: 'from' })
      const summary = on(layers.gru({ name: 'summary', units: 4 }), from)
      const started = layers.gru({ name: 'started', units: 4 }).apply(from, { initialState: [summary] })
      return tf.model({ inputs: from, outputs: on(dense('out', 1), started) })
    },
    text: () =>
      tf.sequential({
        layers: [
          layers.embedding({ name: 'embedding', inputDim: 20, outputDim: 4, inputLength: 6, maskZero: true }),
          layers.bidirectional({
            name: 'both',
            layer: layers.lstm({ units: 3, returnSequences: true }),
            mergeMode: 'concat',
          }),
          layers.lstm({ name: 'lstm', units: 3 }),
          layers.layerNormalization({ name: 'normal' }),
          dense('out', 2),
        ],
      }),
    'own attention': () => {
      const x = tf.input({ shape: [5, 4], name: 'x' })
      const h = on(layers.conv1d({ name: 'conv', filters: 4, kernelSize: 3, padding: 'same' }), x)
      const wide = on(layers.dense({ name: 'wide', units: 6 }), h)
      const seen = on(attention(tf, 'attention', 3), wide)
      return tf.model({ inputs: x, outputs: on(dense('out', 1), seen) })
    },
    'scaled, not said': () =>
      tf.sequential({
        layers: [
          layers.dense({ name: 'first', inputShape: [4], units: 4 }),
          layers.dense({ name: 'wide', units: 5 }),
          scale(tf, 'plain', 0.5),
          scale(tf, 'weighted', 0.5, true),
          dense('middle', 5),
          needy(tf, 'needy', [1, 2, 3]),
          dense('out', 1),
        ],
      }),
    transfer: () => {
      const base = tf.sequential({
        name: 'base',
        layers: [
          layers.conv2d({ inputShape: [6, 6, 1], filters: 2, kernelSize: 3 }),
          layers.conv2d({ filters: 3, kernelSize: 3 }),
        ],
      })
      base.trainable = false
      const x = tf.input({ shape: [6, 6, 1], name: 'image' })
      const flat = on(
        layers.flatten({ name: 'flatten' }),
        on(base, on(layers.conv2d({ name: 'stem', filters: 1, kernelSize: 1 }), x)),
      )
      return tf.model({ inputs: x, outputs: on(dense('out', 2), on(dense('hidden'), flat)) })
    },
    'head of its own': () => {
      const head = tf.sequential({
        name: 'head',
        layers: [layers.dense({ inputShape: [8], units: 4 }), dense('last', 2)],
      })
      const x = tf.input({ shape: [8], name: 'x' })
      return tf.model({ inputs: x, outputs: on(head, on(dense('same', 8), on(dense('widen', 6), x))) })
    },
    'models in a line': () =>
      tf.sequential({
        layers: [
          tf.sequential({
            name: 'lower',
            layers: [layers.dense({ inputShape: [4], units: 4 }), layers.dense({ units: 4 })],
          }),
          dense('between'),
          tf.sequential({ name: 'upper', layers: [layers.dense({ inputShape: [4], units: 4 })] }),
          dense('out', 1),
        ],
      }),
    'open time': () =>
      tf.sequential({
        layers: [
          layers.conv1d({ name: 'conv', inputShape: [null, 3], filters: 3, kernelSize: 2 }),
          layers.timeDistributed({ name: 'each', layer: layers.dense({ units: 4 }) }),
          layers.simpleRNN({ name: 'rnn', units: 4 }),
          layers.reshape({ name: 'reshape', targetShape: [2, 2] }),
          layers.flatten({ name: 'flatten' }),
          dense('out', 1),
        ],
      }),
    'strange names': () =>
      tf.sequential({
        layers: [
          layers.dense({ name: 'dense_Dense1', inputShape: [3], units: 3 }),
          layers.dense({ name: 'a/b.c-d', units: 3 }),
          layers.dropout({ name: 'hasOwnProperty', rate: 0.1 }),
          layers.dense({ name: 'constructor', units: 3 }),
          dense('out', 1),
        ],
      }),
  }
}
