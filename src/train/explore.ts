/** Explore: a plain call of the training function in this process, no bus at all. */
import { isProblem, problem, type Hparams, type MetricPoint } from '../../protocol/index.ts'
import { validContexts, type Experiment, type Exploration, type ExploreOptions } from '../experiment/index.ts'
import { loadBackend } from './backend.ts'
import { exploredArtifacts } from './explored-artifacts.ts'
import { runTraining } from './training.ts'

/** Points kept of one exploration; what comes later is passed to `onReport` only. */
const maximumPoints = 100_000

/** Throws what train throws as TRAIN_FAILED, and the codes of a result or report that is not valid. */
export async function explore(
  experiment: Experiment,
  hparams: Hparams,
  options: ExploreOptions = {},
): Promise<Exploration> {
  useNativeBackend()
  const artifacts = exploredArtifacts(options.artifacts)
  const points: MetricPoint[] = []
  const startedAt = performance.now()
  const { outcome } = await runTraining(experiment, {
    hparams,
    artifacts,
    objectives: [],
    single: validContexts(experiment.contexts)[0]?.context.objectives[0]?.metric ?? 'value',
    run: {
      kind: 'explore',
      experiment: experiment.name,
      contextName: 'explore',
      trial: 0,
      attempt: 1,
      seed: options.seed ?? 0,
    },
    sink: {
      point: (point) => {
        if (points.length < maximumPoints) points.push(point)
        options.onReport?.(point)
      },
      line: (text) => {
        process.stdout.write(`${text}\n`)
      },
      stopReason: () => undefined,
      now: () => Date.now(),
    },
  })
  if (outcome.kind === 'done') {
    return {
      metrics: outcome.metrics,
      points,
      durationMs: Math.round(performance.now() - startedAt),
      hparams: { ...experiment.defaults, ...hparams },
      artifacts: [...artifacts.kept.values()],
    }
  }
  if (outcome.kind === 'stopped') throw problem('TRAIN_FAILED', { reason: `EarlyStop: ${outcome.reason}` })
  if (outcome.kind === 'returned') throw problem('INTERNAL', { reason: outcome.reason })
  throw outcome.error
}

/** Users of plain `@tensorflow/tfjs` get the native backend too, where it is installed; who trains without tfjs needs none. */
function useNativeBackend(): void {
  try {
    loadBackend()
  } catch (error) {
    if (!isProblem(error, 'TFJS_MISSING')) throw error
    process.emitWarning(`${error.message}; tfjs runs as plain JavaScript, which is very slow`, {
      code: error.code,
      detail: error.remedy,
    })
  }
}
