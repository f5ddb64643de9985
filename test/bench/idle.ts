/** What a driver and a worker (with its runner) cost while nothing runs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startSystem } from '../support/system.ts'
import type { Report } from './main.ts'
import { spentBy } from './processes.ts'
import { round } from './statistics.ts'

const seconds = 20

export async function idle(say: (line: string) => void): Promise<Report> {
  const system = await startSystem()
  try {
    const driver = await system.actor('driver')
    await system.actor('optimizer')
    const [worker] = await system.workers(1)
    if (worker === undefined) throw new Error('no worker')
    say('settling for 5 s')
    await sleep(5000)
    const spent = async () => {
      const family = await spentBy(worker.pid)
      return [(await spentBy(driver.pid)).own, family.own + family.byOthers] as const
    }
    const before = await spent()
    say(`idle for ${seconds} s`)
    await sleep(seconds * 1000)
    const after = await spent()
    const percent = (index: 0 | 1) => round(((after[index] - before[index]) / (seconds * 1000)) * 100, 2)
    return {
      figures: { driverPercent: percent(0), workerPercent: percent(1) },
      bars: { driverPercent: '<= 2', workerPercent: '<= 2' },
    }
  } finally {
    await system.stop()
  }
}
