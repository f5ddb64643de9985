/** Optuna itself, and its dashboard, read our journal; and we read theirs. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../support/cli.ts'
import { pythonWithPackages, type Python } from '../support/python.ts'
import { freePort } from '../support/server.ts'
import { curveOf, makeSearch, type Exported, type Search } from './search.ts'

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))

let python: Python
let search: Search
let result: Exported
let followed = ''
let written = ''

beforeAll(async () => {
  python = await pythonWithPackages('optuna==5.0.0', 'optuna-dashboard==0.21.0')
  search = await makeSearch()
  followed = join(search.folder, 'followed.log')
  written = join(search.folder, 'written.log')
  const running = search.run('tune')
  await until(() => running.said().includes('experiment '))
  await search.maggy('export', '--format', 'optuna-journal', '--follow', '--output', followed)
  await running
  await search.maggy('export', '--format', 'optuna-journal', '--output', written)
  result = await search.result()
})
afterAll(() => search.remove())

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
    let studies: { study_id: number; study_name: string }[] = []
    while (studies.length === 0) {
      if (dashboard.process.exitCode !== null) throw new Error(dashboard.said())
      const answer = await fetch(url).catch(() => undefined) // it starts
      if (answer === undefined) await new Promise((resolve) => setTimeout(resolve, 50))
      if (answer?.ok === true) studies = ((await answer.json()) as { study_summaries: typeof studies }).study_summaries
    }
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
