/** The training context: one trial on a ring of workers. The user's options are checked at once, and brought into the form that travels. */
import type { Direction, RingSettings, TrainingContext } from '../../protocol/index.ts'
import { ringDefaults } from '../ring/index.ts'
import type { ContextOf } from './definition.ts'
import { madeContext } from './faulty-context.ts'
import { hparams, invalid, objectives, policy, record, requireKnown, resourceOptions, whole } from './options.ts'

export interface TrainingOptions<H extends object> {
  /**
   * How many train together. A number: it begins with exactly so many, and goes on with what is left of them. A range: it begins
   * with `max` (or after `wait` with `min`), waits whenever there are fewer than `min`, and takes in whoever comes, up to `max`.
   */
  readonly workers: number | { readonly min: number; readonly max: number }
  /** Milliseconds to wait for `max` workers before it begins with fewer. Default: for a number as long as it takes, for a range 10,000. */
  readonly wait?: number | null
  /** The hparams for train: typically an optimization's `result.best.hparams`. Default: the definition's own. */
  readonly hparams?: H
  /** The name of the number, of those that train returns, that the result is compared by, if it is to be. */
  readonly metric?: string
  readonly direction?: Direction
  /** ring: each sends to the next. direct: the owner of a segment tells it to all. Default: ring. */
  readonly algorithm?: RingSettings['algorithm']
  /** How gradients travel; they are added up in float32 always. Default: float32. */
  readonly encoding?: RingSettings['encoding']
  /** Bytes that one message carries at most. Default: 2,500,000. */
  readonly chunkBytes?: number
  /** Local SGD: average the weights every so many steps instead of the gradients at each. Default: 1, which is no local SGD. */
  readonly syncEvery?: number
  /** Add up the gradients of so many batches before a step. Default: 1. */
  readonly accumulate?: number
  /** A checkpoint every so many steps: what is taken up from when all workers are lost. Default: 100; null: none. */
  readonly checkpointEvery?: number | null
  /** rank: what the dataset generator gives is cut up between the ranks. own: each rank loads its own part. Default: rank. */
  readonly shard?: RingSettings['shard']
  /** linear: the learning rate times the number of ranks. Default: as-set. */
  readonly learningRate?: RingSettings['learningRate']
  /** The effect of a gradient that is not finite: stop ends the trial, skip leaves the step out on all ranks. Default: stop. */
  readonly nonFinite?: RingSettings['nonFinite']
  /** A whole number; default 0, never taken from the clock. */
  readonly seed?: number
  /** It may run this long. Default: as long as it takes. */
  readonly trialTimeoutMs?: number | null
  /** A training that ignores a stop for so long is killed. Default: 5,000. */
  readonly graceMs?: number
  /** Tries, each from the last checkpoint, when all workers are lost at once. Default: 3. */
  readonly maxAttempts?: number
  /** Only workers that carry all of these labels. */
  readonly labels?: Readonly<Record<string, string>>
}

const ringKeys = [
  'workers',
  'wait',
  'algorithm',
  'encoding',
  'chunkBytes',
  'syncEvery',
  'accumulate',
  'checkpointEvery',
  'shard',
  'learningRate',
  'nonFinite',
]
const known = [
  ...ringKeys,
  'hparams',
  'metric',
  'direction',
  'objectives',
  'seed',
  'trialTimeoutMs',
  'graceMs',
  'maxAttempts',
  'labels',
  'resources',
]
const rangeWaitMs = 10_000

/**
 * Train data-parallel: the unchanged training function on several workers at once, their gradients averaged at every step.
 * - The mean over all workers, weighted by samples: gradients, statistics of batch normalization, all that `fit` and `fitDataset` tell
 *   callbacks and History, what `evaluate` and `evaluateDataset` give, reports, and what train returns. A number that is the same on
 *   all workers stays as it is, to the bit. With `syncEvery` and `accumulate` the logs of a batch are the worker's own.
 * - These must be the same on all workers, or there is an error that names the difference: how many gradients are computed and applied and
 *   how often train reports (RING_LOOPS_DIFFER), `model.stopTraining` and the optimizer's settings (RING_DECISIONS_DIFFER), every
 *   variable, compared every 50 steps and at the end (RING_REPLICAS_DIFFER). `fit`s run one after another, or one in a callback of
 *   another (FITS_AT_ONCE).
 * - Weights that train reads with `getWeights` and keeps as tensors are part of the state that a late worker takes over.
 *   Where nobody has what `setWeights` is given, that is said (RING_WEIGHTS_PASSED).
 * - Gradients that are not to be applied (all but the last of `accumulate`, and those that `nonFinite: 'skip'` leaves out) are zeros.
 * - A loop can be trained by several if the number of its steps does not depend on one worker's own data or chance: play a fixed
 *   number of moves, or compute one gradient for a whole episode.
 * Throws CONTEXT_INVALID with the path of the fault.
 */
