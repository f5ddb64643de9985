/** The options that pruners share, checked. */
import { problem, type Direction, type MaggyError, type Objective } from '../../protocol/index.ts'

export type PrunerOptions = Readonly<Record<string, unknown>>

export function invalidOption(name: string, reason: string): MaggyError {
  return problem('CONTEXT_INVALID', { path: `pruner.options.${name}`, reason })
}

export function refuseUnknown(pruner: string, options: PrunerOptions, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    throw invalidOption(name, `is unknown; ${pruner} has ${known.length === 0 ? 'no options' : known.join(', ')}`)
  }
}

export function wholeOption(options: PrunerOptions, name: string, fallback: number, least: number): number {
  const value = options[name] ?? fallback
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
  throw invalidOption(name, `is ${JSON.stringify(value)}, not a whole number of at least ${least}`)
}

export function numberOption(options: PrunerOptions, name: string): number | undefined {
  const value = options[name]
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw invalidOption(name, `is ${JSON.stringify(value)}, not a finite number`)
}

/** The metric that a pruner looks at: the first objective, or `options.metric`, which needs `options.direction` if it is no objective. */
export function watched(objectives: readonly Objective[], options: PrunerOptions): Objective {
  const { direction } = options
  if (direction !== undefined && !isDirection(direction)) {
    throw invalidOption('direction', `is ${JSON.stringify(direction)}; it is 'minimize' or 'maximize'`)
  }
  const metric = watchedMetric(objectives, options)
  const towards = direction ?? objectives.find((objective) => objective.metric === metric)?.direction
  if (towards === undefined) {
    throw invalidOption(
      'direction',
      `is missing: ${metric} is no objective, so say whether to minimize or to maximize it`,
    )
  }
  return { metric, direction: towards }
}

/** The same for a pruner that asks for no direction. */
export function watchedMetric(objectives: readonly Objective[], options: PrunerOptions): string {
  const metric = options['metric'] ?? objectives[0]?.metric
  if (typeof metric === 'string' && metric !== '') return metric
  throw invalidOption('metric', `is ${JSON.stringify(metric)}, not the name of a number that train reports`)
}

const isDirection = (value: unknown): value is Direction => value === 'minimize' || value === 'maximize'

/**
 * When a pruner judges, in steps: from `startupSteps` on, at the first report of each `interval`. A report without the metric is
 * not judged.
 */
export interface Schedule {
  readonly interval: number
  readonly startupSteps: number
}

export function scheduleOf(options: PrunerOptions): Schedule {
  return {
    interval: wholeOption(options, 'interval', 1, 1),
    startupSteps: wholeOption(options, 'startupSteps', 0, 0),
  }
}
