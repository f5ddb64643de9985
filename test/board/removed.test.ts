/** An experiment that is removed from the log vanishes from what the board tells. */
import { expect, it } from 'vitest'
import { encodePayload, log, subjectFor, type LogEvent } from '../../protocol/index.ts'
import { Experiments } from '../../actors/board/experiments.ts'
import { Home } from '../../actors/board/home.ts'
import { createMemoryNetwork } from '../../src/bus/index.ts'
import { optimization, space } from '../../src/index.ts'
import { logSubject } from '../../src/archive/index.ts'

const { context } = optimization({ space: { x: space.double(0, 1) }, trials: 1, metric: 'x', direction: 'maximize' })
const accepted = (experiment: string): LogEvent => ({
  type: 'experiment.accepted',
  at: 1,
  submission: { experiment, name: 'n', contextName: 'c', context },
})

it('a removed experiment is known no more, and whoever was told of it before is told everything anew', async () => {
  const bus = createMemoryNetwork().connect('board')
  await bus.streams.ensure()
  const append = (experiment: string) => {
    const subject = subjectFor(log, { experiment })
    return bus.streams.append(subject, encodePayload(log, { first: 0, events: [accepted(experiment)] }, subject), {
      expectedLast: 0,
    })
  }
  await append('kept')
  await append('removed')
  const experiments = new Experiments(bus, () => {})
  await experiments.start().caughtUp
  const nobody = { workers: () => [] } as never
  const home = new Home(experiments, { waitingOf: () => ({}) } as never, nobody)
  const told = home.since(undefined)
  expect(await experiments.missing()).toEqual([])
  await bus.streams.purge('log', logSubject('removed'))
  expect(await experiments.missing()).toEqual(['removed'])
  home.removed()
  expect(experiments.ids()).toEqual(['kept'])
  expect(await experiments.look('removed')).toBeUndefined()
  for (const frame of [home.changed(), home.since(told.id)])
    expect(frame?.frame).toMatchObject({ whole: true, experiments: [{ experiment: 'kept' }] })
  expect(home.changed()?.frame ?? {}).not.toHaveProperty('whole')
  experiments.close()
})
