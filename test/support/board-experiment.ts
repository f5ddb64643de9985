/** Experiments that a board has something to show of: curves, early stops, failures, output, names that try to be HTML. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ablation, defineExperiment, optimization, space, study, type Told } from 'maggy'
import { keepPace } from './pace.ts'

/** As a user might call something who means harm. */
export const evil = '<img src=x onerror="window.evil=1">'

const worth: Readonly<Record<string, number>> = { beak: 0.16, wings: 0.07, mass: 0.02, noise: -0.01 }
const features = Object.keys(worth)
const hparams = {
  lr: 0.01,
  units: 32,
  dropout: 0.2,
  activation: 'relu',
  epochs: 12,
  msPerEpoch: 10,
  failAbove: 0.09,
  pace: '',
}

export default defineExperiment(import.meta.url, {
  name: 'birds',
  features,
  switches: ['augmentation'],
  hparams,
  dataset: (_: object, { without }: Told) => features.filter((name) => !without.includes(name)),
  train: async ({ dataset, hparams, reporter, ablated, run }) => {
    const { lr, units, dropout, activation, epochs, msPerEpoch, failAbove, pace } = hparams
    const left =
      dataset(hparams).reduce((sum, name) => sum + (worth[name] ?? 0), 0) - (ablated.has('augmentation') ? 0.05 : 0)
    const luck = ((run.seed % 1000) / 1000 - 0.5) * 0.03
    const fit = Math.exp(-((Math.log10(lr) + 2) ** 2) / 1.2) * (activation === 'relu' ? 1 : 0.93)
    const top = 0.2 + left + 0.4 * fit + 0.02 * Math.log2(units / 16) - 0.12 * (dropout - 0.25) ** 2 + luck
    process.stdout.write(`${evil} begins with lr ${lr}\n`)
    for (let epoch = 0; epoch < epochs; epoch += 1) {
      if (lr > failAbove && epoch === 3) throw new Error(`${evil} diverged at epoch ${epoch}`)
      const accuracy =
        top * (1 - Math.exp(-(epoch + 1) / (2.5 + dropout * 4))) + (((run.seed * (epoch + 7)) % 97) / 97 - 0.5) * 0.02
      reporter.report({ accuracy, loss: 1.4 - accuracy, [evil]: epoch }, epoch)
      await sleep(msPerEpoch)
      // Trials beyond those that the test allows wait here.
      if (epoch === 1) await keepPace(pace, run.trial)
    }
    return { accuracy: top, size: units * (activation === 'relu' ? 10 : 8) }
  },
  contexts: {
    tune: optimization({
      space: {
        lr: space.double(1e-4, 0.1, { log: true }),
        units: space.integer(16, 256, { log: true }),
        dropout: space.double(0, 0.5),
        activation: space.categorical(['relu', 'tanh', evil]),
      },
      optimizer: 'tpe',
      trials: 40,
      metric: 'accuracy',
      direction: 'maximize',
      pruner: { name: 'median', minFinished: 4, startupSteps: 3 },
    }),
    two: optimization({
      space: { lr: space.double(1e-3, 0.05, { log: true }), units: space.integer(16, 256) },
      optimizer: 'random',
      trials: 12,
      objectives: [
        { metric: 'accuracy', direction: 'maximize' },
        { metric: 'size', direction: 'minimize' },
      ],
      hparams: { epochs: 3 },
    }),
    ablate: ablation({
      study: study().features({ pattern: '.' }).training('augmentation'),
      repeats: 3,
      metric: 'accuracy',
      direction: 'maximize',
      hparams: { epochs: 4 },
    }),
  },
})
