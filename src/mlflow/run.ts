/** Runs of MLflow's in the words of its interface: what may be in a name, how long a value may be, how much goes in one batch. */
import type { MlflowServer } from './server.ts'

export type RunStatus = 'RUNNING' | 'FINISHED' | 'FAILED' | 'KILLED'

export interface KnownRun {
  readonly id: string
  readonly artifacts: string
  status: RunStatus
  /** How many reports it holds. */
  points: number
  /** Its params are there; of one that was found again, perhaps not. */
  complete: boolean
}

export interface Metric {
  readonly key: string
  /** JSON has no NaN: MLflow takes it as text. */
  readonly value: number | 'NaN'
  readonly timestamp: number
  readonly step: number
}

const most = { metrics: 1000, params: 100, tags: 100, param: 6000, tag: 5000, key: 250 }

/** Letters, digits, _ - . space : / are what a name may have. */
export const keyOf = (name: string): string => name.replaceAll(/[^\p{L}\p{N}_\-. :/]/gu, '_').slice(0, most.key)

const pairs = (values: Readonly<Record<string, string>>, length: number) =>
  Object.entries(values).map(([key, value]) => ({ key: keyOf(key), value: value.slice(0, length) }))

export async function createRun(
  server: MlflowServer,
  run: {
    readonly experimentId: string
    readonly name: string
    readonly startedAt: number
    readonly tags: Readonly<Record<string, string>>
  },
): Promise<KnownRun> {
  const answer = await server.post('runs/create', {
    experiment_id: run.experimentId,
    run_name: run.name,
    start_time: run.startedAt,
    tags: pairs(run.tags, most.tag),
  })
  const { run_id: id = '', artifact_uri: artifacts = '' } = (answer['run'] as { info: Record<string, string> }).info
  return { id, artifacts, status: 'RUNNING', points: 0, complete: false }
}

export async function logParams(
  server: MlflowServer,
  run: KnownRun,
  params: Readonly<Record<string, string>>,
): Promise<void> {
  const all = pairs(params, most.param)
  for (let from = 0; from < all.length; from += most.params) {
    await server.post('runs/log-batch', { run_id: run.id, params: all.slice(from, from + most.params) })
  }
}

/** In batches; `tags` go with the last of them, so that they say what is there. */
export async function logMetrics(
  server: MlflowServer,
  run: KnownRun,
  metrics: readonly Metric[],
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  for (let from = 0; from === 0 || from < metrics.length; from += most.metrics - most.tags) {
    const batch = metrics.slice(from, from + most.metrics - most.tags)
    const isLast = from + batch.length >= metrics.length
    await server.post('runs/log-batch', {
      run_id: run.id,
      metrics: batch,
      ...(isLast ? { tags: pairs(tags, most.tag) } : {}),
    })
  }
}

/** `endedAt` null: it has not ended. */
export async function setStatus(
  server: MlflowServer,
  run: KnownRun,
  status: RunStatus,
  endedAt: number | null,
): Promise<void> {
  if (run.status === status) return
  await server.post('runs/update', { run_id: run.id, status, ...(endedAt === null ? {} : { end_time: endedAt }) })
  run.status = status
}
