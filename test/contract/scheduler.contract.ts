/**
 * What every scheduler must keep, as a suite for its author: `schedulerContract(plugin, { describe, it })` with the functions of any
 * test runner. It plays whole searches: several trials at once, ends out of order, failures among them.
 */
import assert from 'node:assert/strict'
import type { Direction, Observation, SearchSpace } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import type { SchedulerPlugin } from '../../src/schedulers/index.ts'
import { faultIn } from '../../src/space/index.ts'
import { frozen, type TestRunner } from './runner.ts'

export interface SchedulerContractOptions {
  /** Options that `create` is given. Default: none. */
  readonly options?: Readonly<Record<string, unknown>>
}

const trials = 60
const space: SearchSpace = frozen({
  x: { type: 'double', low: -1, high: 1 },
  lr: { type: 'double', low: 1e-4, high: 1, log: true },
  units: { type: 'integer', low: 8, high: 512, log: true },
  layers: { type: 'integer', low: 1, high: 9, step: 2 },
  rate: { type: 'discrete', values: [0.1, 0.2, 0.5] },
  kind: { type: 'categorical', choices: ['a', 'b', null] },
  fixed: { type: 'constant', value: 3 },
})

/** Registers the suite. */
export function schedulerContract(
  plugin: SchedulerPlugin,
  runner: TestRunner,
  contract: SchedulerContractOptions = {},
): void {
  const { describe, it } = runner
  const { options = {} } = contract
  const objectives = (direction: Direction) => frozen([{ metric: 'value', direction }])

  interface Search {
    readonly direction?: Direction
    readonly seed?: number
    readonly parallel?: number
    readonly result?: (trial: Observation) => Pick<Observation, 'state' | 'metrics'>
  }
  const search = ({ direction = 'minimize', seed = 1, parallel = 4, result = mixed(direction) }: Search) => {
    const create = () => plugin.create(frozen({ space, objectives: objectives(direction), trials, options, seed }))
    const scheduler = create()
    const history: Observation[] = []
    const order = createRandom('order', seed)
    let waited = 0
    const end = (): boolean => {
      const pending = history.filter(({ state }) => state === 'pending')
      const ending = pending[order.integer(Math.max(1, pending.length))]
      if (ending === undefined) return false
      history[ending.trial] = frozen({ ...ending, ...result(ending) })
      return true
    }
    while (history.length < trials) {
      if (history.filter(({ state }) => state === 'pending').length >= parallel) end()
      const trial = history.length
      const question = {
        space,
        objectives: objectives(direction),
        history: frozen([...history]),
        trial,
        random: createRandom(seed, 'suggest', trial),
      }
      const answer = scheduler(question)
      assert.deepEqual(answer, create()({ ...question, random: createRandom(seed, 'suggest', trial) }), 'not pure')
      if (answer === 'exhausted') break
      if (answer === 'wait') {
        waited += 1
        assert.ok(end(), 'it waits although no trial is pending')
        continue
      }
      const { hparams, fidelity } = answer
      const fault = faultIn(space, hparams)
      assert.equal(fault, undefined, `${fault?.path} ${fault?.reason}`)
      assert.ok(fidelity.budget > 0 && Number.isFinite(fidelity.budget))
      if (fidelity.from !== null) {
        const from = history[fidelity.from]
        assert.equal(from?.state, 'done', `trial ${trial} continues one that is not done`)
        assert.ok((from?.fidelity?.budget ?? Infinity) < fidelity.budget, 'it goes no further than what it continues')
      }
      history.push({ trial, hparams, fidelity, state: 'pending', metrics: {}, step: null })
    }
    while (end());
    return { history, waited }
  }
  const told = ({ history }: ReturnType<typeof search>) =>
    history.map(({ hparams, fidelity }) => ({ hparams, fidelity }))

  describe(`the scheduler ${plugin.name}`, () => {
    it('has a name that can stand in a subject', () => {
      assert.match(plugin.name, /^[A-Za-z0-9_-]{1,128}$/)
    })

    for (const direction of ['minimize', 'maximize'] as const) {
      it(`proposes inside the space, and continues only what is done, further than it went (${direction})`, () => {
        for (const parallel of [1, 3, 16]) search({ direction, parallel })
      })
    }

    it('promotes when maximizing what it would promote of the negative when minimizing', () => {
      const turned = (sign: number) => (trial: Observation) => ({
        state: 'done' as const,
        metrics: { value: sign * Number(trial.hparams['x']) },
      })
      assert.deepEqual(
        told(search({ direction: 'maximize', result: turned(1) })),
        told(search({ direction: 'minimize', result: turned(-1) })),
      )
    })

    it('goes further with the better ones', () => {
      for (const direction of ['minimize', 'maximize'] as const) {
        const { history } = search({
          direction,
          result: (trial) => ({ state: 'done', metrics: { value: Number(trial.hparams['x']) } }),
        })
        const mean = (of: readonly Observation[]) =>
          of.reduce((sum, { hparams }) => sum + Number(hparams['x']), 0) / Math.max(1, of.length)
        const roots = history.filter(({ fidelity }) => fidelity?.from === null)
        const continued = history.filter(({ fidelity }) => fidelity?.from !== null)
        assert.ok(continued.length > 0, 'nothing was continued')
        const gain = mean(continued) - mean(roots)
        assert.ok(direction === 'maximize' ? gain > 0 : gain < 0, `${direction}: ${gain}`)
      }
    })

    it('does not end for failures, for values that are not finite, or for pruned trials', () => {
      const ways: Pick<Observation, 'state' | 'metrics'>[] = [
        { state: 'failed', metrics: {} },
        { state: 'done', metrics: { value: null } },
        { state: 'pruned', metrics: { value: -1e9 } },
      ]
      for (const way of ways) {
        const { history } = search({ result: () => way })
        assert.ok(history.length > 3, `${history.length} trials`)
      }
    })

    it('refuses an option that it does not have, and a space with a budget of its own', () => {
      const refused = (change: object, path: string) => {
        assert.throws(
          () => plugin.create({ space, objectives: objectives('minimize'), trials, options, seed: 1, ...change }),
          (error: { code?: unknown; message: string }) =>
            error.code === 'OPTIMIZER_UNFIT' && error.message.includes(path),
        )
      }
      refused({ options: { ...options, noSuchOption: 1 } }, 'options.noSuchOption')
      refused({ space: { ...space, budget: { type: 'integer', low: 1, high: 2 } } }, 'space.budget')
    })
  })
}

/** Mostly results, some failures, some that are not finite, some pruned. */
const mixed =
  (direction: Direction) =>
  ({ trial, hparams }: Observation): Pick<Observation, 'state' | 'metrics'> => {
    const value = Number(hparams['x']) * (direction === 'minimize' ? 1 : -1)
    if (trial % 7 === 3) return { state: 'failed', metrics: {} }
    if (trial % 11 === 5) return { state: 'done', metrics: { value: null } }
    if (trial % 13 === 7) return { state: 'pruned', metrics: { value } }
    return { state: 'done', metrics: { value } }
  }
