/** Parquet files, read back by another library; that pyarrow reads them is tried in test/interop. */
import { parquetReadObjects, parquetSchema, parquetMetadata } from 'hyparquet'
import { expect, test } from 'vitest'
import { reportsAsParquet, resultOf, trialsAsParquet } from '../../src/store/index.ts'
import { accepted, assigned, ended, lost, suggested } from './events.ts'

const arrayBufferOf = (bytes: Uint8Array) => bytes.slice().buffer
const rowsOf = (bytes: Uint8Array) => parquetReadObjects({ file: arrayBufferOf(bytes) })

test('trials become rows, with numbers, truth values, instants and nulls as such, and mixed values as text', async () => {
  const result = resultOf('e', [
    accepted({ trials: 3 }),
    suggested(0, { lr: 0.5, wide: true, mixed: 1 }),
    assigned(0),
    ended(0, { kind: 'done', metrics: { accuracy: 0.75 } }, 1, { startedAt: 1000, endedAt: 3500, points: 2 }),
    suggested(1, { lr: 1, wide: false, mixed: '1' }),
    assigned(1),
    lost(1),
    suggested(2, { lr: 2, mixed: null }),
  ])
  const bytes = await trialsAsParquet(result)
  const none = { worker: null, startedAt: null, endedAt: null, durationMs: null, points: 0, problem: null }
  expect(await rowsOf(bytes)).toEqual([
    {
      trial: 0,
      state: 'done',
      'hparams.lr': 0.5,
      'hparams.wide': true,
      'hparams.mixed': '1',
      'metrics.accuracy': 0.75,
      attempts: 1,
      ...none,
      worker: 'w1',
      startedAt: new Date(1000),
      endedAt: new Date(3500),
      durationMs: 2500,
      points: 2,
    },
    expect.objectContaining({ trial: 1, state: 'queued', 'hparams.wide': false, 'hparams.mixed': '"1"' }),
    expect.objectContaining({ trial: 2, state: 'queued', 'hparams.wide': null, 'hparams.mixed': 'null', ...none }),
  ])
  const types = parquetSchema(parquetMetadata(arrayBufferOf(bytes))).children.map(({ element: { name, type } }) => [
    name,
    type,
  ])
  expect(Object.fromEntries(types)).toMatchObject({
    trial: 'INT32',
    'hparams.lr': 'DOUBLE',
    'hparams.wide': 'BOOLEAN',
    'hparams.mixed': 'BYTE_ARRAY',
    startedAt: 'INT64',
  })
})

test('reports become rows in the order of trials, and what is not finite is null', async () => {
  const point = (attempt: number, index: number, values: Record<string, number | null>) => ({
    attempt,
    index,
    step: 10 + index,
    at: 1000,
    values,
  })
  const bytes = await reportsAsParquet(
    new Map([
      [4, [point(1, 0, { loss: 0.5 })]],
      [2, [point(1, 0, { loss: null }), point(2, 1, { accuracy: 1 })]],
    ]),
  )
  const at = new Date(1000)
  expect(await rowsOf(bytes)).toEqual([
    { trial: 2, attempt: 1, index: 0n, step: 10n, at, 'metrics.loss': null, 'metrics.accuracy': null },
    { trial: 2, attempt: 2, index: 1n, step: 11n, at, 'metrics.loss': null, 'metrics.accuracy': 1 },
    { trial: 4, attempt: 1, index: 0n, step: 10n, at, 'metrics.loss': 0.5, 'metrics.accuracy': null },
  ])
})

test('an experiment without a trial, or without a report, is a file without rows', async () => {
  expect(await rowsOf(await trialsAsParquet(resultOf('e', [accepted({})])))).toEqual([])
  expect(await rowsOf(await reportsAsParquet(new Map()))).toEqual([])
})
