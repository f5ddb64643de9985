/** Experiments as studies of Optuna's: what is written, and read. That Optuna itself reads it alike is tried in test/interop. */
import { mkdtemp, readFile, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogEvent } from '../../protocol/index.ts'
import { Reading } from '../../src/history/index.ts'
import { Journal, JournalFile, lineOf, optunaStates, StudyWriter } from '../../src/optuna/index.ts'
import { summarize, type KeptPoint } from '../../src/store/index.ts'
import { accepted, assigned, ended, lost, suggested } from '../store/events.ts'

const points = (trial: number, attempt: number, values: readonly (number | null)[]): [number, KeptPoint[]] => [
  trial,
  values.map((accuracy, step) => ({ attempt, index: step, step, at: 10 + step, values: { accuracy } })),
]

/** Writes how things stand after each of these events, and returns the lines. */
function written(
  events: readonly LogEvent[],
  reported: ReadonlyMap<number, readonly KeptPoint[]> = new Map(),
  journal = new Journal(),
  everyEvent = true,
): string {
  const reading = new Reading('e')
  let text = ''
  for (const [index, event] of events.entries()) {
    reading.apply(event)
    if (!everyEvent && index < events.length - 1) continue
    const { trials, ...outline } = summarize(reading)
    const writer = new StudyWriter(journal)
    writer.study(outline)
    for (const trial of trials) writer.trial(outline, trial, reported.get(trial.trial) ?? [])
    text += writer.take().map(lineOf).join('')
  }
  return text
}

function read(text: string) {
  const journal = new Journal()
  journal.read(text, 'test.log')
  const study = journal.study('e')
  if (study === undefined) throw new Error('no study')
  return study
}

const done = (value: number) => ({ kind: 'done' as const, metrics: { accuracy: value, loss: 1 - value } })
const pruned = (value: number) => ({
  kind: 'stopped' as const,
  reason: 'pruned' as const,
  metrics: { accuracy: value },
})
const search = [
  accepted({ trials: 3 }),
  suggested(0, { lr: 0.5 }),
  assigned(0),
  suggested(1, { lr: 0.25 }),
  { ...assigned(1), slot: 1 } as LogEvent,
  ended(0, done(0.9), 1, { startedAt: 10, endedAt: 20, points: 2 }),
  lost(1),
  suggested(2, { lr: 1 }),
  assigned(2),
  assigned(1, 2, 30),
  ended(1, done(0.5), 2, { startedAt: 30, endedAt: 40, points: 2 }),
  ended(2, { kind: 'failed', problem: { code: 'TRAIN_FAILED', message: 'no' } }),
]
const reported = new Map([points(0, 1, [0.1, 0.9]), points(1, 2, [0.2, null]), points(2, 1, [])])

