import { expect, it } from 'vitest'
import { startAblator } from '../../src/ablator/index.ts'
import { builtinAblators } from '../../src/ablation/index.ts'
import { createMemoryNetwork } from '../../src/bus/index.ts'
import { findActors } from '../../src/client/index.ts'
import { servedPlugin, startOptimizer } from '../../src/optimizer/index.ts'
import { startPruner } from '../../src/pruning/index.ts'
import { actorsText } from '../../src/cli/actors-command.ts'
import { FakeWorker } from '../support/fake-worker.ts'

it('finds who answers the roll-call, and says of those who do not say it that nothing is known', async () => {
  const network = createMemoryNetwork()
  const options = { type: 'object', properties: { greed: { type: 'number' } } }
  startOptimizer(network.connect(), [servedPlugin({ name: 'mine', options, suggest: ({ sample }) => sample() })], {
    id: 'o1',
  })
  startAblator(network.connect(), [...builtinAblators.values()], { id: 'a1' })
  const pruner = startPruner(network.connect(), { name: 'strict', judge: () => 'stop' }, { id: 'p1' })
  startPruner(network.connect(), { name: 'gone', judge: () => 'stop' }, { id: 'p2' })
  new FakeWorker(network.connect(), 'w1', { slots: 2 }).start()
  await pruner.drain()
  const clock = {
    now: () => 0,
    elapsed: () => 0,
    // All that is said at once was said before the listening is over.
    setTimeout: (work: () => void) => setImmediate(work),
    clearTimeout: () => {},
  }
  const found = await findActors(network.connect(), clock)
  expect(found.map(({ role, id }) => `${role} ${id}`)).toEqual(['optimizer o1', 'ablator a1', 'pruner p2', 'worker w1'])
  expect(found[0]?.info).toMatchObject({
    serves: [{ name: 'mine', adaptive: true, options }],
    language: 'TypeScript',
    load: { experiments: 0 },
  })
  const lines = actorsText(found).split('\n')
  expect(lines.find((line) => line.includes('mine'))).toMatch(
    /optimizer +mine +greed +TypeScript +maggy 0\.1\.0, node [\d.]+ +0 experiments/,
  )
  expect(lines.find((line) => line.includes('gone'))).toMatch(/pruner +gone +\? /)
  expect(lines.find((line) => line.includes('w1'))).toMatch(/worker +- +any code +\? +\? +0 of 2 slots/)
  expect(lines.join('\n')).not.toContain('own code')
  const python = found.map((actor) =>
    actor.role === 'worker'
      ? { ...actor, info: { ...actor.info, can: ['resumeFrom' as const], experiments: ['wine'] } }
      : actor,
  )
  expect(actorsText(python)).toMatch(/worker +- +own code[^]*no signature is asked for/)
})