export function training<H extends object = object>(options: TrainingOptions<H>): ContextOf<H> {
  return madeContext('training', () => ({ kind: 'training', context: contextFrom(options) }))
}

function contextFrom(options: object): TrainingContext {
  const given = record('training', options)
  requireKnown(given, known)
  const compared = ['metric', 'direction', 'objectives'].some((key) => given[key] !== undefined)
  return {
    kind: 'training',
    ring: ringSettings(given),
    pruner: null,
    trials: 1,
    objectives: compared && !isEmpty(given['objectives']) ? objectives(given) : [],
    hparams: hparams(given['hparams'] ?? {}, {}),
    seed: whole('seed', given['seed'] ?? 0, 0),
    // Its one trial is all there is: if that fails, it has failed.
    policy: { ...policy(given), maxFailed: 1 },
  }
}

/** The options that a training context was made of. */
export function trainingOptions({
  ring,
  objectives: list,
  seed,
  policy: { trialTimeoutMs, ...policies },
}: TrainingContext) {
  const { workers, waitMs, ...rest } = ring
  const { graceMs, maxAttempts, labels, resources } = policies
  const asked = workers.min === 1 && waitMs === null ? workers.max : workers
  const asOptions = resources === undefined ? {} : { resources: resourceOptions(resources) }
  const policy = { trialTimeoutMs, graceMs, maxAttempts, labels, ...asOptions }
  return { workers: asked, wait: waitMs, ...rest, objectives: list, seed, ...policy }
}

/** A ring for each trial of a search. */
export function workersPerTrial(path: string, value: unknown): RingSettings {
  return ringSettings({ workers: whole(path, value, 1) }, path)
}

function ringSettings(given: Readonly<Record<string, unknown>>, path = 'workers'): RingSettings {
  const { min, max, waitMs } = workers(given['workers'], path)
  const { wait = waitMs, checkpointEvery = 100 } = given
  return {
    workers: { min, max },
    waitMs: wait === null ? null : whole('wait', wait, 0),
    algorithm: one('algorithm', given['algorithm'] ?? ringDefaults.algorithm, ['ring', 'direct']),
    encoding: one('encoding', given['encoding'] ?? ringDefaults.encoding, ['float32', 'bfloat16', 'int8']),
    chunkBytes: whole('chunkBytes', given['chunkBytes'] ?? ringDefaults.chunkBytes, 4),
    syncEvery: whole('syncEvery', given['syncEvery'] ?? 1, 1),
    accumulate: whole('accumulate', given['accumulate'] ?? 1, 1),
    checkpointEvery: checkpointEvery === null ? null : whole('checkpointEvery', checkpointEvery, 1),
    shard: one('shard', given['shard'] ?? 'rank', ['rank', 'own']),
    learningRate: one('learningRate', given['learningRate'] ?? 'as-set', ['as-set', 'linear']),
    nonFinite: one('nonFinite', given['nonFinite'] ?? 'stop', ['stop', 'skip']),
  }
}

function workers(value: unknown, path: string): { min: number; max: number; waitMs: number | null } {
  if (typeof value === 'number') return { min: 1, max: count(path, value), waitMs: null }
  if (typeof value !== 'object' || value === null) {
    throw invalid(path, `is ${JSON.stringify(value) ?? 'missing'}; write a number, or { min, max }`)
  }
  const { min, max, ...rest } = record(path, value)
  for (const key of Object.keys(rest)) throw invalid(`${path}.${key}`, 'is unknown; there are min, max')
  const most = count(`${path}.max`, max)
  const least = count(`${path}.min`, min)
  if (least > most) throw invalid(`${path}.min`, `is ${least}, more than max, which is ${most}`)
  return { min: least, max: most, waitMs: rangeWaitMs }
}

const mostWorkers = 1024
function count(path: string, value: unknown): number {
  const number = whole(path, value, 1)
  if (number > mostWorkers) throw invalid(path, `is ${number}; a ring has at most ${mostWorkers} members`)
  return number
}

function one<T extends string>(path: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  throw invalid(path, `is ${JSON.stringify(value)}; there are ${choices.join(', ')}`)
}

const isEmpty = (value: unknown) => Array.isArray(value) && value.length === 0
