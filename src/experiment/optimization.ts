/** The optimization context: what a user writes, checked at once, in the form that travels. */
import type { Direction, Objective, OptimizationContext, RingSettings } from '../../protocol/index.ts'
import { validateSpace } from '../space/index.ts'
import type { ContextOf, Space, ValuesOf } from './definition.ts'
import { hparams, invalid, objectives, plugin, policy, record, whole, type PluginOption } from './options.ts'
import { workersPerTrial } from './training.ts'

interface Common<S extends Space, H extends object> {
  /** Who suggests: the name of an optimizer that runs on the bus. Default: random. */
  readonly optimizer?: PluginOption
  /** What is searched. */
  readonly space: S
  /** How many trials. */
  readonly trials: number
  /** Who stops hopeless trials early. Default: nobody. */
  readonly pruner?: PluginOption | null
  /** Given to every trial beside what is suggested. */
  readonly hparams?: H
  /** A whole number; default 0, never taken from the clock: the same search twice gives the same suggestions. */
  readonly seed?: number
  /** A trial may run this long. Default: as long as it takes. */
  readonly trialTimeoutMs?: number | null
  /** What ignores a stop this long is killed. Default: 5,000. */
  readonly graceMs?: number
  /** Tries at one trial when a worker or a runner is lost under it. Default: 3. */
  readonly maxAttempts?: number
  /** The experiment is given up once so many trials have failed. Default: never. */
  readonly maxFailed?: number | null
  /** At most so many trials at once. Default: as many as there are slots. */
  readonly parallel?: number | null
  /** Each trial is trained by a ring of so many workers, all settings as in `training`. Default: 1, which needs no ring. */
  readonly workersPerTrial?: number
  /** Only workers that carry all of these labels. */
  readonly labels?: Readonly<Record<string, string>>
}

interface OneObjective {
  /** Which of the numbers that train returns; a single number that it returns is called so. Default: value. */
  readonly metric?: string
  readonly direction: Direction
  readonly objectives?: never
}

interface SeveralObjectives {
  readonly objectives: readonly Objective[]
  readonly metric?: never
  readonly direction?: never
}

export type OptimizationOptions<S extends Space, H extends object> = Common<S, H> & (OneObjective | SeveralObjectives)

const known = [
  'optimizer',
  'space',
  'trials',
  'metric',
  'direction',
  'objectives',
  'pruner',
  'hparams',
  'seed',
  'trialTimeoutMs',
  'graceMs',
  'maxAttempts',
  'maxFailed',
  'parallel',
  'labels',
  'workersPerTrial',
]

/**
 * Tune: trials of the training function with hparams out of a search space. Throws SPACE_INVALID or CONTEXT_INVALID, with the
 * path of the fault.
 */
export function optimization<const S extends Space, H extends object = object>(
  options: OptimizationOptions<S, H>,
): ContextOf<ValuesOf<S> & H> {
  const given = record('optimization', options)
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) throw invalid(key, `is unknown; there are ${known.join(', ')}`)
  }
  const space = validateSpace(given['space'], 'space')
  const context: OptimizationContext = {
    kind: 'optimization',
    optimizer: plugin('optimizer', given['optimizer'] ?? 'random'),
    pruner: given['pruner'] === undefined || given['pruner'] === null ? null : plugin('pruner', given['pruner']),
    space,
    trials: whole('trials', given['trials'], 1),
    objectives: objectives(given),
    hparams: hparams(given['hparams'] ?? {}, space),
    seed: whole('seed', given['seed'] ?? 0, 0),
    policy: policy(given),
    ...ringOf(given['workersPerTrial'] ?? 1),
  }
  return { kind: 'optimization', context }
}

function ringOf(value: unknown): { ring?: RingSettings } {
  const ring = workersPerTrial('workersPerTrial', value)
  return ring.workers.max === 1 ? {} : { ring }
}
