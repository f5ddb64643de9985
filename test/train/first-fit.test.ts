/** The first `fit` of a process, of a model whose `fit` is looked up before any of its arguments is made: nothing is mended by then. */
import * as tf from '@tensorflow/tfjs'
import { expect, it } from 'vitest'
import { defineExperiment } from '../../src/index.ts'
import { runTraining } from '../../src/train/index.ts'

it('takes a list of callbacks of both kinds', async () => {
  await tf.setBackend('cpu')
  let epochs = 0
  const experiment = defineExperiment(import.meta.url, {
    name: 'first',
    train: async ({ reporter }) => {
      const input = tf.input({ shape: [1] })
      const model = tf.model({
        inputs: input,
        outputs: tf.layers.dense({ units: 1 }).apply(input) as tf.SymbolicTensor,
      })
      model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
      const patience = tf.callbacks.earlyStopping({ monitor: 'loss', patience: 9 })
      const counting = { onEpochEnd: async () => void (epochs += 1) }
      await model.fit(tf.ones([4, 1]), tf.ones([4, 1]), {
        epochs: 3,
        callbacks: [{ ...reporter.callbacks(), ...counting }, patience] as never,
      })
      return { value: 1 }
    },
  })
  const { outcome } = await runTraining(experiment, {
    hparams: {},
    objectives: ['value'],
    run: { kind: 'explore', experiment: 'first', contextName: 'explore', trial: 0, attempt: 1, seed: 1 },
    sink: { point: () => undefined, line: () => undefined, stopReason: () => undefined, now: () => 0 },
  })
  expect(outcome).toMatchObject({ kind: 'done' })
  expect(epochs).toBe(3)
})
