/** Training functions that decide on what they are told, and loops of every kind. */
import * as tf from '@tensorflow/tfjs'
import type { Generator, Scenario, TrainerSetting } from './ring-trainer.ts'

export interface Kit {
  setting(): TrainerSetting
  /** A model whose first weights are others on each rank. */
  layers(): tf.Sequential
  optimizer(): tf.Optimizer
  data(samples: number): { xs: tf.Tensor2D; ys: tf.Tensor2D }
  watch(variables: readonly tf.Variable[]): void
  readonly note: (value: unknown) => void
  /** After each step; waits where the test wants it. */
  stepTaken(): void
}

const patience = 2

interface Rated {
  learningRate: number
}

/** Halves the learning rate when the loss has not fallen for an epoch, as a user writes it. */
function plateau(model: tf.LayersModel, monitor: string): tf.CustomCallbackArgs {
  let best = Infinity
  return {
    onEpochEnd: async (_epoch, logs) => {
      const value = logs?.[monitor] ?? NaN
      const one = model.optimizer as unknown as Rated
      if (value < best - 0.002) best = value
      else one.learningRate /= 2
    },
  }
}

export function scenariosOf(kit: Kit): Readonly<Record<string, Scenario>> {
  const { note } = kit
  const rank = (): number => kit.setting().ring?.seat ?? 0
  const watchAll = (model: tf.LayersModel): void => {
    kit.watch(model.weights.map((weight) => weight.read() as tf.Variable))
  }
  /** What fit said at each epoch's end, and the rate then. */
  const noting = (model: tf.LayersModel): tf.CustomCallbackArgs => ({
    onBatchEnd: async () => {
      kit.stepTaken()
    },
    onEpochEnd: async (epoch, logs) => {
      const rate = (model.optimizer as unknown as Rated).learningRate
      note({ epoch, logs: { ...logs }, rate })
    },
  })
  const stopping = (monitor: string): tf.EarlyStopping => tf.callbacks.earlyStopping({ monitor, patience })
  const asObject = (given: tf.CustomCallbackArgs): tf.CustomCallback => new tf.CustomCallback(given)

  /** fit, with callbacks that are objects, and validation data that `of` makes. */
  const fitting =
    (
      of: (xs: tf.Tensor2D, ys: tf.Tensor2D) => tf.ModelFitArgs,
      callbacks: (model: tf.LayersModel) => tf.CustomCallback[],
    ): Scenario =>
    async (dataset) => {
      const { batchSize, epochs, samples } = kit.setting()
      const { xs, ys } = dataset(samples)
      const model = kit.layers()
      watchAll(model)
      const history = await model.fit(xs, ys, {
        batchSize,
        epochs,
        shuffle: false,
        verbose: 0,
        ...of(xs, ys),
        callbacks: [asObject(noting(model)), ...callbacks(model)],
      })
      note(history.history)
      return history.epoch.length
    }
  const early = (monitor: string) => (): tf.CustomCallback[] => [stopping(monitor) as unknown as tf.CustomCallback]
  const split = (): tf.ModelFitArgs => ({ validationSplit: 0.25 })
  /** The rows of a shard whose number is large, as they stand in the first column. */
  const lastRows = (count: number) => {
    const { xs, ys } = kit.data(kit.setting().samples)
    const from = xs.shape[0] - count
    return [xs.slice(from, count), ys.slice(from, count)] as [tf.Tensor2D, tf.Tensor2D]
  }

  const loop =
    (step: (model: tf.LayersModel, x: tf.Tensor2D, y: tf.Tensor2D) => unknown): Scenario =>
    async (dataset) => {
      const { batchSize, epochs, samples } = kit.setting()
      const { xs, ys } = dataset(samples)
      const model = kit.layers()
      watchAll(model)
      const rows = xs.shape[0]
      for (let epoch = 0; epoch < epochs; epoch += 1) {
        for (let at = 0; at < rows; at += batchSize) {
          const size = Math.min(batchSize, rows - at)
          const [x, y] = [xs.slice(at, size), ys.slice(at, size)]
          note(await step(model, x, y))
          kit.stepTaken()
          tf.dispose([x, y])
        }
      }
      return 1
    }
  const lossOf = (model: tf.LayersModel, x: tf.Tensor, y: tf.Tensor) => (): tf.Scalar =>
    tf.losses.meanSquaredError(y, model.apply(x, { training: true }) as tf.Tensor)
  /** Made at the first call in a training function, as a variable beside the loop would be. */
  let own: tf.Optimizer | undefined
  let spare: tf.Variable | undefined
  const withOwn =
    (run: (dataset: Generator, reporter: Parameters<Scenario>[1]) => Promise<number>): Scenario =>
    async (dataset, reporter) => {
      own = kit.optimizer()
      // The loss does not reach it: tfjs gives no gradient.
      spare = tf.variable(tf.ones([3]))
      return await run(dataset, reporter)
    }
  const optimizerNow = (): tf.Optimizer => own ?? kit.optimizer()
  const costOf = (cost: tf.Scalar | null): number => cost?.dataSync()[0] ?? NaN
  const variablesOf = (model: tf.LayersModel): tf.Variable[] =>
    model.trainableWeights.map((weight) => weight.read() as tf.Variable)

  /** The best weights, kept by a callback and put back at the end. */
  const keepingBest =
    (weightsOf: (model: tf.LayersModel) => tf.Tensor[]): Scenario =>
    async (dataset) => {
      const { batchSize, epochs, samples } = kit.setting()
      const { xs, ys } = dataset(samples)
      const model = kit.layers()
      watchAll(model)
      let kept: tf.Tensor[] = []
      const keeping: tf.CustomCallbackArgs = {
        onEpochEnd: async (epoch) => {
          // Others are read all the time, and the best were those of an epoch that is over before anybody comes late.
          const now = weightsOf(model)
          if (epoch === 0) kept = now
          else tf.dispose(now)
        },
      }
      const callbacks = [asObject(noting(model)), asObject(keeping)]
      await model.fit(xs, ys, { batchSize, epochs, shuffle: false, verbose: 0, callbacks })
      model.setWeights(kept)
      return 1
    }

  return {
    /** Two weights of their own, trained by turns, one of them on a part of the columns. */
    turns: async (dataset) => {
      const { xs, ys } = dataset(kit.setting().samples)
      const [one, other] = [tf.variable(tf.zeros([4, 1])), tf.variable(tf.zeros([2, 1]))]
      kit.watch([one, other])
      const [first, second] = [kit.optimizer(), kit.optimizer()]
      const { batchSize, epochs } = kit.setting()
      for (let epoch = 0; epoch < epochs; epoch += 1) {
        for (let at = 0; at < xs.shape[0]; at += batchSize) {
          const [x, y] = [xs.slice(at, batchSize), ys.slice(at, batchSize)]
          first.minimize(() => tf.losses.meanSquaredError(y, x.matMul(one)), false, [one])
          second.minimize(() => tf.losses.meanSquaredError(y, x.slice([0, 0], [-1, 2]).matMul(other)), false, [other])
        }
      }
      return 1
    },
    /** Labels that tfjs copies, for they have one dimension, and labels that train has made of the shard's. */
    pairs: async (dataset) => {
      const { xs } = kit.data(kit.setting().samples)
      const cut = dataset as unknown as (whole: object) => { readonly xs: tf.Tensor2D; readonly ys: tf.Tensor1D }
      const shard = cut({ xs, ys: xs.sum(1) })
      for (const labels of [shard.ys, shard.ys.expandDims(1)]) {
        const model = tf.sequential()
        model.add(tf.layers.dense({ inputShape: [4], units: 1 }))
        model.compile({ optimizer: kit.optimizer(), loss: 'meanSquaredError' })
        watchAll(model)
        const { batchSize, epochs } = kit.setting()
        const { history } = await model.fit(shard.xs, labels, { batchSize, epochs })
        note(history['loss']?.at(-1))
      }
      return 1
    },
    /** A model of before the training, with a layer that has statistics. */
    olderFit: fitting(
      () => ({}),
      () => [],
    ),
    olderByHand: loop((model, x, y) => costOf(model.optimizer.minimize(lossOf(model, x, y), true, variablesOf(model)))),
    /** Steps without an optimizer. */
    descends: loop((model, x, y) => {
      const { value, grads } = tf.variableGrads(lossOf(model, x, y), variablesOf(model))
      for (const one of variablesOf(model)) {
        const gradient = grads[one.name]
        if (gradient !== undefined) one.assign(one.sub(gradient.mul(0.1)))
      }
      return costOf(value)
    }),
    keepsBest: keepingBest((model) => model.getWeights().map((one) => one.clone())),
    keepsBestByHand: keepingBest((model) => model.weights.map((one) => one.read().clone())),
    /** Compiled anew, as for a second phase with a rate of its own. */
    recompiles: async (dataset) => {
      const { batchSize, epochs, samples } = kit.setting()
      const { xs, ys } = dataset(samples)
      const model = kit.layers()
      watchAll(model)
      for (let phase = 0; phase < 3; phase += 1) {
        model.compile({ optimizer: kit.optimizer(), loss: 'meanSquaredError' })
        const callbacks = [asObject(noting(model))]
        await model.fit(xs, ys, { batchSize, epochs: epochs / 3, shuffle: false, verbose: 0, callbacks })
      }
      return 1
    },
    /** One in a callback of another, and two beside each other. */
    fitsWithin: async (dataset) => {
      const { xs, ys } = dataset(kit.setting().samples)
      const [outer, inner] = [kit.layers(), kit.layers()]
      watchAll(outer)
      const quiet = { batchSize: 16, epochs: 1, shuffle: false, verbose: 0 } as const
      const callbacks = asObject({
        onEpochEnd: async () => {
          await inner.fit(xs, ys, quiet)
        },
      })
      await outer.fit(xs, ys, { ...quiet, callbacks })
      return 1
    },
    fitsAtOnce: async (dataset) => {
      const { xs, ys } = dataset(kit.setting().samples)
      const quiet = { batchSize: 16, epochs: 2, shuffle: false, verbose: 0 } as const
      await Promise.all([kit.layers(), kit.layers()].map(async (model) => await model.fit(xs, ys, quiet)))
      return 1
    },
    stopsOnSplit: fitting(split, early('val_loss')),
    stopsOnMetric: fitting(split, early('val_mae')),
    stopsOnLoss: fitting(() => ({}), early('loss')),
    stopsOnData: fitting(() => ({ validationData: lastRows(20) }), early('val_loss')),
    /** Another number of rows on each rank. */
    stopsOnUneven: fitting(() => ({ validationData: lastRows(10 + 7 * rank()) }), early('val_loss')),
    /** Rank 1 has none at all, and a rank with data has no rows where it has none of its own. */
    stopsOnOnes: fitting(() => (rank() === 1 ? {} : { validationData: lastRows(15) }), early('val_loss')),
    plateau: fitting(split, (model) => [asObject(plateau(model, 'val_loss'))]),
    /** By hand: on the mean of the batches' losses. */
    stopsByHand: fitting(
      () => ({}),
      (model) => {
        let sum = 0
        let best = Infinity
        return [
          asObject({
            onEpochBegin: async () => {
              sum = 0
            },
            onBatchEnd: async (_batch, logs) => {
              sum += (logs?.loss ?? NaN) + (logs?.['mae'] ?? NaN)
            },
            onEpochEnd: async () => {
              if (sum > best * 0.95) model.stopTraining = true
              best = Math.min(best, sum)
            },
          }),
        ]
      },
    ),
    stopsInDataset: async (dataset) => {
      const { batchSize, epochs, samples } = kit.setting()
      const { xs, ys } = dataset(samples)
      const [vx, vy] = lastRows(21)
      const rows = (x: tf.Tensor2D, y: tf.Tensor2D) =>
        tf.data.zip({ xs: tf.data.array(x.arraySync()), ys: tf.data.array(y.arraySync()) }).batch(batchSize)
      const model = kit.layers()
      watchAll(model)
      const history = await model.fitDataset(rows(xs, ys), {
        epochs,
        verbose: 0,
        validationData: rows(vx, vy),
        callbacks: [asObject(noting(model)), stopping('val_loss') as unknown as tf.CustomCallback],
      })
      note(history.history)
      return history.epoch.length
    },
    /** As many batches an epoch as one process has, of a dataset that the generator gave. */
    batchesPerEpoch: async (dataset) => {
      const { batchSize, epochs, samples } = kit.setting()
      const { xs, ys } = kit.data(samples)
      const all = tf.data.zip({ xs: tf.data.array(xs.arraySync()), ys: tf.data.array(ys.arraySync()) })
      const rows = (dataset as unknown as (given: typeof all) => typeof all)(all)
      const model = kit.layers()
      watchAll(model)
      const batchesPerEpoch = samples / batchSize
      const history = await model.fitDataset(rows.repeat(epochs).batch(batchSize), {
        epochs,
        batchesPerEpoch,
        verbose: 0,
        callbacks: asObject(noting(model)),
      })
      return history.epoch.length
    },
    /** evaluate and evaluateDataset before, within and after fit. */
    evaluates: async (dataset) => {
      const { batchSize, epochs, samples } = kit.setting()
      const { xs, ys } = dataset(samples)
      const model = kit.layers()
      watchAll(model)
      const numbers = (made: tf.Scalar | tf.Scalar[]): number[] =>
        (Array.isArray(made) ? made : [made]).map((one) => one.dataSync()[0] ?? NaN)
      const rows = tf.data.zip({ xs: tf.data.array(xs.arraySync()), ys: tf.data.array(ys.arraySync()) }).batch(7)
      note(numbers(model.evaluate(xs, ys)))
      await model.fit(xs, ys, {
        batchSize,
        epochs,
        shuffle: false,
        verbose: 0,
        callbacks: {
          onBatchEnd: async () => {
            kit.stepTaken()
          },
          onEpochEnd: async () => {
            note(numbers(model.evaluate(xs, ys, { batchSize: 9 })))
          },
        },
      })
      note(numbers(await model.evaluateDataset(rows as tf.data.Dataset<never>, {})))
      return 1
    },
    /** A second model, made once the first is trained: each rank draws other weights. */
    twoModels: async (dataset) => {
      const { batchSize, samples } = kit.setting()
      const { xs, ys } = dataset(samples)
      const quiet = { batchSize, epochs: 1, shuffle: false, verbose: 0 } as const
      await kit.layers().fit(xs, ys, quiet)
      const second = kit.layers()
      // Built when it is first used, in the loss.
      const head = tf.layers.dense({ units: 1 })
      await second.fit(xs, ys, quiet)
      const descent = kit.optimizer()
      for (let at = 0; at < 3; at += 1) {
        descent.minimize(() => tf.losses.meanSquaredError(ys, head.apply(second.apply(xs) as tf.Tensor) as tf.Tensor))
      }
      kit.watch([...second.weights, ...head.weights].map((weight) => weight.read() as tf.Variable))
      return 1
    },
    /** Each rank for itself decides to stop, or to slow down, or to go on longer. */
    stopsAlone: fitting(
      () => ({}),
      (model) => [
        asObject({
          onEpochEnd: async (epoch) => {
            if (epoch === 1 && rank() === 1) model.stopTraining = true
          },
        }),
      ],
    ),
    stopsAloneInBatch: fitting(
      () => ({}),
      (model) => [
        asObject({
          onBatchEnd: async (batch) => {
            if (batch === 2 && rank() === 1) model.stopTraining = true
          },
        }),
      ],
    ),
    slowsAlone: fitting(
      () => ({}),
      (model) => [
        asObject({
          onEpochEnd: async (epoch) => {
            if (epoch === 1 && rank() === 1) (model.optimizer as unknown as Rated).learningRate = 0.025
          },
        }),
      ],
    ),
    /** Changes a variable by something that only this rank knows. */
    driftsAlone: loop(async (model, x, y) => {
      const [first] = variablesOf(model)
      const cost = costOf(optimizerNow().minimize(lossOf(model, x, y), true))
      if (rank() === 1) first?.assign(first.add(1e-6))
      return cost
    }),
    /** As before, of variables that have no names. */
    driftsUnnamed: async () => {
      const all = [tf.variable(tf.ones([3])), tf.variable(tf.ones([2, 4]))]
      kit.watch(all)
      for (let step = 0; step < 2; step += 1) {
        kit.optimizer().minimize(() => tf.addN(all.map((one) => one.square().sum())).asScalar())
        if (rank() === 1) all[1]?.assign(all[1].add(1e-6))
      }
      return 1
    },
    /** A game of its own on each rank: gradients of each move, applied when it ends. */
    games: async () => {
      const one = tf.variable(tf.ones([2]))
      kit.watch([one])
      const descent = kit.optimizer()
      for (let game = 0; game < 4; game += 1) {
        const moves = 3 + ((game * 2 + rank() * 3) % 4)
        let sum: tf.Tensor = tf.zeros([2])
        for (let move = 0; move < moves; move += 1) {
          const { grads } = tf.variableGrads(() => one.square().sum().asScalar(), [one])
          sum = sum.add(grads[one.name] as tf.Tensor)
        }
        descent.applyGradients([{ name: one.name, tensor: sum }])
      }
      return 1
    },
    /** Notes the numbers of the samples in each batch. */
    rowsOfBatches: loop(async (model, x, y) => {
      const first = await x.slice([0, 0], [-1, 1]).data()
      await model.trainOnBatch(x, y)
      return [...first].map((value) => Math.round(value * kit.setting().samples))
    }),
    trainOnBatch: loop(async (model, x, y) => {
      const [loss] = [await model.trainOnBatch(x, y)].flat()
      return loss ?? NaN
    }),
    minimize: withOwn(
      async (dataset, reporter) =>
        await loop((model, x, y) => costOf(optimizerNow().minimize(lossOf(model, x, y), true)))(dataset, reporter),
    ),
    minimizeList: withOwn(
      async (dataset, reporter) =>
        await loop((model, x, y) => {
          const list = [...variablesOf(model), ...(spare === undefined ? [] : [spare])]
          return costOf(optimizerNow().minimize(lossOf(model, x, y), true, list))
        })(dataset, reporter),
    ),
    gradients: withOwn(
      async (dataset, reporter) =>
        await loop((model, x, y) => {
          const { value, grads } = tf.variableGrads(lossOf(model, x, y))
          optimizerNow().applyGradients(grads)
          tf.dispose(grads)
          return costOf(value)
        })(dataset, reporter),
    ),
    fitRows: async (dataset) => {
      const { batchSize, epochs, samples } = kit.setting()
      const { xs, ys } = dataset(samples)
      const model = kit.layers()
      watchAll(model)
      const rows = tf.data.zip({ xs: tf.data.array(xs.arraySync()), ys: tf.data.array(ys.arraySync()) })
      await model.fitDataset(rows.batch(batchSize), {
        epochs,
        verbose: 0,
        callbacks: [asObject(noting(model))],
      })
      return 1
    },
    fitLoop: fitting(
      () => ({}),
      () => [],
    ),
  }
}
