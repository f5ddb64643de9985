/** What `auto` and the median rule save: the demo's MNIST search on two workers, against as many random trials without stopping. */
import { optimization, space } from 'maggy'
import { readOutput, readResult } from '../../src/store/index.ts'
import { startSystem, type System } from '../support/system.ts'
import type { Report } from './main.ts'
import { round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const trials = 40
const examples = 4000
const searches = {
  random: { optimizer: 'random' },
  auto: { optimizer: 'auto', pruner: { name: 'median', minFinished: 1, against: 'value' } },
} as const

interface Found {
  readonly accuracy: number
  /** Batches trained, over all trials. */
  readonly steps: number
  readonly images: number
  readonly pruned: number
  readonly seconds: number
}

async function search(system: System, id: keyof typeof searches, say: (line: string) => void): Promise<Found> {
  const context = optimization({
    ...searches[id],
    // Wider than the demo's, so that some trials are hopeless.
    space: { lr: space.double(0.001, 0.5, { log: true }), batchSize: space.discrete([16, 32]) },
    hparams: { examples },
    trials,
    metric: 'accuracy',
    direction: 'maximize',
    seed: 0,
  })
  await system.submit(moduleFile('mnist-search'), context, id)
  await system.ended(id)
  const { trials: ended, best, counts, durationMs } = await readResult(system.bus, id)
  let [steps, images] = [0, 0]
  for (const { trial, state, hparams, metrics } of ended) {
    const { lr, batchSize } = hparams as { lr: number; batchSize: number }
    // Who was killed, for it was told to stop while it evaluated, could not say: it had trained them all.
    let batches = Math.ceil(examples / batchSize)
    for await (const { text } of readOutput(system.bus, id, trial)) if (/^\d+$/.test(text)) batches = Number(text)
    steps += batches
    images += batches * batchSize
    const accuracy = round(metrics['accuracy'] ?? NaN, 3)
    say(
      `${id} trial ${trial}: ${state} after ${batches} batches of ${batchSize}, lr ${round(lr, 4)}, accuracy ${accuracy}`,
    )
  }
  return {
    accuracy: best?.metrics['accuracy'] ?? NaN,
    steps,
    images,
    pruned: counts.pruned,
    seconds: (durationMs ?? NaN) / 1000,
  }
}

export async function mnistSearch(say: (line: string) => void): Promise<Report> {
  const system = await startSystem()
  try {
    await system.actor('driver')
    await system.actor('optimizer')
    await system.workers(2, '--threads', '1')
    const auto = await search(system, 'auto', say)
    const random = await search(system, 'random', say)
    return {
      figures: {
        trials,
        'random.accuracy': round(random.accuracy, 4),
        'auto.accuracy': round(auto.accuracy, 4),
        accuracyGain: round(auto.accuracy - random.accuracy, 4),
        'random.steps': random.steps,
        'auto.steps': auto.steps,
        stepsRatio: round(auto.steps / random.steps, 3),
        imagesRatio: round(auto.images / random.images, 3),
        'auto.pruned': auto.pruned,
        'random.seconds': round(random.seconds, 1),
        'auto.seconds': round(auto.seconds, 1),
      },
      bars: { accuracyGain: '>= 0', stepsRatio: '<= 0.6' },
    }
  } finally {
    await system.stop()
  }
}
