/**
 * An experiment as runs of MLflow's: one for the experiment, and below it one for each attempt at a trial that had a result or reports.
 * I1 What is there is asked of the server, and only what is missing is sent: the same experiment may be told again and again, live, after
 *    an outage, or months later.
 * I2 After a failure nothing is taken for granted: the server is asked again what it has.
 */
import { own } from '../../protocol/index.ts'
import { filesOf } from '../artifact/index.ts'
import { isFinal } from '../history/index.ts'
import type { Artifact, KeptPoint, Outline, TrialResult } from '../store/index.ts'
import { literal } from '../words/index.ts'
import {
  createRun,
  keyOf,
  logMetrics,
  logParams,
  setStatus,
  type KnownRun,
  type Metric,
  type RunStatus,
} from './run.ts'
import type { MlflowServer } from './server.ts'

interface Told {
  readonly trial: TrialResult
  readonly points: readonly KeptPoint[]
}

interface Known {
  readonly experimentId: string
  parent: KnownRun | undefined
  /** By trial and attempt: `3/1`. */
  readonly attempts: Map<string, KnownRun>
}

const ends: Readonly<Record<string, RunStatus>> = {
  done: 'FINISHED',
  pruned: 'KILLED',
  cancelled: 'KILLED',
  stopped: 'KILLED',
  failed: 'FAILED',
}

/** The bytes of an artifact, in order. */
type ReadParts = (experiment: string, trial: number, artifact: Artifact) => AsyncIterable<Uint8Array>

export class MlflowRecord {
  readonly #server: MlflowServer
  readonly #read: ReadParts
  #known: Known | undefined

  constructor(server: MlflowServer, read: ReadParts) {
    this.#server = server
    this.#read = read
  }

