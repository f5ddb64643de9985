/** Lists of callbacks as users write them: each of them is called, in whatever order they stand. */
import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Reporter } from '../../src/experiment/index.ts'
import { defineExperiment } from '../../src/index.ts'
import { runTraining } from '../../src/train/index.ts'

class Counting extends tf.Callback {
  epochs = 0
  override async onEpochEnd(): Promise<void> {
    this.epochs += 1
    if (this.model === undefined) throw new Error('it was not told its model')
  }
}

/** No callback of tfjs's, and still a class. */
class Own {
  epochs = 0
  async onEpochEnd(): Promise<void> {
    this.epochs += 1
  }
}

let unhandled = 0
const count = (): void => void (unhandled += 1)
beforeAll(async () => {
  await tf.setBackend('cpu')
  process.on('unhandledRejection', count)
})
afterAll(() => {
  process.off('unhandledRejection', count)
})

/** How often each was called in three epochs, and how often it was reported. */
async function fitWith(make: (reporter: Reporter, parts: ReturnType<typeof partsOf>) => unknown, byDataset = false) {
  let reported = 0
  const parts = partsOf()
  const experiment = defineExperiment(import.meta.url, {
    name: 'lists',
    train: async ({ reporter }) => {
      const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })
      model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
      const args = { epochs: 3, verbose: 0, callbacks: make(reporter, parts) } as tf.ModelFitArgs
      const xs = tf.ones([8, 2])
      const ys = tf.ones([8, 1])
      const rows = tf.data.generator(function* () {
        for (let at = 0; at < 8; at += 1) yield { xs: tf.ones([2]), ys: tf.ones([1]) }
      })
      const { epoch } = byDataset
        ? await model.fitDataset(rows.batch(4), args as tf.ModelFitDatasetArgs<tf.TensorContainer>)
        : await model.fit(xs, ys, args)
      return epoch.length
    },
  })
  const { outcome } = await runTraining(experiment, {
    hparams: {},
    objectives: [],
    run: { kind: 'explore', experiment: 'lists', contextName: 'explore', trial: 0, attempt: 1, seed: 0 },
    sink: { point: () => (reported += 1), line: () => undefined, stopReason: () => undefined, now: () => 0 },
  })
  return { outcome, reported, ...parts.counts() }
}

function partsOf() {
  let plainly = 0
  const [counting, own] = [new Counting(), new Own()]
  return {
    stopping: () => tf.callbacks.earlyStopping({ monitor: 'loss', patience: 100 }),
    counting,
    own,
    plain: { onEpochEnd: async () => void (plainly += 1) },
    counts: () => ({ counting: counting.epochs, own: own.epochs, plain: plainly }),
  }
}

const done = { kind: 'done', metrics: { value: 3 } }

describe.each([
  ['fit', false],
  ['fitDataset', true],
])('%s takes', (_, byDataset) => {
  it.each([
    ['our callbacks alone', (reporter: Reporter) => reporter.callbacks()],
    ['a list of ours', (reporter: Reporter) => [reporter.callbacks()]],
    [
      'ours, then early stopping',
      (reporter: Reporter, { stopping }: ReturnType<typeof partsOf>) => [reporter.callbacks(), stopping()],
    ],
    [
      'early stopping, then ours',
      (reporter: Reporter, { stopping }: ReturnType<typeof partsOf>) => [stopping(), reporter.callbacks()],
    ],
  ] as const)('%s', async (_name, make) => {
    expect(await fitWith(make, byDataset)).toMatchObject({ outcome: done, reported: 3 })
  })

  it('each kind beside each other, in every order', async () => {
    const orders = [0, 1, 2, 3].flatMap((from) => [[0, 1, 2, 3].map((at) => (at + from) % 4)])
    for (const order of [...orders, ...orders.map((order) => order.toReversed())]) {
      const got = await fitWith((reporter, { stopping, counting, plain }) => {
        const all = [reporter.callbacks(), stopping(), counting, plain]
        return order.map((at) => all[at])
      }, byDataset)
      expect(got).toMatchObject({ outcome: done, reported: 3, counting: 3, plain: 3 })
    }
  })

  it('a class of functions beside them, that is no callback of tfjs', async () => {
    const make = (reporter: Reporter, { own, stopping }: ReturnType<typeof partsOf>) => [
      own,
      reporter.callbacks(),
      stopping(),
    ]
    expect(await fitWith(make, byDataset)).toMatchObject({ outcome: done, reported: 3, own: 3 })
  })

  it('ours spread out in an object with others', async () => {
    const make = (reporter: Reporter, { plain }: ReturnType<typeof partsOf>) => ({
      ...plain,
      onBatchEnd: reporter.callbacks().onBatchEnd,
    })
    expect(await fitWith(make, byDataset)).toMatchObject({ outcome: done, plain: 3 })
  })

  it('none', async () => {
    expect(await fitWith(() => undefined, byDataset)).toMatchObject({ outcome: done })
  })
})

it('no call of theirs fails where nobody looks', () => {
  expect(unhandled).toBe(0)
})
