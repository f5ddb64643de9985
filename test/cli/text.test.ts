import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { problem, progress as progressMessage, toProblem, type LogEvent } from '../../protocol/index.ts'
import { resultOf } from '../../src/store/index.ts'
import { exitCodeFor } from '../../src/actor/index.ts'
import { failureText } from '../../src/cli/failure.ts'
import { codeFor, judged } from '../../src/cli/outcome.ts'
import { progressText, trialText } from '../../src/cli/progress-text.ts'
import { table } from '../../src/cli/plain-table.ts'
import { duration, pairs, short, valueText } from '../../src/cli/text.ts'
import { experimentTable, resultText } from '../../src/cli/trial-table.ts'
import { accepted, assigned, ended, suggested } from '../store/events.ts'

const result = resultOf('mnist-tune-1', [
  accepted({ trials: 4 }),
  suggested(0, { lr: 0.123456 }),
  assigned(0),
  ended(0, { kind: 'done', metrics: { accuracy: 0.5 } }),
  suggested(1, { lr: 0.2 }),
  assigned(1),
  ended(1, { kind: 'done', metrics: { accuracy: 0.9 } }),
  suggested(2, { lr: 0.3 }),
  assigned(2),
  ended(2, { kind: 'failed', problem: { code: 'TRAIN_FAILED', message: 'train threw no' } }),
  suggested(3, { lr: 0.4 }),
  assigned(3),
])
const lines = (text: string) => stripVTControlCharacters(text).split('\n')

