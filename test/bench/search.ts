/**
 * What `auto` saves with the stopping that it proposes: the demo's MNIST search on two workers, against as many random trials that all run
 * to their end. Two figures, as shares of the steps (batches) of random's whole search: the steps of auto's whole search, and the steps
 * after which auto first reached random's final best. `--seeds N`, `--trials N`; `--keep DIR`: the reports of all trials are written
 * there; `--long`: twice the images, all test images and 60 trials.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { optimization, space } from 'maggy'
import { readAllPoints, readOutput, readResult } from '../../src/store/index.ts'
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

/** A trial, and when it ended. */
interface Course {
  readonly endedAt: number
  readonly batches: number
  /** NaN: it was stopped. */
  readonly accuracy: number
}

interface Found {
  readonly courses: readonly Course[]
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
  { say, keep }: { readonly say: (line: string) => void; readonly keep: string | undefined },
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
  const courses: Course[] = []
  let images = 0
  for (const { trial, state, hparams, metrics, endedAt } of ended) {
    const { lr, batchSize } = hparams as { lr: number; batchSize: number }
    // Who was killed, for it was told to stop while it evaluated, could not say: it had trained them all.
    let batches = Math.ceil(examples / batchSize)
    for await (const { text } of readOutput(system.bus, id, trial)) if (/^\d+$/.test(text)) batches = Number(text)
    images += batches * batchSize
    const accuracy = metrics['accuracy'] ?? NaN
    courses.push({ endedAt: endedAt ?? NaN, batches, accuracy: state === 'done' ? accuracy : NaN })
    say(
      `${id} trial ${trial}: ${state} after ${batches} batches of ${batchSize}, lr ${round(lr, 4)}, accuracy ${round(accuracy, 3)}`,
    )
  }
  if (keep !== undefined) {
    const points = await readAllPoints(system.bus, id)
    const kept = ended.map((one, at) => ({ ...one, ...courses[at], points: points.get(one.trial) ?? [] }))
    await mkdir(keep, { recursive: true })
    await writeFile(join(keep, `${id}.json`), JSON.stringify(kept))
  }
  return {
    courses,
    accuracy: best?.metrics['accuracy'] ?? NaN,
    steps: courses.reduce((sum, { batches }) => sum + batches, 0),
    images,
    pruned: counts.pruned,
    seconds: (durationMs ?? NaN) / 1000,
  }
}

/** The batches of all trials that had ended when the first one came to this accuracy; undefined: none did. */
function stepsTo(target: number, courses: readonly Course[]): number | undefined {
  let steps = 0
  for (const { batches, accuracy } of courses.toSorted((a, b) => a.endedAt - b.endedAt)) {
    steps += batches
    if (accuracy >= target) return steps
  }
  return undefined
}

/**
 * How many steps a search takes to reach the best of random search: by seed as shares of the steps of random's whole search, and over all
 * seeds the expected running time (Hansen et al., COCO, 2021): the steps until then, or all of a search that never came to it, divided
 * by the number of searches that did.
 */
function reaching(searches: readonly Found[], random: readonly Found[]) {
  const found = searches.map(({ courses, steps }, seed) => {
    const { accuracy, steps: whole } = random[seed] as Found
    const reached = stepsTo(accuracy, courses)
    return { reached, spent: reached ?? steps, whole }
  })
  const sum = (figure: 'spent' | 'whole') => found.reduce((total, one) => total + one[figure], 0)
  const seeds = found.filter(({ reached }) => reached !== undefined).length
  return {
    share: seeds === 0 ? 'never' : round((sum('spent') / seeds / sum('whole')) * found.length, 3),
    bySeed: found.map(({ reached, whole }) => (reached === undefined ? 'never' : round(reached / whole, 3))).join(', '),
    seeds,
  }
}

export async function mnistSearch(
  say: (line: string) => void,
  { seeds = 1, trials: wanted, long = false, keep }: BenchOptions = {},
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
      found.auto.push(await search(system, 'auto', seed, scale, { say, keep }))
      found.random.push(await search(system, 'random', seed, scale, { say, keep }))
    }
    const mean = (name: keyof typeof searches, figure: Exclude<keyof Found, 'courses'>) =>
      found[name].reduce((sum, one) => sum + one[figure], 0) / seeds
    const ratio = (figure: 'steps' | 'images') => round(mean('auto', figure) / mean('random', figure), 3)
    const bySeed = (values: (seed: number) => number) =>
      Array.from({ length: seeds }, (_, seed) => round(values(seed), 4)).join(', ')
    const own = reaching(found.auto, found.random)
    const itself = reaching(found.random, found.random)
    return {
      figures: {
        trials,
        seeds,
        'random.accuracy': round(mean('random', 'accuracy'), 4),
        'auto.accuracy': round(mean('auto', 'accuracy'), 4),
        accuracyGain: round(mean('auto', 'accuracy') - mean('random', 'accuracy'), 4),
        seedsNoWorse: found.auto.filter(({ accuracy }, seed) => accuracy >= (found.random[seed]?.accuracy ?? NaN))
          .length,
        'random.accuracyBySeed': bySeed((seed) => found.random[seed]?.accuracy ?? NaN),
        'auto.accuracyBySeed': bySeed((seed) => found.auto[seed]?.accuracy ?? NaN),
        'random.steps': mean('random', 'steps'),
        'auto.steps': mean('auto', 'steps'),
        wholeSearchSteps: ratio('steps'),
        wholeSearchStepsBySeed: bySeed((seed) => (found.auto[seed]?.steps ?? NaN) / (found.random[seed]?.steps ?? NaN)),
        stepsToRandomsBest: own.share,
        stepsToRandomsBestBySeed: own.bySeed,
        seedsThatReachIt: own.seeds,
        // The best of random search comes anywhere in it.
        'random.stepsToItsBest': itself.share,
        'random.stepsToItsBestBySeed': itself.bySeed,
        imagesRatio: ratio('images'),
        'auto.pruned': mean('auto', 'pruned'),
        'random.seconds': round(mean('random', 'seconds'), 1),
        'auto.seconds': round(mean('auto', 'seconds'), 1),
      },
      bars: {
        accuracyGain: '>= 0',
        seedsThatReachIt: `${seeds}`,
        stepsToRandomsBest: '<= 0.4',
        wholeSearchSteps: '<= 0.4',
      },
    }
  } finally {
    await system.stop()
  }
}
