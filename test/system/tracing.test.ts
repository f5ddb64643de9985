/** A trial as one trace over client, driver, optimizer, worker and runner, out of real processes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { spanIdOf, traceIdOf } from '../../src/tracing/index.ts'
import { maggy } from '../support/cli.ts'
import { startCollector, type Collector } from '../support/collector.ts'

let folder = ''
let collector: Collector

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-tracing-'))
  collector = await startCollector()
})
afterAll(async () => {
  await collector.close()
  await rm(folder, { recursive: true, force: true })
})

it('every trial of a search on an embedded bus is a trace, with what each process did in its place', async () => {
  const module = join(folder, 'two.ts')
  await writeFile(
    module,
    `import { defineExperiment, optimization, space } from 'maggy'
     export default defineExperiment(import.meta.url, {
       name: 'two',
       train: ({ hparams, run }: any) => {
         if (run.trial === 1) throw new Error('no luck')
         return { value: hparams.x }
       },
       contexts: { tune: optimization({ optimizer: 'tpe', space: { x: space.double(0, 1) }, trials: 2, metric: 'value', direction: 'maximize' }) },
     })\n`,
  )
  const data = ['--data', join(folder, 'data')]
  const { code, stdout } = await maggy(['run', module, 'tune', '--json', '--otlp', collector.url, ...data])
  expect(code).toBe(0)
  const { experiment } = JSON.parse(stdout.split('\n').find((line) => line.includes('"event":"experiment"')) ?? '') as {
    experiment: string
  }
  const { spans } = collector
  expect(spans.filter(({ traceId }) => traceId === traceIdOf(experiment))).toEqual([
    expect.objectContaining({ service: 'maggy-client', name: 'submit' }),
  ])
  for (const [trial, status] of [
    [0, 0],
    [1, 2],
  ] as const) {
    const own = spans.filter(({ traceId }) => traceId === traceIdOf(experiment, trial))
    expect(own.map(({ service, name }) => `${service} ${name}`).toSorted()).toEqual([
      'maggy-driver queued',
      'maggy-driver trial',
      'maggy-optimizer suggest',
      'maggy-worker attempt-1',
      'maggy-worker train-1',
    ])
    const named = new Map(own.map((span) => [span.name, span]))
    const root = named.get('trial')
    expect(root).toMatchObject({ spanId: spanIdOf(experiment, trial, 'trial'), status, links: 1 })
    expect(root?.parentSpanId).toBeUndefined()
    for (const name of ['queued', 'suggest', 'attempt-1']) expect(named.get(name)?.parentSpanId).toBe(root?.spanId)
    const [attempt, train] = [named.get('attempt-1'), named.get('train-1')]
    expect(train?.parentSpanId).toBe(attempt?.spanId)
    expect(train).toMatchObject({ status })
    for (const { startedAt, endedAt } of own) expect(endedAt).toBeGreaterThanOrEqual(startedAt)
    expect(attempt?.startedAt).toBeLessThanOrEqual(train?.startedAt ?? 0)
    expect(attempt?.endedAt).toBeGreaterThanOrEqual(train?.endedAt ?? Infinity)
  }
})
