/** As much of MLflow's tracking server as is asked of it, in memory; that the real one takes it alike is tried in test/interop. */
import { problem } from '../../protocol/index.ts'
import type { MlflowServer } from '../../src/mlflow/index.ts'

interface Entry {
  readonly key: string
  readonly value: string
}
interface Metric {
  readonly key: string
  readonly value: number | string
  readonly step: number
}
export interface FakeRun {
  readonly name: string
  status: string
  readonly tags: Map<string, string>
  readonly params: Map<string, string>
  /** By key and step: MLflow keeps equal ones once. */
  readonly metrics: Map<string, number | string>
}

export class FakeMlflow implements MlflowServer {
  readonly url = 'http://mlflow'
  readonly runs = new Map<string, FakeRun>()
  readonly files = new Map<string, string>()
  readonly batches: number[] = []
  calls = 0
  /** The calls that get no answer, by number; `after`: what they ask for is done all the same. */
  readonly failing = new Map<number, 'before' | 'after'>()
  #experiments: string[] = []

  post(path: string, body: object): Promise<Record<string, unknown>> {
    return this.#called(() => this.#post(path, body as Record<string, never>))
  }

  get(_: string, query: Readonly<Record<string, string>>): Promise<Record<string, unknown> | undefined> {
    return this.#called(() => {
      const id = this.#experiments.indexOf(query['experiment_name'] ?? '')
      return id < 0 ? undefined : { experiment: { experiment_id: String(id) } }
    })
  }

  async put(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = []
    for await (const part of content) parts.push(part)
    return await this.#called(() => void this.files.set(path, Buffer.concat(parts).toString()))
  }

  async #called<T>(work: () => T): Promise<T> {
    await Promise.resolve()
    const fails = this.failing.get(this.calls++)
    const lost = problem('MLFLOW_UNREACHABLE', { url: this.url, reason: 'no luck' })
    if (fails === 'before') throw lost
    const answer = work()
    if (fails === 'after') throw lost
    return answer
  }

  #post(path: string, body: Record<string, never>): Record<string, unknown> {
    if (path === 'experiments/create') return { experiment_id: String(this.#experiments.push(body['name'] ?? '') - 1) }
    if (path === 'runs/create') {
      const id = `r${this.runs.size}`
      this.runs.set(id, {
        name: String(body['run_name']),
        status: 'RUNNING',
        tags: entries(body['tags']),
        params: new Map(),
        metrics: new Map(),
      })
      return { run: { info: { run_id: id, artifact_uri: `mlflow-artifacts:/${id}` } } }
    }
    if (path === 'runs/search') {
      const runs = [...this.runs].map(([id, { status, tags }]) => ({
        info: { run_id: id, artifact_uri: `mlflow-artifacts:/${id}`, status },
        data: { tags: [...tags].map(([key, value]) => ({ key, value })) },
      }))
      return { runs }
    }
    const run = this.runs.get(String(body['run_id']))
    if (run === undefined) throw new Error('no such run')
    if (path === 'runs/update') run.status = String(body['status'])
    else this.#batch(run, body)
    return {}
  }

  #batch(run: FakeRun, body: Record<string, never>): void {
    const metrics = (body['metrics'] ?? []) as Metric[]
    const params = entries(body['params'])
    const tags = entries(body['tags'])
    this.batches.push(metrics.length + params.size + tags.size)
    for (const [key, value] of params) {
      if ((run.params.get(key) ?? value) !== value) throw new Error(`param ${key} cannot be changed`)
      run.params.set(key, value)
    }
    for (const [key, value] of tags) run.tags.set(key, value)
    for (const { key, step, value } of metrics) run.metrics.set(`${key}@${step}`, value)
  }
}

const entries = (list: unknown): Map<string, string> =>
  new Map(((list ?? []) as Entry[]).map(({ key, value }) => [key, value]))