describe('text for people', () => {
  it('marks the trials that break a constraint, shows the number, and says how many keep all', () => {
    const limits = [{ metric: 'memory', atMost: 2 }]
    const of = (...memory: readonly number[]) =>
      lines(
        resultText(
          resultOf('e', [
            accepted({ trials: memory.length, objectives: [{ metric: 'accuracy', direction: 'maximize', limits }] }),
            ...memory.flatMap((bytes, trial) => [
              suggested(trial, { lr: 0.1 }),
              assigned(trial),
              ended(trial, { kind: 'done', metrics: { accuracy: bytes / 10, memory: bytes } }),
            ]),
          ]),
        ),
      )
    const said = of(3, 1)
    expect(said[0]).toMatch(/^trial +state +accuracy +memory +lr/)
    expect(said.filter((line) => line.endsWith('breaks memory <= 2'))).toHaveLength(1)
    expect(said).toContain('limits  1 of 2 trials that are done keep them all: memory <= 2 is broken by 1')
    expect(said.find((line) => line.startsWith('best'))).toContain('accuracy 0.1, trial 1')
    expect(of(3, 4)).toContain(
      'limits  no trial keeps them, so none is the best; 0 of 2 trials that are done keep them all: memory <= 2 is broken by 2',
    )
  })

  it('says that there were fewer trials than were asked for, for there is nothing more to try', () => {
    const one = [suggested(0, { lr: 0.1 }), assigned(0), ended(0, { kind: 'done', metrics: { accuracy: 0.5 } })]
    const exhausted = { type: 'optimizer.exhausted', at: 9 } as const
    const over = { type: 'experiment.ended', at: 9, state: 'done', best: null } as const
    const said = (trials: number) => lines(resultText(resultOf('e', [accepted({ trials }), ...one, exhausted, over])))
    expect(said(10)).toContain('ended   after 1 of 10 trials: there was nothing more to try')
    expect(said(1).filter((line) => line.startsWith('ended'))).toEqual([])
  })

  it('has numbers of four digits and times that read as times', () => {
    expect([short(0.123456), short(1234567), short(null)]).toEqual(['0.1235', '1234567', '-'])
    expect([400, 41_000, 187_000, 3_723_000, null].map(duration)).toEqual(['0.4 s', '41 s', '3:07', '1:02:03', '-'])
    expect(pairs({ lr: 0.5, shape: [1, 2], loss: null })).toBe('lr=0.5 shape=[1,2] loss=null')
  })

  it('tells values apart that look alike, and a value that is not there from all of them', () => {
    const alike = [null, 'null', '', undefined, 1, '1', true, 'true', '-', ' a', 'relu', [1], '[1]']
    const said = alike.map(valueText)
    expect(said).toEqual([
      'null',
      '"null"',
      '""',
      '-',
      '1',
      '"1"',
      'true',
      '"true"',
      '"-"',
      '" a"',
      'relu',
      '[1]',
      '"[1]"',
    ])
    expect(new Set(said).size).toBe(alike.length)
  })

  it('shows signs that would move the cursor as what they are, in names, values, problems and notes', () => {
    const bad = '\u001B[2J'
    const told = resultOf('odd', [
      accepted({ trials: 1 }),
      suggested(0, { [bad]: bad, hasOwnProperty: 3 }),
      assigned(0),
      ended(0, { kind: 'failed', problem: { code: 'TRAIN_FAILED', message: `train threw ${bad}` } }),
    ])
    const [trial] = told.trials
    if (trial === undefined) throw new Error('never')
    const tally = { finished: 1, wanted: 1, best: null, searched: [bad] }
    const all = [
      resultText(told),
      trialText(trial, tally),
      failureText(toProblem(new Error(bad)), true),
      pairs({ [bad]: 1 }),
    ]
    for (const text of all) expect(stripVTControlCharacters(text)).not.toContain('\u001B')
    expect(trialText(trial, tally)).toContain('train threw \\e[2J')
  })

  it('shows live how far a search is, the best so far, and what each worker does', () => {
    const progress = { ...progressMessage.example.payload }
    const waiting = { code: 'BUS_NO_RESPONDERS', message: 'no worker for 10 s', sinceMs: 10_000 }
    const said = lines(progressText({ result, progress, waiting, now: 60_000 }))
    expect(said).toEqual([
      'mnist-tune-1  1:00',
      '[=======================       ] 3/4 trials, 2 done, 1 running, 1 failed, ETA 20 s',
      'best accuracy 0.9, trial 1: lr=0.2',
      expect.stringMatching(/^ {2}w1\/0 {2}trial 3 step 4 {2}accuracy=0\.5 {2}/),
      'waiting: no worker for 10 s (BUS_NO_RESPONDERS)',
    ])
  })

  it('shows of a training its step, the samples a second over all, the share of communication, and the ring', () => {
    const { payload } = progressMessage.example
    const ring = {
      state: 'running',
      generation: 3,
      members: ['w1', 'w2', 'w4'],
      wanted: 4,
      step: 120,
      samplesPerSecond: 2345.6,
      communication: 0.184,
      straggler: { worker: 'w4', times: 1.75 },
    }
    const one = payload.running.map((each) => ({ ...each, ring }))
    const said = lines(progressText({ result, progress: { ...payload, running: one }, waiting: null, now: 60_000 }))
    expect(said.slice(3)).toEqual([
      '  trial 3  step 120  2346 samples/s over all, 18 % communication  accuracy=0.5',
      '    ring of 3/4 (generation 3): w1 w2 w4',
      '    waiting for w4, which takes 1.75 times as long as the others',
    ])
    const waits = payload.running.map((each) => ({ ...each, ring: { ...ring, state: 'waiting', straggler: null } }))
    const waited = lines(progressText({ result, progress: { ...payload, running: waits }, waiting: null, now: 60_000 }))
    expect(waited[3]).toContain('step 120, waiting')
  })

  it('has one plain line for a trial that ended', () => {
    const tally = { finished: 3, wanted: 4, best: 1, searched: ['lr'] }
    expect(trialText(result.trials[1]!, tally)).toBe('trial 1 done in 0.0 s: accuracy=0.9 (lr=0.2) [3/4, best trial 1]')
    expect(trialText(result.trials[2]!, tally)).toContain('trial 2 failed in 0.0 s: TRAIN_FAILED: train threw no')
  })

  it('lists trials the best first, those without a result after them, and the best hparams', () => {
    const said = lines(resultText(result))
    expect(said[0]).toMatch(/^trial +state +accuracy +lr +time +attempts +worker/)
    expect(said.slice(1, 5).map((line) => line.split(/\s+/)[0])).toEqual(['1', '0', '2', '3'])
    expect(said).toContain('best    accuracy 0.9, trial 1: lr=0.2')
  })

  it('lists of many trials the best 20 and the last 5, and says how to see more', () => {
    const many = resultOf('e', [
      accepted({ trials: 40 }),
      ...Array.from({ length: 40 }, (_, trial) => [
        suggested(trial),
        assigned(trial),
        ended(trial, { kind: 'done' as const, metrics: { accuracy: 1 - trial / 100 } }),
      ]).flat(),
    ])
    const numbers = (said: string[]) =>
      said.map((line) => line.split(/\s+/)[0] ?? '').filter((first) => /^(\d+|…)$/.test(first))
    const first = Array.from({ length: 20 }, (_, trial) => String(trial))
    const said = lines(resultText(many))
    expect(numbers(said)).toEqual([...first, '…', '35', '36', '37', '38', '39'])
    expect(said).toContain(
      'the best 20 and the last 5 of 40 trials; `maggy show e --all` shows all, `--top N` the best N',
    )
    expect(numbers(lines(resultText(many, { top: 3 })))).toEqual(['0', '1', '2', '…', '35', '36', '37', '38', '39'])
    expect(numbers(lines(resultText(many, { all: true })))).toHaveLength(40)
  })

  it('has columns as wide as what is in them, wide letters too', () => {
    expect(
      lines(
        table(
          ['a', 'name'],
          [
            ['1', '学習'],
            ['22', 'x'],
          ],
        ),
      ),
    ).toEqual(['a   name', '1   学習', '22  x'])
  })

  it('lists experiments', () => {
    expect(lines(experimentTable([result]))[1]).toMatch(/^mnist-tune-1 +running +3\/4 +1 +accuracy 0\.9/)
  })
})

