/** What a training by several relies on in tfjs, beyond its public interface: another version that has it otherwise fails here. */
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPassedGradients } from '../../src/train/passed-gradients.ts'
import { createReadWeights } from '../../src/train/read-weights.ts'
import { installHooks, type Epoch, type Hooks } from '../../src/train/hooks.ts'
import {
  batchOnTape,
  evaluationsOf,
  iterationsOf,
  atRateTimes,
  reachedOnTape,
  registeredVariables,
  setIterations,
  settingsOf,
  stopsTraining,
  type TfModel,
  toldNames,
} from '../../src/train/tfjs.ts'

beforeAll(async () => {
  await tf.setBackend('cpu')
})

/** Hooks that change nothing, and note what was asked of them. */
let asked: string[]
let epochs: Epoch[]
let uninstall: (() => void) | undefined
const quiet: Hooks = {
  gradients: (f, _variables, compute) => compute(f),
  batch: (_model, samples, outputs, train) => {
    asked.push(`batch of ${samples} with ${outputs} outputs`)
    return { outputs: train(), means: new Map() }
  },
  fit: async (_data, args, fit) => await fit(args),
  reads: (dataset) => ({ size: dataset.size ?? null, iterator: async () => await dataset.iterator() }),
  tests: () => true,
  passEvaluation: () => undefined,
  evaluated: ({ values, samples }) => {
    asked.push(`evaluated on ${samples}`)
    return values
  },
  epochEnd: (epoch) => {
    epochs.push(epoch)
    return {
      trained: epoch.trained.values,
      validated: epoch.validated.samples > 0 ? epoch.validated.values : undefined,
    }
  },
  epochOver: (_model, epoch) => {
    asked.push(`epoch ${epoch} is over`)
  },
  applies: (_, __, apply) => apply(),
  counted: () => {
    asked.push('counted')
  },
  gets: () => undefined,
  sets: () => undefined,
  summarizes: () => undefined,
  computed: () => undefined,
  shuffleSeed: () => 'seed',
}

const install = (change: Partial<Hooks> = {}): void => {
  uninstall = installHooks(tf, { ...quiet, ...change })
}
beforeEach(() => {
  asked = []
  epochs = []
})
afterEach(() => {
  uninstall?.()
  uninstall = undefined
  tf.disposeVariables()
})

function modelOf(metrics: string[] = ['mae']): tf.Sequential {
  const model = tf.sequential()
  model.add(tf.layers.dense({ inputShape: [2], units: 1, kernelInitializer: 'ones' }))
  model.compile({ optimizer: tf.train.sgd(0), loss: 'meanSquaredError', metrics })
  return model
}
const rowsOf = (count: number) => ({
  xs: tf.tensor2d(
    Array.from({ length: count }, (_, at) => [at, 1]),
    [count, 2],
  ),
  ys: tf.zeros<tf.Rank.R2>([count, 1]),
})
const datasetOf = (count: number, batch: number) => {
  const { xs, ys } = rowsOf(count)
  const rows = tf.data.zip({ xs: tf.data.array(xs.arraySync()), ys: tf.data.array(ys.arraySync()) })
  return rows.batch(batch) as tf.data.Dataset<never>
}

