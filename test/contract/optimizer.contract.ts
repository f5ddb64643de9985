/**
 * What every optimizer on the bus must keep, in whatever language it is written: `optimizerContract(name, start, { describe, it })`.
 * `start` brings a bus on which the optimizer answers to that name, and ends it.
 */
import assert from 'node:assert/strict'
import {
  codeOf,
  observe,
  open,
  suggest,
  type Hparams,
  type Observation,
  type SearchSpace,
} from '../../protocol/index.ts'
import { ask, type Bus } from '../../src/bus/index.ts'
import { faultIn } from '../../src/space/index.ts'
import type { TestRunner } from './runner.ts'

export interface StartedOptimizer {
  readonly bus: Bus
  readonly stop: () => Promise<void>
}

/** Registers the suite. */
export function optimizerContract(
  optimizer: string,
  start: () => Promise<StartedOptimizer>,
  runner: TestRunner,
  contract: { readonly options?: Record<string, unknown>; readonly space?: SearchSpace } = {},
): void {
  const { describe, it } = runner
  const { options = {}, space = defaultSpace } = contract
  const wait = { timeoutMs: 10_000 }

  const withBus = (body: (talk: ReturnType<typeof talkOn>) => Promise<void>) => async () => {
    const { bus, stop } = await start()
    try {
      await body(talkOn(bus))
    } finally {
      await stop()
    }
  }

  const talkOn = (bus: Bus) => ({
    open: (experiment: string, history: Observation[] = [], given = space) =>
      ask(
        bus,
        open,
        { optimizer },
        {
          experiment,
          space: given,
          objectives: [{ metric: 'value', direction: 'minimize' }],
          seed: 1,
          options,
          trials: 20,
          history,
        },
        wait,
      ),
    suggest: (instance: string, experiment: string, trial: number, count = 1) =>
      ask(bus, suggest, { optimizer, instance }, { experiment, trial, count }, wait),
    observe: (instance: string, experiment: string, observations: Observation[], closed = false) =>
      ask(bus, observe, { optimizer, instance }, { experiment, observations, closed }, wait),
    raw: (subject: string, data: Uint8Array) => bus.request(subject, data, wait),
  })

  const done = (trial: number, hparams: Hparams): Observation => ({
    trial,
    hparams,
    state: 'done',
    metrics: { value: trial },
    step: trial,
  })

  describe(`the optimizer ${optimizer} on the bus`, () => {
    it(
      'opens, suggests inside the space and takes what trials came to',
      withBus(async (talk) => {
        const { instance } = await talk.open('e1')
        for (let trial = 0; trial < 4; trial++) {
          const { hparams } = await talk.suggest(instance, 'e1', trial)
          assert.equal(hparams.length, 1)
          assert.equal(faultIn(space, hparams[0]), undefined)
          await talk.observe(instance, 'e1', [done(trial, hparams[0] as Hparams)])
        }
      }),
    )

    it(
      'suggests several at once',
      withBus(async (talk) => {
        const { instance } = await talk.open('e1')
        const { hparams } = await talk.suggest(instance, 'e1', 0, 5)
        assert.equal(hparams.length, 5)
        for (const each of hparams) assert.equal(faultIn(space, each), undefined)
      }),
    )

    it(
      'gives the same answer to a question that is asked again because its reply was lost',
      withBus(async (talk) => {
        const { instance } = await talk.open('e1')
        await talk.suggest(instance, 'e1', 0)
        const first = await talk.suggest(instance, 'e1', 1)
        assert.deepEqual(await talk.suggest(instance, 'e1', 1), first)
      }),
    )

    it(
      'says the same when it is opened again with what was known, however its memory was lost',
      withBus(async (talk) => {
        const before = await talk.open('e1')
        const history: Observation[] = []
        for (let trial = 0; trial < 4; trial++) {
          const { hparams } = await talk.suggest(before.instance, 'e1', trial)
          history.push(done(trial, hparams[0] as Hparams))
        }
        await talk.observe(before.instance, 'e1', history)
        const next = await talk.suggest(before.instance, 'e1', 4)
        const { instance } = await talk.open('e1', history)
        assert.deepEqual(await talk.suggest(instance, 'e1', 4), next)
      }),
    )

    it(
      'says EXPERIMENT_UNKNOWN of what it was not told or was told to forget',
      withBus(async (talk) => {
        const { instance } = await talk.open('e1')
        await talk.observe(instance, 'e1', [], true)
        await assert.rejects(talk.suggest(instance, 'e1', 0), hasCode('EXPERIMENT_UNKNOWN'))
        await assert.rejects(talk.observe(instance, 'e2', []), hasCode('EXPERIMENT_UNKNOWN'))
      }),
    )

    it(
      'keeps experiments apart',
      withBus(async (talk) => {
        const { instance } = await talk.open('e1')
        const other = await talk.open('e2')
        const first = await talk.suggest(instance, 'e1', 0)
        await talk.suggest(other.instance, 'e2', 0)
        await talk.observe(other.instance, 'e2', [], true)
        assert.deepEqual(await talk.suggest(instance, 'e1', 0), first)
      }),
    )

    it(
      'answers nonsense with a code and goes on',
      withBus(async (talk) => {
        const { instance } = await talk.open('e1')
        const subject = `maggy.v1.call.optimizer.${optimizer}.${instance}.suggest`
        for (const bytes of [new Uint8Array(), new Uint8Array([0xc1]), new Uint8Array([0x80])]) {
          assert.ok((await talk.raw(subject, bytes)).length > 0)
        }
        assert.equal((await talk.suggest(instance, 'e1', 0)).hparams.length, 1)
      }),
    )
  })
}

const hasCode = (code: string) => (error: unknown) => codeOf(error) === code

/** Any optimizer should take it, a grid too. */
const defaultSpace: SearchSpace = {
  x: { type: 'double', low: 0.1, high: 1, step: 0.1 },
  n: { type: 'integer', low: 1, high: 8, log: true },
  kind: { type: 'categorical', choices: ['a', 'b'] },
}
