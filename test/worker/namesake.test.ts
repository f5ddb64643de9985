import { describe, expect, it } from 'vitest'
import { createWorker } from '../../actors/worker/worker.ts'
import { announce, beat, lease, leave } from '../../protocol/index.ts'
import { ask, createMemoryNetwork, hear } from '../../src/bus/index.ts'
import { TestClock } from '../support/clock.ts'
import { fakeSpawn } from '../support/fake-runner.ts'

/** Workers on one bus, of whatever names; `said` by one of them under its name. */
function setUp() {
  const clock = new TestClock()
  const network = createMemoryNetwork({ clock })
  const driver = network.connect('driver')
  const said: string[] = []
  hear(driver, announce, { worker: '*' }, ({ info }) => void said.push(`announce ${info.pid}`))
  hear(driver, beat, { worker: '*' }, () => void said.push('beat'))
  hear(driver, leave, { worker: '*' }, () => void said.push('leave'))
  const start = (pid: number, worker = 'w1') => {
    const { spawn, runners } = fakeSpawn()
    const notices: string[] = []
    const bus = network.connect(`worker ${pid}`)
    const own = createWorker({
      bus,
      clock,
      info: { worker, host: 'h', pid, slots: 1, labels: {}, cores: 1, memoryBytes: 1, versions: {}, startedAt: 0 },
      cache: { fetch: () => Promise.resolve('file'), keep: () => Promise.resolve('file') },
      spawn,
      maxTrialsPerRunner: 100,
      maxRssBytes: 1_000,
      notice: false,
      drainTimeoutMs: null,
      onNotice: (text) => void notices.push(text),
    })
    const fault = own.ended.then(
      () => undefined,
      (error: unknown) => error,
    )
    const warm = async () => {
      for (const runner of runners) runner.says({ type: 'ready', backend: 'tensorflow', versions: {} })
      await network.settled()
    }
    return { bus, own, fault, warm, notices, runners }
  }
  const pass = async (ms: number) => {
    for (let gone = 0; gone < ms; gone += 500) {
      clock.increment(500)
      await network.settled()
    }
  }
  return { network, driver, said, start, pass }
}

describe('a worker of a name that is taken', () => {
  it('ends and says what to do, before it is announced; the other one works on', async () => {
    const { driver, said, start, pass } = setUp()
    const first = start(1)
    await first.warm()
    await pass(5_000)
    said.length = 0
    const second = start(2)
    await pass(500)
    await second.warm()
    for (const runner of second.runners) runner.exits('it was told to go')
    expect(await second.fault).toMatchObject({ code: 'WORKER_THERE' })
    expect(String((await second.fault) as Error)).toContain('w1')
    expect(said.filter((each) => each !== 'beat')).toEqual([])
    expect(second.runners.flatMap(({ heard }) => heard.map(({ type }) => type))).not.toContain('assign')
    await expect(
      ask(driver, lease, { worker: 'w1' }, { driver: 'd1', slot: 0 }, { timeoutMs: 100 }),
    ).resolves.toMatchObject({ slot: 0 })
    expect(first.own.status.draining).toBe(false)
  })

  it('ends just as well when both start at once: one of them stays', async () => {
    const { start, pass } = setUp()
    const both = [start(1), start(2)]
    await Promise.all(both.map(({ warm }) => warm()))
    await pass(10_000)
    expect(both.filter(({ own }) => own.status.draining)).toHaveLength(1)
  })

  it('may start when the other is gone, or has another name', async () => {
    const { said, start, pass } = setUp()
    const first = start(1)
    const other = start(2, 'w2')
    await first.warm()
    await other.warm()
    await first.bus.close()
    await pass(500)
    const again = start(3)
    await again.warm()
    await pass(5_000)
    expect(said.filter((each) => each.startsWith('announce'))).toContain('announce 3')
    expect([again, other].map(({ own }) => own.status.draining)).toEqual([false, false])
  })

  it('is told of when both had been at work before they met: each has trials to end', async () => {
    const { network, start, pass } = setUp()
    const first = start(1)
    await first.warm()
    await pass(5_000)
    network.outage(first.bus)
    const second = start(2)
    await second.warm()
    await pass(5_000)
    network.restore(first.bus)
    await pass(1_000)
    expect([first, second].map(({ own }) => own.status.draining)).toEqual([false, false])
    expect(second.notices).toEqual([expect.stringContaining('another worker named w1')])
  })
})
