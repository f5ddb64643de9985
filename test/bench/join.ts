/** How soon a worker that joins a search gets its first trial, from its announcement to the trial's start. */
import { announce, started } from '../../protocol/index.ts'
import { optimization, space } from 'maggy'
import { hear } from '../../src/bus/index.ts'
import { startSystem, until } from '../support/system.ts'
import type { Report } from './main.ts'
import { median, round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const joins = 5

export async function join(say: (line: string) => void): Promise<Report> {
  const system = await startSystem()
  try {
    await system.actor('driver')
    await system.actor('optimizer')
    await system.workers(1)
    const context = optimization({
      optimizer: 'random',
      space: { x: space.double(0, 1) },
      hparams: { seconds: 1 },
      trials: 100_000,
      metric: 'value',
      direction: 'minimize',
    })
    await system.submit(moduleFile('noop'), context, 'joined')
    await until(system, 'joined', 'trial.ended')
    const times: number[] = []
    for (let index = 1; index <= joins; index += 1) {
      say(`worker ${index} of ${joins} joins a search of 1 s trials`)
      const worker = `joins-${index}`
      let announcedAt: number | undefined
      const began = new Promise<number>((resolve) => {
        hear(system.bus, started, { worker, experiment: 'joined' }, () => {
          resolve(performance.now())
        })
      })
      hear(system.bus, announce, { worker }, () => (announcedAt ??= performance.now()))
      await system.bus.flush()
      const child = await system.actor('worker', '--id', worker)
      const startedAt = await began
      if (announcedAt === undefined) throw new Error('a trial began on a worker that was not announced')
      times.push(startedAt - announcedAt)
      await child.stop()
    }
    return {
      figures: { joins, joinMs: round(median(times), 1), joinMaxMs: round(Math.max(...times), 1) },
      bars: { joinMs: '<= 1000', joinMaxMs: '<= 1000' },
    }
  } finally {
    await system.stop()
  }
}
