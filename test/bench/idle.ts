/** What a driver and a worker (with its runner) cost while nothing runs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startSystem } from '../support/system.ts'
import type { Report } from './main.ts'
import { familyOf, spentBy } from './processes.ts'
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
    const workerFamily = await familyOf(worker.pid)
    const before = [await spentBy([driver.pid]), await spentBy(workerFamily)] as const
    say(`idle for ${seconds} s`)
    await sleep(seconds * 1000)
    const after = [await spentBy([driver.pid]), await spentBy(workerFamily)] as const
    const percent = (index: 0 | 1) => round(((after[index] - before[index]) / (seconds * 1000)) * 100, 2)
    return {
      figures: { driverPercent: percent(0), workerPercent: percent(1), workerProcesses: workerFamily.length },
      bars: { driverPercent: '<= 2', workerPercent: '<= 2' },
    }
  } finally {
    await system.stop()
  }
}