  /** Sends what is missing of these trials, and how the experiment stands. Rejects with MLFLOW_UNREACHABLE or MLFLOW_REFUSED. */
  async tell(outline: Outline, trials: readonly Told[]): Promise<void> {
    try {
      const known = (this.#known ??= await find(this.#server, outline))
      const parent = (known.parent ??= await this.#createParent(known, outline))
      for (const { trial, points } of trials) await this.#trial(known, parent, outline, trial, points)
      await this.#end(parent, outline)
    } catch (error) {
      // I2
      this.#known = undefined
      throw error
    }
  }

  async #createParent({ experimentId }: Known, outline: Outline): Promise<KnownRun> {
    const { experiment, contextName, objectives, seed, wanted, startedAt } = outline
    const aims = objectives.map(({ metric, direction }) => `${direction} ${metric}`)
    const tags = {
      'maggy.experiment': experiment,
      'maggy.context': contextName,
      'maggy.objectives': aims.join(', '),
      'maggy.seed': String(seed),
      'maggy.trials': String(wanted),
    }
    return await createRun(this.#server, { experimentId, name: experiment, startedAt: startedAt ?? 0, tags })
  }

  async #trial(
    known: Known,
    parent: KnownRun,
    outline: Outline,
    trial: TrialResult,
    points: readonly KeptPoint[],
  ): Promise<void> {
    if (trial.attempt === null || trial.startedAt === null) return
    await this.#giveUpOthers(known, trial)
    const key = `${trial.trial}/${trial.attempt}`
    const run = known.attempts.get(key) ?? (await this.#createAttempt(known, parent, outline, trial))
    known.attempts.set(key, run)
    if (run.status !== 'RUNNING') return
    if (!run.complete) {
      const hparams = Object.entries(trial.hparams).map(([name, value]) => [name, literal(value)])
      await logParams(this.#server, run, Object.fromEntries(hparams) as Record<string, string>)
      run.complete = true
    }
    const reported = points.filter(({ attempt }) => attempt === trial.attempt).sort((a, b) => a.index - b.index)
    const metrics = reported.slice(run.points).flatMap((point) => metricsOf(point.values, point.step, point.at))
    const over = isFinal(trial.state)
    if (metrics.length > 0 || over) {
      const last = over ? lastMetrics(trial, reported.at(-1)) : []
      await logMetrics(this.#server, run, [...metrics, ...last], {
        'maggy.points': String(reported.length),
        ...(over ? endTags(trial) : {}),
      })
      run.points = reported.length
    }
    if (!over) return
    await this.#artifacts(run, outline, trial)
    await setStatus(this.#server, run, ends[trial.state] ?? 'KILLED', trial.endedAt)
  }

  /** I1: a run that has ended has all of them. */
  async #artifacts(run: KnownRun, { experiment }: Outline, { trial, artifacts = [] }: TrialResult): Promise<void> {
    const folder = folderOf(run)
    if (folder === undefined) return
    for (const artifact of artifacts) {
      const { name, kind, bytes } = artifact
      const parts = this.#read(experiment, trial, artifact)
      for await (const file of filesOf({ name, kind, parts })) {
        await this.#server.put(`${folder}/${file.path}`, file.parts, bytes)
      }
    }
  }

  /** An attempt that another one has replaced. */
  async #giveUpOthers({ attempts }: Known, { trial, attempt, startedAt }: TrialResult): Promise<void> {
    for (const [key, run] of attempts) {
      if (!key.startsWith(`${trial}/`) || key === `${trial}/${attempt}`) continue
      await setStatus(this.#server, run, run.status === 'RUNNING' ? 'KILLED' : run.status, startedAt)
    }
  }

  async #createAttempt(
    { experimentId }: Known,
    parent: KnownRun,
    { experiment }: Outline,
    { trial, attempt, startedAt, seed, ablated }: TrialResult,
  ): Promise<KnownRun> {
    const tags = {
      'mlflow.parentRunId': parent.id,
      'maggy.experiment': experiment,
      'maggy.trial': String(trial),
      'maggy.attempt': String(attempt),
      'maggy.seed': String(seed),
      ...(ablated === undefined ? {} : { 'maggy.without': ablated.components.map(({ name }) => name).join(' + ') }),
    }
    const name = attempt === 1 ? `trial-${trial}` : `trial-${trial}-attempt-${attempt}`
    return await createRun(this.#server, { experimentId, name, startedAt: startedAt ?? 0, tags })
  }

  async #end(parent: KnownRun, outline: Outline): Promise<void> {
    const status = ends[outline.state] ?? 'RUNNING'
    if (parent.status === status) return
    if (status !== 'RUNNING') {
      const { best, counts, endedAt } = outline
      const at = endedAt ?? 0
      const numbers = Object.entries(counts).map(([state, count]): [string, number] => [`trials.${state}`, count])
      const metrics = [...metricsOf(best?.metrics ?? {}, 0, at), ...metricsOf(Object.fromEntries(numbers), 0, at)]
      // Params can never be changed, and after a resume another trial may be the best.
      const tags =
        best === null ? {} : { 'maggy.best': String(best.trial), 'maggy.best.hparams': JSON.stringify(best.hparams) }
      await logMetrics(this.#server, parent, metrics, { 'maggy.state': outline.state, ...tags })
      const folder = folderOf(parent)
      const result = Buffer.from(`${JSON.stringify(outline, null, 2)}\n`)
      if (folder !== undefined)
        await this.#server.put(`${folder}/result.json`, ReadableStream.from([result]), result.length)
    }
    await setStatus(this.#server, parent, status, outline.endedAt)
  }
}

/** Only a server that keeps the files of its clients can be given one by its own address. */
const folderOf = ({ artifacts }: KnownRun): string | undefined => /^mlflow-artifacts:\/+(.*)$/.exec(artifacts)?.[1]

/** I1. The experiment of MLflow's has the name of the definition; it is made if it is not there. */
async function find(server: MlflowServer, { name, experiment }: Outline): Promise<Known> {
  const experimentName = keyOf(name)
  const there = await server.get('experiments/get-by-name', { experiment_name: experimentName })
  const found = (there?.['experiment'] as { experiment_id?: string } | undefined)?.experiment_id
  const experimentId =
    found ?? String((await server.post('experiments/create', { name: experimentName }))['experiment_id'])
  const known: Known = { experimentId, parent: undefined, attempts: new Map() }
  let token: unknown
  do {
    const filter = `tags.\`maggy.experiment\` = '${experiment}'`
    const asked = { experiment_ids: [experimentId], filter, max_results: 1000 }
    const page = await server.post('runs/search', token === undefined ? asked : { ...asked, page_token: token })
    for (const { info, data } of (page['runs'] ?? []) as readonly FoundRun[]) {
      const tags = new Map(data.tags?.map(({ key, value }) => [key, value]))
      const [trial, attempt] = [tags.get('maggy.trial'), tags.get('maggy.attempt')]
      const { run_id: id, artifact_uri: artifacts, status } = info
      const run = { id, artifacts, status, points: Number(tags.get('maggy.points') ?? 0), complete: false }
      if (trial === undefined) known.parent ??= run
      else known.attempts.set(`${trial}/${attempt}`, run)
    }
    token = page['next_page_token']
  } while (typeof token === 'string' && token !== '')
  return known
}

interface FoundRun {
  readonly info: { readonly run_id: string; readonly artifact_uri: string; readonly status: RunStatus }
  readonly data: { readonly tags?: readonly { readonly key: string; readonly value: string }[] }
}

function metricsOf(values: TrialResult['metrics'], step: number, timestamp: number): Metric[] {
  return Object.entries(values).map(([name, value]) => ({ key: keyOf(name), value: value ?? 'NaN', timestamp, step }))
}

/** The value that train returned need not be its last report: it becomes the point behind that. */
function lastMetrics({ metrics, endedAt }: TrialResult, last: KeptPoint | undefined): Metric[] {
  const others = Object.entries(metrics).filter(([name, value]) => own(last?.values ?? {}, name) !== value)
  const step = last === undefined ? 0 : last.step + 1
  return metricsOf(Object.fromEntries(others), step, endedAt ?? last?.at ?? 0)
}

/** Artifacts are named here, too, for a server that keeps no files of its clients. */
function endTags({ state, worker, attempts, problem, artifacts = [] }: TrialResult): Record<string, string> {
  return {
    'maggy.state': state,
    'maggy.attempts': String(attempts),
    ...(artifacts.length === 0 ? {} : { 'maggy.artifacts': artifacts.map(({ name }) => name).join(', ') }),
    ...(worker === null ? {} : { 'maggy.worker': worker }),
    ...(problem === undefined ? {} : { 'maggy.problem': `${problem.code}: ${problem.message}` }),
  }
}
