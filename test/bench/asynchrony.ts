/**
 * What not waiting is worth, in simulated time: the same trials with heavy-tailed durations on 8 workers, handed out as slots fall
 * free, or stage by stage as a bulk-synchronous system does; with and without early stopping. The sampler, the pruner and the book of
 * metrics are the real ones; only time is not.
 */
import { MetricBook } from '../../actors/driver/pruning/metric-book.ts'
import type { Hparams } from '../../protocol/index.ts'
import { createPruner } from '../../src/pruners/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import type { Report } from './main.ts'
import { median, round } from './statistics.ts'

const workers = 8
const trials = 200
const steps = 20
const seeds = 20
const objectives = [{ metric: 'loss', direction: 'minimize' as const }]
const space = {
  lr: { type: 'double' as const, low: 1e-5, high: 1, log: true },
  decay: { type: 'double' as const, low: 0, high: 1 },
}

interface Trial {
  /** Milliseconds of each step: log-normal, the mean is 1.6 and the 99th percentile 10 times the median. */
  readonly stepMs: number
  readonly curve: readonly number[]
}

function trialOf(seed: number, trial: number, { lr, decay }: Hparams): Trial {
  const random = createRandom(seed, 'work', trial)
  const reached = (Math.log10(Number(lr)) + 2.5) ** 2 / 4 + (Number(decay) - 0.3) ** 2
  const speed = 3 + 2 * random.uniform()
  const curve = Array.from(
    { length: steps },
    (_, step) => reached + 2 * Math.exp(-step / speed) + 0.02 * random.normal(),
  )
  return { stepMs: Math.exp(random.normal()), curve }
}

interface Outcome {
  readonly ms: number
  readonly best: number
  readonly steps: number
}

/** Plays all trials. `barrier`: nobody begins before the whole stage has ended. */
function play(seed: number, barrier: boolean, stops: boolean): Outcome {
  const sampler = builtinSamplers.get('random')?.create({ space, objectives, trials, options: {}, seed })
  const book = new MetricBook(stops ? createPruner({ name: 'median', options: {} }, objectives) : null)
  const running = new Map<number, { at: number; trial: number; step: number; work: Trial }>()
  let next = 0
  let now = 0
  let best = Infinity
  let taken = 0
  const begin = (worker: number): void => {
    if (next >= trials) return
    const trial = next++
    const hparams = sampler?.({ space, objectives, history: [], trial, random: createRandom(seed, 'suggest', trial) })
    const work = trialOf(seed, trial, hparams as Hparams)
    book.restart(trial, 1)
    running.set(worker, { at: now + work.stepMs, trial, step: 0, work })
  }
  for (;;) {
    if (!barrier || running.size === 0) {
      for (let worker = 0; worker < workers; worker++) if (!running.has(worker)) begin(worker)
    }
    let worker = -1
    for (const [each, { at }] of running) if (worker < 0 || at < (running.get(worker)?.at ?? 0)) worker = each
    const current = running.get(worker)
    if (current === undefined) return { ms: now, best, steps: taken }
    const { trial, step, work } = current
    now = current.at
    taken += 1
    const loss = work.curve[step] as number
    const points = [{ step, at: now, values: { loss } }]
    const stopped = book.hear(trial, { attempt: 1, first: step, points }).kind === 'stop'
    if (!stopped && step + 1 < steps) {
      current.at += work.stepMs
      current.step += 1
      continue
    }
    if (!stopped) best = Math.min(best, loss)
    book.settle(trial, stopped ? 'pruned' : 'done', { loss })
    running.delete(worker)
  }
}

export async function asynchrony(say: (line: string) => void): Promise<Report> {
  say(`${seeds} searches of ${trials} trials on ${workers} simulated workers, four ways each`)
  const runs = Array.from({ length: seeds }, (_, seed) => ({
    bulk: play(seed, true, false),
    bulkStopping: play(seed, true, true),
    asynchronous: play(seed, false, false),
    stopping: play(seed, false, true),
  }))
  const of = (figure: (run: (typeof runs)[number]) => number, digits = 2) => round(median(runs.map(figure)), digits)
  return {
    figures: {
      bulkMs: of(({ bulk }) => bulk.ms),
      asynchronousMs: of(({ asynchronous }) => asynchronous.ms),
      savedPercent: of(({ bulk, asynchronous }) => 100 * (1 - asynchronous.ms / bulk.ms), 1),
      savedPercentLeast: round(Math.min(...runs.map((run) => 100 * (1 - run.asynchronous.ms / run.bulk.ms))), 1),
      bulkStoppingMs: of(({ bulkStopping }) => bulkStopping.ms),
      stoppingMs: of(({ stopping }) => stopping.ms),
      savedStoppingPercent: of(({ bulkStopping, stopping }) => 100 * (1 - stopping.ms / bulkStopping.ms), 1),
      savedInAllPercent: of(({ bulk, stopping }) => 100 * (1 - stopping.ms / bulk.ms), 1),
      stepsStoppedPercent: of(({ bulk, stopping }) => 100 * (1 - stopping.steps / bulk.steps), 1),
      bestBulk: of(({ bulk }) => bulk.best, 4),
      bestAsynchronous: of(({ asynchronous }) => asynchronous.best, 4),
      bestStopping: of(({ stopping }) => stopping.best, 4),
      worseOfSeeds: runs.filter(({ bulk, stopping }) => stopping.best > bulk.best).length,
    },
    bars: { savedPercent: '>= 40', savedStoppingPercent: '>= 40', bestStopping: '<= bestBulk', worseOfSeeds: '0' },
  }
}
