/** Experiments as runs of MLflow's, whatever gets lost on the way. */
import { expect, test } from 'vitest'
import type { LogEvent } from '../../protocol/index.ts'
import { MlflowRecord, mlflowServer } from '../../src/mlflow/index.ts'
import { resultOf, type KeptPoint } from '../../src/store/index.ts'
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
  const record = new MlflowRecord(server)
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

test('what is there is not sent again, by another process either', async () => {
  const server = new FakeMlflow()
  await tell(new MlflowRecord(server), whole)
  const { batches, runs } = server
  const [sent, known] = [batches.length, runs.size]
  await tell(new MlflowRecord(server), whole)
  expect([batches.length, runs.size]).toEqual([sent, known])
})

test('whichever question gets no answer, done or not, the next telling makes it whole', async () => {
  const sound = new FakeMlflow()
  await tell(new MlflowRecord(sound), whole)
  const { calls } = sound
  expect(calls).toBeGreaterThan(8)
  for (let call = 0; call < calls; call += 1) {
    for (const when of ['before', 'after'] as const) {
      const server = new FakeMlflow()
      server.failing.set(call, when)
      const record = new MlflowRecord(server)
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
  await tell(new MlflowRecord(server), [...begun.slice(0, 3), ended(0, done(1), 1, { points: 1700 })], many)
  expect(Math.max(...server.batches)).toBeLessThanOrEqual(1000)
  expect(attempts(server)[0]?.metrics).toHaveLength(3401)
})

test('an experiment that goes on again is a run that goes on again', async () => {
  const server = new FakeMlflow()
  const stopped: LogEvent[] = [...whole.slice(0, 6), { type: 'experiment.ended', at: 60, state: 'stopped', best: null }]
  await tell(new MlflowRecord(server), stopped)
  expect(server.runs.get('r0')?.status).toBe('KILLED')
  const again: LogEvent[] = [...stopped, { type: 'experiment.resumed', at: 70 }, assigned(1, 2, 80)]
  await tell(new MlflowRecord(server), again)
  expect(server.runs.get('r0')?.status).toBe('RUNNING')
})

test('an address that is none is refused', () => {
  for (const address of ['mlflow', 'ftp://host/', ''])
    expect(() => mlflowServer(address)).toThrow(/not the http address of a server/)
  expect(mlflowServer('http://me:secret@host:5000/').url).toBe('http://host:5000')
})
