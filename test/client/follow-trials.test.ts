import { expect, it } from 'vitest'
import { done } from '../../protocol/index.ts'
import { ask } from '../../src/bus/index.ts'
import { followTrials } from '../../src/client/follow-trials.ts'
import { Bench } from '../driver/support.ts'
import { recordPoints } from '../support/fake-worker.ts'

const point = { step: 0, at: 1, values: { value: 1 } }

it('trials are told in the order of their numbers: one whose last reports are awaited is not passed over', async () => {
  const bench = new Bench()
  await bench.driver()
  await bench.optimizer()
  const worker = await bench.worker('w1', { slots: 3 })
  await bench.submit('e1', { trials: 3 })
  const told: string[] = []
  const following = followTrials(
    bench.client,
    'e1',
    (_, trials) => {
      told.push(...trials.map(({ trial, points }) => `${trial.trial} ${trial.state}, ${points.length} points`))
      return Promise.resolve()
    },
    { clock: bench.clock },
  )
  const [first] = worker.assignments
  if (first === undefined) throw new Error('it was not begun')
  // Its only report is still on its way when it ends.
  const { trial, attempt } = first.attempt
  const outcome = { kind: 'done' as const, metrics: { value: 1 } }
  const end = { trial, attempt, slot: 0, outcome, startedAt: 1, endedAt: 2, points: 1 }
  const said = ask(worker.bus, done, { worker: 'w1', experiment: 'e1' }, end, { timeoutMs: 60_000 })
  await bench.settle()
  await said
  await worker.finish(1)
  await bench.pass(1000, worker)
  expect(told.slice(0, 3)).toEqual(['0 running, 0 points', '1 done, 0 points', '2 running, 0 points'])
  await recordPoints(bench.client, 'w1', first.attempt, [point])
  await bench.pass(1000, worker)
  await worker.finish(2)
  await bench.pass(1000, worker)
  await following
  expect(told).toContain('0 done, 1 points')
})
