/** One search, read by Optuna and its dashboard, MLflow, TensorBoard and pyarrow: each finds the same counts, the same best trial, the same curves. */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../support/cli.ts'
import type { Python, PythonProcess } from '../support/python.ts'
import { freePort } from '../support/server.ts'
import { curveOf, makeSearch, type Exported, type Search } from './search.ts'
import { withTools } from './tools.ts'

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))

let python: Python
let search: Search
let result: Exported
let followed = ''
let written = ''
let events = ''
let mlflow: PythonProcess
let mlflowUrl = ''

beforeAll(async () => {
  python = await withTools()
  search = await makeSearch()
  followed = join(search.folder, 'followed.log')
  written = join(search.folder, 'written.log')
  events = join(search.folder, 'events')
  const port = await freePort()
  mlflowUrl = `http://127.0.0.1:${port}`
  const startMlflow = async () => {
    mlflow = python.start([script('serve_mlflow.py'), search.folder, String(port)])
    await answering(`${mlflowUrl}/health`, mlflow)
  }
  await startMlflow()
  const running = search.run('tune', '--mlflow', mlflowUrl, '--tensorboard', events)
  await until(() => running.said().includes('experiment '))
  await search.maggy('export', '--format', 'optuna-journal', '--follow', '--output', followed)
  const { code } = await running
  if (code !== 0) throw new Error(running.said())
  await search.maggy('export', '--format', 'optuna-journal', '--output', written)
  result = await search.result()
})
afterAll(async () => {
  await mlflow.stop()
  await search.remove()
})

/** Resolves once there is an answer. */
async function answering(url: string, server: PythonProcess): Promise<Response> {
  for (;;) {
    if (server.process.exitCode !== null) throw new Error(server.said())
    const answer = await fetch(url).catch(() => undefined) // it starts
    if (answer?.ok === true) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

interface Study {
  readonly study_id: number
  readonly study_name: string
}

const words: Record<string, string> = { done: 'COMPLETE', pruned: 'PRUNED', failed: 'FAIL' }

it('optuna reads the trials, their ends, values and curves, and finds the same best one', async () => {
  const trials = result.trials.map((trial) => {
    const names = Object.keys(result.space).filter((name) => Object.hasOwn(trial.hparams, name))
    return {
      state: words[trial.state],
      values: trial.state === 'failed' ? null : [trial.metrics['value']],
      params: Object.fromEntries(names.map((name) => [name, trial.hparams[name]])),
      curve: curveOf(trial, 'value'),
      attempts: trial.attempts,
    }
  })
  expect(result.counts).toMatchObject({ failed: 1, queued: 0, running: 0 })
  expect(trials[3]?.attempts).toBe(2)
  for (const file of [followed, written]) {
    const read = JSON.parse(await python.run([script('read_optuna.py'), file])) as Record<string, unknown>
    expect(read).toMatchObject({
      name: result.experiment,
      metrics: ['value'],
      direction: 'MAXIMIZE',
      best: result.best?.trial,
      value: result.best?.metrics['value'],
      trials,
    })
  }
})

it('optuna-dashboard serves the study, and keeps a note in it that we write around', async () => {
  const port = await freePort()
  const serve = 'import sys, optuna_dashboard._cli as cli; sys.argv = sys.argv[1:]; cli.main()'
  const dashboard = python.start(['-c', serve, 'optuna-dashboard', followed, '--port', String(port)])
  try {
    const url = `http://127.0.0.1:${port}/api/studies`
    const listed = (await (await answering(url, dashboard)).json()) as { study_summaries: Study[] }
    const studies = listed.study_summaries
    expect(studies.map(({ study_name: name }) => name)).toEqual([result.experiment])
    const study = (await (await fetch(`${url}/${studies[0]?.study_id}?after=0`)).json()) as {
      trials: { state: string; values?: (number | string)[]; intermediate_values: { step: number; value: number }[] }[]
      best_trials: { number: number }[]
    }
    expect(study.trials.map(({ state }) => state.toUpperCase())).toEqual(
      result.trials.map(({ state }) => words[state]?.toUpperCase()),
    )
    expect(study.best_trials.map(({ number }) => number)).toEqual([result.best?.trial])
    const noted = await fetch(`${url}/${studies[0]?.study_id}/note`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ body: 'seen', version: 1 }),
    })
    expect(noted.status).toBe(204)
    await search.maggy('export', '--format', 'optuna-journal', '--output', followed)
  } finally {
    await dashboard.stop()
  }
})

it('a study of Optuna’s warms a search of ours, which says what is of use', async () => {
  const theirs = join(search.folder, 'theirs.log')
  await python.run([script('make_optuna.py'), theirs])
  const module = join(search.folder, 'warm.ts')
  await writeFile(
    module,
    `import { defineExperiment, optimization, space } from 'maggy'
     export default defineExperiment(import.meta.url, {
       name: 'warm',
       train: ({ hparams }: any) => ({ value: hparams.x }),
       contexts: { tune: optimization({
         space: { x: space.double(0, 1), kind: space.categorical(['relu', null]) },
         trials: 2, metric: 'value', direction: 'maximize', optimizer: 'tpe',
         warmStart: { optuna: ${JSON.stringify(theirs)} },
       }) },
     })\n`,
  )
  const ran = await search.maggy('run', module, 'tune')
  expect(ran.stdout).toContain(
    'warmStart: 3 of 6 trials are of use; 1 not done (warmStart[2] is "failed"); 1 without "value" (warmStart[3].metrics); 1 not in this space (warmStart[5].hparams.x is 1.5, outside of 0 to 1)',
  )
})