describe('a journal', () => {
  it('holds the study, its trials with their values and ends, and what they reported', () => {
    const text = written(search, reported)
    const { directions, metricNames, trials } = read(text)
    expect({ directions, metricNames }).toEqual({ directions: [2], metricNames: ['accuracy'] })
    expect(trials.map(({ id, state, hparams, values }) => ({ id, state, hparams, values }))).toEqual([
      { id: 0, state: optunaStates.complete, hparams: { lr: 0.5 }, values: [0.9] },
      { id: 1, state: optunaStates.complete, hparams: { lr: 0.25 }, values: [0.5] },
      { id: 2, state: optunaStates.fail, hparams: { lr: 1 }, values: null },
    ])
    expect(trials[2]?.attributes.get('problem')).toEqual({ code: 'TRAIN_FAILED', message: 'no' })
    expect(trials[1]?.attributes.get('attempts')).toBe(2)
    expect(text.match(/"op_code":7.*/g)).toEqual([
      '"op_code":7,"worker_id":"maggy","trial_id":0,"step":0,"intermediate_value":0.1}',
      '"op_code":7,"worker_id":"maggy","trial_id":0,"step":1,"intermediate_value":0.9}',
      '"op_code":7,"worker_id":"maggy","trial_id":1,"step":0,"intermediate_value":0.2}',
    ])
  })

  it('says the same of trials, whether it was followed or written at the end', () => {
    const followed = read(written(search, reported))
    const atOnce = read(written(search, reported, new Journal(), false))
    expect(followed.trials).toEqual(atOnce.trials)
  })

  it('is not touched where it says everything already', () => {
    const journal = new Journal()
    written(search, reported, journal)
    expect(written(search, reported, journal, false)).toBe('')
  })

  it('has each attribute in an operation of its own, and none behind the end of its trial', () => {
    const lines = written(search, reported)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const over = new Set<unknown>()
    for (const { op_code: code, trial_id: trial, state, user_attr: attribute } of lines) {
      if (attribute !== undefined) expect(Object.keys(attribute as object)).toHaveLength(1)
      if (trial !== undefined) expect(over).not.toContain(trial)
      if (code === 6 && [1, 2, 3].includes(state as number)) over.add(trial)
    }
    expect(over.size).toBe(3)
  })

  it('makes NaN of what only a lost attempt reported', () => {
    const journal = new Journal()
    const before = written(search.slice(0, 5), new Map([points(1, 1, [0.1, 0.2, 0.3])]), journal)
    expect(before).toContain('"trial_id":1,"step":2,"intermediate_value":0.3}')
    const after = written(search, new Map([points(1, 2, [0.1, 0.5])]), journal, false)
    expect(after).toContain('"trial_id":1,"step":1,"intermediate_value":0.5}')
    expect(after).toContain('"trial_id":1,"step":2,"intermediate_value":NaN}')
  })

  it('gives a trial that was cancelled and runs again another trial of the study', () => {
    const journal = new Journal()
    const stopped: LogEvent[] = [
      ...search.slice(0, 6),
      { type: 'experiment.stopping', at: 50, mode: 'cancel' },
      ended(1, { kind: 'stopped', reason: 'cancelled', metrics: {} }),
      { type: 'experiment.ended', at: 60, state: 'stopped', best: null },
    ]
    written(stopped, reported, journal)
    expect(journal.study('e')?.trials.map(({ state }) => state)).toEqual([optunaStates.complete, optunaStates.fail])
    written(
      [...stopped, { type: 'experiment.resumed', at: 70 }, assigned(1, 2, 80), ended(1, done(0.5), 2)],
      reported,
      journal,
      false,
    )
    expect(journal.study('e')?.trials.map(({ state }) => state)).toEqual([
      optunaStates.complete,
      optunaStates.fail,
      optunaStates.complete,
    ])
  })

  it('has a value of a trial that was pruned, and no reports where there are several objectives', () => {
    const events = [accepted({}), suggested(0), assigned(0), ended(0, pruned(0.3), 1, { points: 2 })]
    expect(read(written(events, reported)).trials[0]).toMatchObject({ state: optunaStates.pruned, values: [0.3] })
    const objectives = [
      { metric: 'accuracy', direction: 'maximize' as const },
      { metric: 'loss', direction: 'minimize' as const },
    ]
    const text = written([accepted({ objectives }), suggested(0), assigned(0), ended(0, done(0.75))], reported)
    expect(text).not.toContain('"op_code":7')
    expect(read(text)).toMatchObject({ directions: [2, 1], trials: [{ values: [0.75, 0.25] }] })
  })

  it('says how far a trial is beyond each constraint, before its end', () => {
    const limits = [
      { metric: 'loss', atMost: 0.5 },
      { metric: 'accuracy', atLeast: 0.25 },
    ]
    const objectives = [{ metric: 'accuracy', direction: 'maximize' as const, limits }]
    const of = (trial: number, outcome: Parameters<typeof ended>[1]) => [
      suggested(trial),
      assigned(trial),
      ended(trial, outcome),
    ]
    const events = [
      accepted({ trials: 3, objectives }),
      ...of(0, done(0.75)),
      ...of(1, done(0.125)),
      ...of(2, pruned(0.5)),
    ]
    const operations = written(events)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { op_code: number; trial_id: number; state?: number; system_attr?: object })
    const constraints = operations.filter(({ op_code: code }) => code === 9)
    expect(constraints).toMatchObject([
      { trial_id: 0, system_attr: { constraints: [-0.25, -0.5] } },
      { trial_id: 1, system_attr: { constraints: [0.375, 0.125] } },
    ])
    for (const constraint of constraints) {
      const end = operations.findIndex(
        ({ trial_id: id, state }) => id === constraint.trial_id && state === optunaStates.complete,
      )
      expect(operations.indexOf(constraint)).toBeLessThan(end)
    }
  })
})

describe('a journal in a file', () => {
  let folder = ''
  let path = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maggy-journal-'))
    path = join(folder, 'study.log')
  })
  afterEach(async () => {
    await rm(folder, { recursive: true })
  })

  const create = (name: string) => ({ op_code: 0, worker_id: 'test', study_name: name, directions: [1] })

  const made = (journal: Journal, name: string) => {
    journal.apply(create(name))
    return [create(name)]
  }

  it('that is no journal is left as it is', async () => {
    for (const text of ['dear diary\n', 'dear diary', '{"a":1}\n']) {
      await writeFile(path, text)
      await expect(JournalFile.open(path)).rejects.toMatchObject({ code: 'JOURNAL_INVALID' })
      expect(await readFile(path, 'utf8')).toBe(text)
    }
  })

  it('is continued behind what others have written meanwhile', async () => {
    const file = await JournalFile.open(path)
    await file.append((journal) => made(journal, 'ours'))
    await writeFile(path, lineOf(create('theirs')), { flag: 'a' })
    let seen: string[] = []
    await file.append((journal) => {
      seen = journal.studies.map(({ name }) => name)
      return made(journal, 'again')
    })
    await file.close()
    expect(seen).toEqual(['ours', 'theirs'])
    expect((await JournalFile.open(path)).journal.studies.map(({ id, name }) => [id, name])).toEqual([
      [0, 'ours'],
      [1, 'theirs'],
      [2, 'again'],
    ])
  })

  it('is appended to under the lock that Optuna takes', async () => {
    const file = await JournalFile.open(path)
    await symlink('study.log', `${path}.lock`)
    const appending = file.append((journal) => made(journal, 'ours'))
    // What it does first is to ask for the lock; it cannot have it.
    await Promise.race([appending, stat(path)])
    expect(await readFile(path, 'utf8')).toBe('')
    await unlink(`${path}.lock`)
    await appending
    await file.close()
    expect(await readFile(path, 'utf8')).toBe(lineOf(create('ours')))
  })
})