describe('What is read of tfjs', () => {
  it('is the variables that there are, in the order in which they were made', () => {
    const made = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2))]
    expect(registeredVariables(tf).slice(-2)).toEqual(made)
  })

  it('is which variable is meant, also where names differ in their numbers only, or are nothing but a number', () => {
    const named = ['embedding/w', 'dense_Dense1/kernel', 'dense_Dense2/kernel', '17'].map((name, at) => ({
      name,
      shape: [2, at],
    }))
    expect(toldNames(named)).toEqual([
      'embedding/w',
      'dense_Dense/kernel (variable 2 of 4, shape [2, 1])',
      'dense_Dense/kernel (variable 3 of 4, shape [2, 2])',
      'variable 4 of 4 (no name, shape [2, 3])',
    ])
  })

  it('is, on the tape, the size of a batch and which variables the loss depends on', () => {
    const [used, unused] = [tf.variable(tf.ones([2, 1])), tf.variable(tf.ones([2, 1]))]
    const x = tf.ones([5, 2])
    let seen: unknown
    const { grads } = tf.variableGrads(() => {
      unused.square()
      const loss = x.matMul(used).square().mean().asScalar()
      const all = [used, unused]
      seen = [batchOnTape(tf), reachedOnTape(tf, all, loss)]
      return loss
    }, [used, unused])
    expect(seen).toEqual([5, [true, false]])
    expect(Object.keys(grads)).toEqual([used.name])
  })

  it.each([
    ['sgd', ['learningRate']],
    ['momentum', ['learningRate', 'momentum']],
    ['adam', ['learningRate', 'beta1', 'beta2', 'epsilon']],
    ['adamax', ['learningRate', 'beta1', 'beta2', 'epsilon', 'decay']],
    ['rmsprop', ['learningRate', 'decay', 'momentum', 'epsilon']],
  ] as const)('is what is set on an optimizer, and how often it has stepped (%s)', (kind, names) => {
    const made = {
      sgd: () => tf.train.sgd(0.5),
      momentum: () => tf.train.momentum(0.5, 0.9),
      adam: () => tf.train.adam(0.5),
      adamax: () => tf.train.adamax(0.5),
      rmsprop: () => tf.train.rmsprop(0.5),
    }
    const optimizer = made[kind]()
    const one = tf.variable(tf.scalar(1))
    optimizer.minimize(() => one.square().asScalar(), false, [one])
    expect(
      settingsOf(optimizer)
        .map(([name]) => name)
        .toSorted(),
    ).toEqual([...names].toSorted())
    expect(iterationsOf(optimizer)).toBe(1)
    setIterations(optimizer, 7)
    expect(optimizer.iterations).toBe(7)
    const rate = () => Object.fromEntries(settingsOf(optimizer))['learningRate']
    const stepsBy = (by: number): number => {
      const [again, fresh] = [tf.variable(tf.scalar(1)), made[kind]()]
      fresh.minimize(() => again.square().asScalar(), false, [again])
      const before = again.dataSync()[0] ?? 0
      const { grads } = tf.variableGrads(() => again.square().asScalar(), [again])
      atRateTimes(by, fresh, () => fresh.applyGradients(grads as never))
      return before - (again.dataSync()[0] ?? 0)
    }
    expect(stepsBy(3)).toBeCloseTo(3 * stepsBy(1), 5)
    atRateTimes(3, optimizer, () => expect(rate()).toBe(1.5))
    expect(rate()).toBe(0.5)
  })

  it('is whether a model is to stop, and how many numbers its evaluation gives', () => {
    // A Sequential hands everything to the model in it.
    const input = tf.input({ shape: [2] })
    const model = tf.model({ inputs: input, outputs: tf.layers.dense({ units: 1 }).apply(input) as tf.SymbolicTensor })
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', metrics: ['mae'] })
    const seen = model as unknown as TfModel
    expect(stopsTraining(seen)).toBe(false)
    model.stopTraining = true
    expect(stopsTraining(seen)).toBe(true)
    expect(evaluationsOf(seen)).toBe(2)
    const { xs, ys } = rowsOf(3)
    expect(model.evaluate(xs, ys)).toHaveLength(2)
  })
})

