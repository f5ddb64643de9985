/**
 * What `auto` saves with the stopping that it proposes: the demo's MNIST search on two workers, against as many random trials that all run
 * to their end. `--seeds N`, `--trials N`; `--long`: twice the images, all test images and 60 trials.
 */
import { optimization, space } from 'maggy'
import { readOutput, readResult } from '../../src/store/index.ts'
import { startSystem, type System } from '../support/system.ts'
import type { BenchOptions, Report } from './main.ts'
import { round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const searches = {
  random: { optimizer: 'random' },
  auto: { optimizer: 'auto', pruner: 'auto' },
} as const

interface Scale {
  readonly trials: number
  readonly examples: number
  readonly tested: number
}

interface Found {
  readonly accuracy: number
  /** Batches trained, over all trials. */
  readonly steps: number
  readonly images: number
  readonly pruned: number
  readonly seconds: number
}

async function search(
  system: System,
  name: keyof typeof searches,
  seed: number,
  { trials, examples, tested }: Scale,
  say: (line: string) => void,
): Promise<Found> {
  const id = `${name}-${seed}`
  const context = optimization({
    ...searches[name],
    // Wider than the demo's, so that some trials are hopeless.
    space: { lr: space.double(0.001, 0.5, { log: true }), batchSize: space.discrete([16, 32]) },
    hparams: { examples, tested },
    trials,
    metric: 'accuracy',
    direction: 'maximize',
    seed,
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

export async function mnistSearch(
  say: (line: string) => void,
  { seeds = 1, trials: wanted, long = false }: BenchOptions = {},
): Promise<Report> {
  const trials = wanted ?? (long ? 60 : 40)
  const scale = { trials, ...(long ? { examples: 4000, tested: 10_000 } : { examples: 2000, tested: 2000 }) }
  const system = await startSystem()
  try {
    await system.actor('driver')
    await system.actor('optimizer')
    await system.workers(2, '--threads', '1')
    const found = { auto: [] as Found[], random: [] as Found[] }
    for (let seed = 0; seed < seeds; seed++) {
      found.auto.push(await search(system, 'auto', seed, scale, say))
      found.random.push(await search(system, 'random', seed, scale, say))
    }
    const mean = (name: keyof typeof searches, figure: keyof Found) =>
      found[name].reduce((sum, one) => sum + one[figure], 0) / seeds
    const ratio = (figure: keyof Found) => round(mean('auto', figure) / mean('random', figure), 3)
    return {
      figures: {
        trials,
        seeds,
        'random.accuracy': round(mean('random', 'accuracy'), 4),
        'auto.accuracy': round(mean('auto', 'accuracy'), 4),
        accuracyGain: round(mean('auto', 'accuracy') - mean('random', 'accuracy'), 4),
        seedsNoWorse: found.auto.filter(({ accuracy }, seed) => accuracy >= (found.random[seed]?.accuracy ?? NaN))
          .length,
        'random.steps': mean('random', 'steps'),
        'auto.steps': mean('auto', 'steps'),
        stepsRatio: ratio('steps'),
        imagesRatio: ratio('images'),
        'auto.pruned': mean('auto', 'pruned'),
        'random.seconds': round(mean('random', 'seconds'), 1),
        'auto.seconds': round(mean('auto', 'seconds'), 1),
      },
      bars: { accuracyGain: '>= 0', stepsRatio: '<= 0.4' },
    }
  } finally {
    await system.stop()
  }
}
