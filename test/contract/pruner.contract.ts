/**
 * What every pruner must keep, as a suite for its author: `prunerContract(plugin, { describe, it })` with the functions of any
 * test runner.
 */
import assert from 'node:assert/strict'
import type { Direction, MetricPoint } from '../../protocol/index.ts'
import type { Pruner, PrunerPlugin, ReportedTrial } from '../../src/pruners/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { frozen, type TestRunner } from './runner.ts'

export interface PrunerContractOptions {
  /** Options that `create` is given. Default: none. */
  readonly options?: Readonly<Record<string, unknown>>
}

const steps = 30

/** Registers the suite. */
export function prunerContract(plugin: PrunerPlugin, runner: TestRunner, contract: PrunerContractOptions = {}): void {
  const { describe, it } = runner
  const { options = {} } = contract
  const create = (direction: Direction = 'minimize'): Pruner =>
    plugin.create(frozen({ objectives: [{ metric: 'value', direction }], options }))

  /** What it says at each step of a trial. */
  const judge = (pruner: Pruner, history: readonly ReportedTrial[], points: readonly MetricPoint[]) =>
    points.map((_, index) => pruner(history, running(points.slice(0, index + 1))))

  describe(`the pruner ${plugin.name}`, () => {
    it('says continue or stop, of any trial', () => {
      for (const direction of ['minimize', 'maximize'] as const) {
        for (const verdict of judge(create(direction), finished(40), curve(0, 99))) {
          assert.ok(verdict === 'continue' || verdict === 'stop')
        }
      }
    })

    it('says the same again, and the same as another of its kind', () => {
      const pruner = create()
      const history = finished(40)
      const first = judge(pruner, history, curve(0, 99))
      assert.deepEqual(judge(pruner, history, curve(0, 99)), first)
      assert.deepEqual(judge(create(), finished(40), curve(0, 99)), first)
    })

    it('is not misled by what it was asked before', () => {
      const pruner = create()
      judge(pruner, finished(40), curve(-5, 1))
      judge(pruner, finished(12), curve(5, 2))
      assert.deepEqual(judge(pruner, finished(25), curve(0, 99)), judge(create(), finished(25), curve(0, 99)))
    })

    it('sees a trial of the history end', () => {
      const pruner = create()
      const running = finished(20).map((trial): ReportedTrial => ({ ...trial, state: 'running' }))
      judge(pruner, running, curve(5, 99))
      const ended = running.map((trial): ReportedTrial => ({ ...trial, state: 'done' }))
      assert.deepEqual(judge(pruner, ended, curve(5, 99)), judge(create(), ended, curve(5, 99)))
    })

    it('judges points that are appended to one list as it judges lists of their own', () => {
      const pruner = create()
      const history = finished(40)
      const growing: MetricPoint[] = []
      const grown = curve(3, 99).map((point) => {
        growing.push(point)
        return pruner(history, { trial: 999, state: 'running', points: growing })
      })
      assert.deepEqual(grown, judge(create(), history, curve(3, 99)))
    })

    it('minimizes what it would maximize of the negative', () => {
      const negative = (points: readonly MetricPoint[]) =>
        points.map((point) => ({ ...point, values: { value: -(point.values['value'] ?? 0) } }))
      const history = finished(40)
      const mirrored = history.map((trial) => ({ ...trial, points: negative(trial.points) }))
      // A rule on absolute values has no mirror image; it shows by judging alike in both directions.
      const absolute =
        JSON.stringify(judge(create('minimize'), history, curve(5, 3))) ===
        JSON.stringify(judge(create('maximize'), history, curve(5, 3)))
      if (absolute) return
      assert.deepEqual(
        judge(create('maximize'), mirrored, negative(curve(5, 3))),
        judge(create('minimize'), history, curve(5, 3)),
      )
    })

    it('lets a trial live that has not reported, and one whose report has another metric', () => {
      assert.equal(create()(finished(40), running([])), 'continue')
      assert.equal(create()(finished(40), running([{ step: 1, at: 0, values: { other: 1 } }])), 'continue')
    })

    it('takes values that are not finite, in the trial and in the history', () => {
      const missing = (step: number): MetricPoint => ({ step, at: 0, values: { value: null } })
      const history = finished(40).map((trial, index) =>
        index % 2 === 0 ? trial : { ...trial, points: trial.points.map(({ step }) => missing(step)) },
      )
      judge(create(), frozen(history), curve(1, 1))
      judge(create(), frozen(history), [missing(0), missing(1)])
    })

    it('refuses an option that it does not have, with CONTEXT_INVALID and the path', () => {
      assert.throws(
        () => plugin.create({ objectives: [{ metric: 'value', direction: 'minimize' }], options: { noSuchOption: 1 } }),
        (error: { code?: unknown; message: string }) =>
          error.code === 'CONTEXT_INVALID' && error.message.includes('pruner.options.noSuchOption'),
      )
    })
  })
}

/** A noisy curve round a level. */
function curve(level: number, seed: number): readonly MetricPoint[] {
  const random = createRandom('curve', seed)
  return frozen(
    Array.from({ length: steps }, (_, step) => ({ step, at: step, values: { value: level + random.normal() } })),
  )
}

/** Trials that ended in every way, some before the end. */
function finished(count: number): ReportedTrial[] {
  return Array.from({ length: count }, (_, trial) => {
    const state = (['done', 'done', 'pruned', 'done', 'failed', 'cancelled', 'running'] as const)[trial % 7] ?? 'done'
    const points = curve(trial % 5, trial).slice(0, trial % 3 === 0 ? 10 : steps)
    return { trial, state, points }
  })
}

const running = (points: readonly MetricPoint[]): ReportedTrial => frozen({ trial: 999, state: 'running', points })
