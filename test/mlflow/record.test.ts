/** Experiments as runs of MLflow's, whatever gets lost on the way. */
import { expect, test } from 'vitest'
import type { LogEvent } from '../../protocol/index.ts'
import { modelHead } from '../../src/artifact/index.ts'
import { MlflowRecord, mlflowServer } from '../../src/mlflow/index.ts'
import { resultOf, type Artifact, type KeptPoint } from '../../src/store/index.ts'
import { accepted, assigned, ended, lost, suggested } from '../store/events.ts'
import { FakeMlflow } from './fake-server.ts'

const points = (attempt: number, count: number): KeptPoint[] =>
  Array.from({ length: count }, (_, step) => ({
    attempt,
    index: step,
    step,
    at: 10 + step,
    values: { accuracy: step === 1 ? null : step / 10, 'odd name?': step },
  }))
const reported = new Map([
  [0, points(1, 3)],
  [1, [...points(1, 2), ...points(2, 3)]],
])
const done = (accuracy: number) => ({ kind: 'done' as const, metrics: { accuracy } })
const begun: LogEvent[] = [
  accepted({ trials: 2 }),
  suggested(0, { lr: 0.5, kind: '1' }),
  assigned(0),
  suggested(1, { lr: 1 }),
  assigned(1),
]
const whole: LogEvent[] = [
  ...begun,
  ended(0, done(0.9), 1, { points: 3 }),
  lost(1),
  assigned(1, 2, 30),
  ended(1, { kind: 'stopped', reason: 'pruned', metrics: { accuracy: 0.2 } }, 2, { points: 3 }),
  { type: 'experiment.ended', at: 60, state: 'done', best: null },
]

const json = new TextEncoder().encode('{"weightsManifest":[]}')
const bytesOf: Readonly<Record<string, Uint8Array>> = {
  model: new Uint8Array([...modelHead(json), 1, 2, 3]),
  notes: new TextEncoder().encode('noted'),
}
/** In parts of four bytes. */
async function* partsOf(_: string, __: number, { name }: Artifact): AsyncGenerator<Uint8Array> {
  const bytes = bytesOf[name] ?? new Uint8Array()
  for (let at = 0; at < bytes.length; at += 4) yield await Promise.resolve(bytes.subarray(at, at + 4))
}
const recordIn = (server: FakeMlflow) => new MlflowRecord(server, partsOf)
const saved = (name: string, kind: 'model' | 'bytes'): LogEvent => ({
  type: 'trial.artifact',
  at: 20,
  trial: 0,
  attempt: 1,
  worker: 'w1',
  name,
  kind,
  bytes: bytesOf[name]?.length ?? 0,
  upload: name,
  sha256: '0'.repeat(64),
})

async function tell(record: MlflowRecord, events: readonly LogEvent[], of = reported): Promise<void> {
  const { trials, ...outline } = resultOf('e', events)
  await record.tell(
    outline,
    trials.map((trial) => ({ trial, points: of.get(trial.trial) ?? [] })),
  )
}

const attempts = (server: FakeMlflow) =>
  [...server.runs.values()]
    .filter(({ tags }) => tags.has('maggy.trial'))
    .map(({ name, status, params, metrics }) => ({ name, status, params: [...params], metrics: [...metrics] }))

const first = {
  name: 'trial-0',
  status: 'FINISHED',
  params: [
    ['lr', '0.5'],
    ['kind', '"1"'],
  ],
  metrics: [
    ['accuracy@0', 0],
    ['odd name_@0', 0],
    ['accuracy@1', 'NaN'],
    ['odd name_@1', 1],
    ['accuracy@2', 0.2],
    ['odd name_@2', 2],
    ['accuracy@3', 0.9],
  ],
}

test('each attempt is a run, with params, what it reported, and its end', async () => {
  const server = new FakeMlflow()
  const record = recordIn(server)
  await tell(record, begun)
  expect(attempts(server).map(({ status }) => status)).toEqual(['RUNNING', 'RUNNING'])
  await tell(record, whole)
  expect(attempts(server)).toEqual([
    first,
    expect.objectContaining({ name: 'trial-1', status: 'KILLED' }),
    expect.objectContaining({ name: 'trial-1-attempt-2', status: 'KILLED', params: [['lr', '1']] }),
  ])
  const parent = server.runs.get('r0')
  expect(parent?.status).toBe('FINISHED')
  expect(parent?.tags.get('maggy.best')).toBe('0')
  expect([...server.files.keys()]).toEqual(['r0/result.json'])
})

test('what a trial has kept are files of its run, a model as those that tfjs reads', async () => {
  const server = new FakeMlflow()
  const record = recordIn(server)
  const events: LogEvent[] = [...begun, saved('model', 'model'), saved('notes', 'bytes'), ...whole.slice(begun.length)]
  await tell(record, events.slice(0, -4))
  await tell(record, events)
  expect([...server.files].filter(([path]) => path !== 'r0/result.json')).toEqual([
    ['r1/model/model.json', '{"weightsManifest":[]}'],
    ['r1/model/weights.bin', '\u0001\u0002\u0003'],
    ['r1/notes', 'noted'],
  ])
  expect(server.runs.get('r1')?.tags.get('maggy.artifacts')).toBe('model, notes')
})

test('what is there is not sent again, by another process either', async () => {
  const server = new FakeMlflow()
  await tell(recordIn(server), whole)
  const { batches, runs } = server
  const [sent, known] = [batches.length, runs.size]
  await tell(recordIn(server), whole)
  expect([batches.length, runs.size]).toEqual([sent, known])
})

test('whichever question gets no answer, done or not, the next telling makes it whole', async () => {
  const sound = new FakeMlflow()
  await tell(recordIn(sound), whole)
  const { calls } = sound
  expect(calls).toBeGreaterThan(8)
  for (let call = 0; call < calls; call += 1) {
    for (const when of ['before', 'after'] as const) {
      const server = new FakeMlflow()
      server.failing.set(call, when)
      const record = recordIn(server)
      await expect(tell(record, whole)).rejects.toMatchObject({ code: 'MLFLOW_UNREACHABLE' })
      await tell(record, whole)
      expect(attempts(server)).toEqual(attempts(sound))
      expect(server.runs.get('r0')?.status).toBe('FINISHED')
    }
  }
})

test('no batch is larger than MLflow takes, and many reports are several batches', async () => {
  const server = new FakeMlflow()
  const many = new Map([[0, points(1, 1700)]])
  await tell(recordIn(server), [...begun.slice(0, 3), ended(0, done(1), 1, { points: 1700 })], many)
  expect(Math.max(...server.batches)).toBeLessThanOrEqual(1000)
  expect(attempts(server)[0]?.metrics).toHaveLength(3401)
})

test('an experiment that goes on again is a run that goes on again', async () => {
  const server = new FakeMlflow()
  const stopped: LogEvent[] = [...whole.slice(0, 6), { type: 'experiment.ended', at: 60, state: 'stopped', best: null }]
  await tell(recordIn(server), stopped)
  expect(server.runs.get('r0')?.status).toBe('KILLED')
  const again: LogEvent[] = [...stopped, { type: 'experiment.resumed', at: 70 }, assigned(1, 2, 80)]
  await tell(recordIn(server), again)
  expect(server.runs.get('r0')?.status).toBe('RUNNING')
})

test('an address that is none is refused', () => {
  for (const address of ['mlflow', 'ftp://host/', ''])
    expect(() => mlflowServer(address)).toThrow(/not the http address of a server/)
  expect(mlflowServer('http://me:secret@host:5000/').url).toBe('http://host:5000')
})