describe('A hook', () => {
  it('knows batches and epochs of fit, with their samples and what they came to', async () => {
    install()
    const { xs, ys } = rowsOf(8)
    const model = modelOf()
    const history = await model.fit(xs, ys, { batchSize: 4, epochs: 2, validationSplit: 0.25, verbose: 0 })
    expect(asked.filter((one) => one.startsWith('batch'))).toEqual(
      [4, 2, 4, 2].map((size) => `batch of ${size} with 2 outputs`),
    )
    expect(epochs.map(({ number, trained, validated }) => [number, trained.samples, validated.samples])).toEqual([
      [0, 6, 2],
      [1, 6, 2],
    ])
    // Rows n, 1 give n + 1: the squares' mean over 1..6, and over 7 and 8.
    expect(epochs[0]?.trained.values[0]).toBeCloseTo(91 / 6, 4)
    expect(epochs[0]?.validated.values[0]).toBeCloseTo((49 + 64) / 2, 4)
    expect(history.history['val_loss']?.[0]).toBeCloseTo((49 + 64) / 2, 4)
    expect(asked).toContain('epoch 1 is over')
  })

  it('decides what callbacks and History are told of a batch and of an epoch', async () => {
    install({
      batch: (_model, _samples, _outputs, train) => {
        const outputs = train()
        return { outputs, means: new Map(outputs.map((one, at) => [one, 100 + at])) }
      },
      epochEnd: () => ({ trained: [1, 2], validated: [3, 4] }),
    })
    const { xs, ys } = rowsOf(4)
    const told: unknown[] = []
    const history = await modelOf().fit(xs, ys, {
      epochs: 1,
      verbose: 0,
      callbacks: {
        onBatchEnd: async (_batch, logs) => void told.push([logs?.loss, logs?.['mae']]),
        onEpochEnd: async (_epoch, logs) => void told.push({ ...logs }),
      },
    })
    expect(told).toEqual([[100, 101], { loss: 1, mae: 2, val_loss: 3, val_mae: 4 }])
    expect(history.history).toEqual({ loss: [1], mae: [2], val_loss: [3], val_mae: [4] })
  })

  it('has the metrics of a batch among the scalars that were kept', async () => {
    let found = false
    let kept: readonly unknown[] = []
    install({
      gradients: (f, _variables, compute) => {
        const computed = compute(f)
        ;({ kept } = computed)
        return computed
      },
      batch: (_model, _samples, _outputs, train) => {
        const outputs = train()
        found = outputs.slice(1).every((one) => kept.includes(one))
        return { outputs, means: new Map() }
      },
    })
    const { xs, ys } = rowsOf(4)
    await modelOf(['mae', 'mse']).trainOnBatch(xs, ys)
    expect(found).toBe(true)
  })

  it('passes a batch, an evaluation and a validation without computing anything', async () => {
    install({
      batch: () => [5, 6],
      passEvaluation: () => [7, 8],
      tests: () => false,
      epochEnd: () => ({ trained: [1, 2], validated: undefined }),
    })
    const { xs, ys } = rowsOf(4)
    const model = modelOf()
    expect(await model.trainOnBatch(xs, ys)).toEqual([5, 6])
    expect((model.evaluate(xs, ys) as tf.Scalar[]).map((one) => one.dataSync()[0])).toEqual([7, 8])
    const of = await model.evaluateDataset(datasetOf(4, 2), {})
    expect((of as tf.Scalar[]).map((one) => one.dataSync()[0])).toEqual([7, 8])
    await model.fit(xs, ys, { epochs: 1, validationSplit: 0.5, verbose: 0 })
  })

  it('hears of an evaluation by the user, and not of one that fitDataset makes for itself', async () => {
    install()
    const model = modelOf()
    const { xs, ys } = rowsOf(6)
    model.evaluate(xs, ys)
    await model.evaluateDataset(datasetOf(5, 2), {})
    expect(asked).toEqual(['evaluated on 6', 'evaluated on 5'])
    for (const validationData of [datasetOf(3, 2), [xs, ys] as [tf.Tensor, tf.Tensor]]) {
      await model.fitDataset(datasetOf(4, 2), { epochs: 1, verbose: 0, validationData })
    }
    expect(asked.filter((one) => one.startsWith('evaluated'))).toHaveLength(2)
    expect(epochs.map(({ trained, validated }) => [trained.samples, validated.samples])).toEqual([
      [4, 3],
      [4, 6],
    ])
  })

  it('may keep an optimizer of any kind from stepping', () => {
    install({ applies: () => undefined })
    for (const optimizer of [
      tf.train.sgd(1),
      tf.train.momentum(1, 0.9),
      tf.train.adagrad(1),
      tf.train.adadelta(1),
      tf.train.adam(1),
      tf.train.adamax(1),
      tf.train.rmsprop(1),
    ]) {
      const one = tf.variable(tf.scalar(3))
      optimizer.minimize(() => one.square().asScalar(), false, [one])
      expect(one.dataSync()[0]).toBe(3)
    }
    expect(asked).toEqual([])
  })

  it('hears what is computed of all rows of a tensor, and not of each row', () => {
    install({
      summarizes: (kernel) => {
        asked.push(kernel)
      },
    })
    const { xs } = rowsOf(4)
    for (const axis of [undefined, 0, -2, [0, 1]]) tf.dispose([xs.max(axis), xs.mean(axis)])
    expect(asked).toEqual(['Max', 'Mean', 'Max', 'Mean', 'Max', 'Mean', 'Max', 'Mean'])
    asked = []
    tf.dispose([xs.min(), xs.sum(), tf.unique(xs.flatten()).values])
    expect(asked).toEqual(['Min', 'Sum', 'Unique'])
    asked = []
    tf.dispose([xs.max(1), xs.min(-1), xs.sum(1), xs.mean(1), xs.add(1)])
    expect(asked).toEqual([])
  })

  it('knows what goes on with gradients that were passed, and does not mind variables, and what is only left', () => {
    const used: (readonly number[])[] = []
    const passed = createPassedGradients(tf, (shape) => void used.push(shape))
    install({ computed: passed.computed })
    const one = tf.variable(tf.ones([2, 3]))
    const zeros = tf.zerosLike(one)
    passed.give([zeros, undefined])
    const moments = zeros.mul(0.1).add(1)
    one.assign(one.sub(zeros))
    const left = zeros.square()
    const other = one.add(1)
    passed.over()
    tf.dispose([one.add(1), other.add(1), zeros.add(1)])
    expect(used).toEqual([])
    expect(left.isDisposed).toBe(false)
    tf.dispose([moments.sum(0), moments.mul(2)])
    expect(used).toEqual([[2, 3]])
  })

  it('tells what is read and set, in models and layers, also in those that wrap others', () => {
    const told: string[] = []
    install({
      gets: (weights) => {
        told.push(`gets ${weights.length}`)
      },
      sets: (_, weights) => {
        told.push(`sets ${weights.length}`)
      },
    })
    const model = tf.sequential()
    const cell = tf.layers.lstm({ units: 2 })
    model.add(tf.layers.bidirectional({ layer: cell, inputShape: [3, 1] }))
    const [both] = model.layers
    both?.setWeights(both.getWeights().map((one) => tf.zerosLike(one)))
    expect(told.splice(0)).toEqual(['gets 3', 'gets 3', 'sets 3', 'sets 3'])
    for (const one of model.getWeights()) expect([...one.dataSync()].every((value) => value === 0)).toBe(true)
    model.setWeights(model.getWeights())
    expect(told).toEqual(['gets 6', 'gets 6', 'sets 6'])
  })

  it('gives copies the values of what they are copies of', () => {
    const [theirs, mine] = [createReadWeights(tf), createReadWeights(tf)]
    const one = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
    const other = tf.tidy(() => tf.variable(tf.tensor1d([8, 9])))
    theirs.note([one], 3, false)
    mine.note([other], 3, true)
    const [kept, passed] = [one.clone(), other.clone()]
    tf.tidy(() => one.assign(tf.tensor1d([3, 4])))
    theirs.note([one], 4, false)
    mine.note([other], 4, true)
    tf.tidy(() => other.assign(tf.tensor1d([3, 4])))
    // What nobody holds but the variable itself is no part of the state.
    const state = theirs.take([one])
    expect(state.map(({ read }) => read)).toEqual(['3/0'])
    expect(mine.put(state)).toEqual([passed.dataId])
    expect([...passed.dataSync()]).toEqual([...kept.dataSync()])
    expect([...passed.add(1).dataSync()]).toEqual([2, 3])
    expect(mine.take([other])).toEqual(state)
    kept.dispose()
    expect(theirs.take([one])).toEqual([])
  })

  it('leaks no tensor, and leaves nothing behind when it is taken away', async () => {
    const before = [tf.LayersModel.prototype, tf.CallbackList.prototype, tf.engine()].map((one) => one as object)
    const methods = before.map((one) =>
      Object.entries(Object.getOwnPropertyDescriptors(one)).map(([name, { value }]) => [name, value] as const),
    )
    const model = modelOf()
    const { xs, ys } = rowsOf(8)
    const fit = async () => await model.fit(xs, ys, { batchSize: 3, epochs: 2, validationSplit: 0.25, verbose: 0 })
    await fit()
    const tensors = tf.memory().numTensors
    install()
    await fit()
    tf.dispose(model.evaluate(xs, ys))
    expect(tf.memory().numTensors).toBe(tensors)
    uninstall?.()
    uninstall = undefined
    for (const [at, one] of before.entries()) {
      for (const [name, value] of methods[at] ?? []) {
        if (typeof value === 'function') expect(Object.getOwnPropertyDescriptor(one, name)?.value, name).toBe(value)
      }
    }
  })
})