const statuses: Record<string, string> = { done: 'FINISHED', pruned: 'KILLED', failed: 'FAILED' }

interface Read {
  readonly parents: readonly object[]
  readonly nested: boolean
  readonly attempts: readonly { readonly trial: number; readonly attempt: number; readonly status: string }[]
}
const readMlflow = async (experiment: string) =>
  JSON.parse(await python.run([script('read_mlflow.py'), mlflowUrl, 'curves', experiment])) as Read

/** What MLflow is to hold of the attempts that count. */
const expectedOf = ({ trials }: Exported) =>
  trials.map((trial) => ({
    trial: trial.trial,
    attempt: trial.attempt,
    status: statuses[trial.state],
    state: trial.state,
    params: expect.objectContaining({ fixed: '7', list: '[1,2]', x: String(trial.hparams['x']) }) as object,
    files: trial.trial === 0 ? [['notes', 'noted'.length]] : [],
    curve: curveOf(trial, 'value'),
  }))

it('mlflow reads a run a trial below the run of the search, kept while it ran', async () => {
  const { parents, nested, attempts } = await readMlflow(result.experiment)
  const { done, failed } = result.counts
  expect(parents).toEqual([
    {
      status: 'FINISHED',
      best: String(result.best?.trial),
      metrics: expect.objectContaining({
        value: result.best?.metrics['value'],
        'trials.done': done,
        'trials.failed': failed,
      }) as object,
      files: ['result.json'],
    },
  ])
  expect(nested).toBe(true)
  const lost = attempts.filter(({ trial, attempt }) => result.trials[trial]?.attempt !== attempt)
  for (const { trial, attempt, status } of lost) expect([trial, attempt, status]).toEqual([3, 1, 'KILLED'])
  expect(attempts.filter((one) => !lost.includes(one))).toEqual(expectedOf(result))
})

it('an MLflow server that says nothing holds no search up; what it lacks is sent later, and only once', async () => {
  const hung = createServer(() => {}).listen(0, '127.0.0.1')
  await once(hung, 'listening')
  const { port } = hung.address() as AddressInfo
  const { code, stdout, stderr } = await search.run('tune', '--mlflow', `http://127.0.0.1:${port}`, '--set', 'trials=4')
  hung.close()
  expect(code).toBe(0)
  const [, id = ''] = /^experiment (\S+)$/m.exec(stdout) ?? []
  expect(stdout + stderr).toContain(`maggy export ${id} --mlflow http://127.0.0.1:${port}`)
  const later = await search.result()
  expect(later.counts.done + later.counts.pruned).toBe(4)
  await search.maggy('export', id, '--mlflow', mlflowUrl)
  const first = await readMlflow(id)
  expect(first.attempts).toEqual(expectedOf(later))
  await search.maggy('export', id, '--mlflow', mlflowUrl)
  expect(await readMlflow(id)).toEqual(first)
})

it('pyarrow reads the trials and the reports, with their types', async () => {
  const [trials, reports] = [join(search.folder, 'trials.parquet'), join(search.folder, 'reports.parquet')]
  const of = [result.experiment, '--format', 'parquet']
  await search.maggy('export', ...of, '--output', trials)
  await search.maggy('export', ...of, '--rows', 'reports', '--output', reports)
  const read = JSON.parse(await python.run([script('read_parquet.py'), trials, reports])) as {
    types: Record<string, string>
    rows: Record<string, unknown>[]
  }[]
  expect(read[0]?.types).toMatchObject({
    trial: 'int32',
    'hparams.x': 'double',
    'hparams.kind': 'string',
    'metrics.value': 'double',
    startedAt: 'timestamp[ms, tz=UTC]',
  })
  expect(
    read[0]?.rows.map((row) => [row['trial'], row['state'], row['hparams.x'], row['metrics.value'] ?? null]),
  ).toEqual(
    result.trials.map(({ trial, state, hparams, metrics }) => [trial, state, hparams['x'], metrics['value'] ?? null]),
  )
  expect(read[1]?.rows.map((row) => [row['trial'], row['attempt'], row['step'], row['metrics.value']])).toEqual(
    result.trials.flatMap(({ trial, reports: all }) =>
      all.map(({ attempt, step, values }) => [trial, attempt, step, values['value']]),
    ),
  )
})

it('tensorboard reads the curves, the hparams and how each trial ended', async () => {
  const check = fileURLToPath(new URL('../store/check_tensorboard.py', import.meta.url))
  const lines = (await python.run([check, events])).trim().split('\n')
  const files = lines.map((line) => JSON.parse(line.replaceAll('NaN', 'null')) as TensorBoardFile)
  const ended: Record<string, number> = { done: 1, pruned: 1, failed: 2 }
  expect(files.filter(({ hparams }) => hparams.experiment !== undefined)).toHaveLength(1)
  for (const trial of result.trials) {
    const file = files.find(({ file: path }) => path.includes(`/trial-${trial.trial}/`))
    expect(file?.hparams).toMatchObject({ start: { x: trial.hparams['x'] }, end: ended[trial.state] })
    const curve = curveOf(trial, 'value').map(([step, value]) => [step, expect.closeTo(value, 5) as number])
    expect(file?.scalars['value'] ?? []).toEqual(curve)
  }
})

interface TensorBoardFile {
  readonly file: string
  readonly scalars: Readonly<Record<string, [number, number][]>>
  readonly hparams: { readonly experiment?: object; readonly start?: object; readonly end?: number }
}