describe('an experiment whose trials were all pruned', () => {
  const pruned = { kind: 'stopped' as const, reason: 'pruned' as const, metrics: { accuracy: 0.1 } }
  const one = [suggested(0, { lr: 0.1 }), assigned(0), ended(0, pruned)]
  const good = [suggested(1, { lr: 0.2 }), assigned(1), ended(1, { kind: 'done', metrics: { accuracy: 0.5 } })]
  const of = (state: 'done' | 'stopped', ...events: LogEvent[]) =>
    judged(resultOf('e', [accepted({ trials: 2 }), ...events, { type: 'experiment.ended', at: 9, state, best: null }]))
  const { signal } = new AbortController()

  it('came to nothing: a line says so, and the exit code', () => {
    const result = of('done', ...one)
    expect(codeFor(result, signal)).toBe(1)
    expect(result.problem).toMatchObject({ code: 'NOTHING_DONE' })
    expect(lines(resultText(result))).toContain('error   NOTHING_DONE: none of the 1 trials was done: 1 pruned')
    expect(codeFor({ ...result, misbehaved: 'p' }, signal)).toBe(70)
  })

  it('has not failed where one was done, where it was stopped, or is paused', () => {
    for (const result of [
      of('done', ...one, ...good),
      of('stopped', ...one),
      judged(resultOf('e', [accepted({ trials: 2 }), ...one])),
    ]) {
      expect(result.problem).toBeUndefined()
      expect(codeFor(result, signal)).toBe(0)
    }
    expect(codeFor(of('done', ...one), AbortSignal.abort())).toBe(130)
  })
})

describe('a failure', () => {
  it('has a code, a message and a remedy, and no stack of ours', () => {
    const fault = toProblem(problem('MODULE_NOT_FOUND', { module: 'x.ts' }))
    expect(failureText(fault, false)).toBe(
      'error MODULE_NOT_FOUND: there is no module x.ts\nremedy: give the path of a TypeScript or JavaScript file',
    )
  })

  it("shows the stack of the user's own code", () => {
    const fault = toProblem(problem('TRAIN_FAILED', { reason: 'no' }, { cause: new Error('no') }))
    expect(failureText(fault, false)).toContain('text.test.ts')
  })

  it.each([
    ['MODULE_NOT_FOUND', 2],
    ['CONTEXT_UNKNOWN', 2],
    ['SPACE_INVALID', 2],
    ['BUS_PORT_IN_USE', 2],
    ['BUS_PEER_PORT_IN_USE', 2],
    ['BUS_DATA_ALONE', 2],
    ['BUS_DATA_CLUSTERED', 2],
    ['TOKEN_FILE_MISSING', 2],
    ['BUS_UNREACHABLE', 69],
    ['BUS_UNAUTHORIZED', 69],
    ['EXPERIMENT_GIVEN_UP', 1],
    ['TRAIN_FAILED', 1],
    ['INTERNAL', 70],
  ])('%s exits with %i', (code, expected) => {
    expect(exitCodeFor(code)).toBe(expected)
  })
})
