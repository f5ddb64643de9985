import { expect, it } from 'vitest'
import { driverBeat, progress, type PayloadOf } from '../../protocol/index.ts'
import { createMemoryNetwork, tell } from '../../src/bus/index.ts'
import { heardMs, waitingOf } from '../../src/client/index.ts'
import { TestClock } from '../support/clock.ts'

const waits = { code: 'RESOURCES_MISSING', message: 'no worker has 4 gpus', sinceMs: 14_000 }

function start() {
  const network = createMemoryNetwork()
  const [client, driver] = [network.connect(), network.connect()]
  const says = (experiment: string, waiting: PayloadOf<typeof progress>['waiting']) =>
    tell(driver, progress, { experiment }, { ...progress.example.payload, waiting })
  const beats = (...experiments: string[]) => tell(driver, driverBeat, { driver: 'd1' }, { experiments })
  return { network, client, says, beats, clock: new TestClock() }
}

it('is told at the first word of each driver why an experiment stands still, and waits for no more', async () => {
  const { client, says, clock } = start()
  const asked = waitingOf(client, ['e1', 'e2'], clock)
  says('other', waits)
  says('e1', waits)
  says('e1', null)
  says('e2', null)
  expect(Object.fromEntries(await asked)).toEqual({ e1: waits, e2: null })
})

it('leaves out an experiment for which no driver has spoken, and believes a driver that beats for it', async () => {
  const { network, client, beats, clock } = start()
  const asked = waitingOf(client, ['e1', 'e2'], clock)
  beats('e2')
  await network.settled()
  clock.increment(heardMs)
  expect(Object.fromEntries(await asked)).toEqual({ e2: null })
})

it('asks nobody where there is nothing to ask for', async () => {
  expect(await waitingOf(start().client, [], new TestClock())).toEqual(new Map())
})
