/** Whether reported metrics arrive, all of them, and how soon a stop reaches user code that never yields. */
import { optimization, space } from 'maggy'
import { readOutput, readPoints } from '../../src/store/index.ts'
import { startSystem } from '../support/system.ts'
import type { Report } from './main.ts'
import { median, quantile, round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const reports = 5000
const perSecond = 1000
const stops = 40

export async function metrics(say: (line: string) => void): Promise<Report> {
  const system = await startSystem()
  try {
    await system.actor('driver')
    await system.actor('optimizer')
    await system.workers(2)
    const common = {
      optimizer: 'random',
      space: { x: space.double(0, 1) },
      metric: 'value',
      direction: 'maximize',
    } as const
    say(`4 trials on 2 workers, ${reports} reports each at ${perSecond} a second`)
    const steady = optimization({ ...common, trials: 4, hparams: { reports, perSecond } })
    await system.submit(moduleFile('reporting'), steady, 'steady')
    const ends = (await system.ended('steady')).filter((event) => event.type === 'trial.ended')
    let kept = 0
    let rate = Infinity
    for (const { trial, startedAt, endedAt } of ends) {
      kept += new Set((await readPoints(system.bus, 'steady', trial)).map(({ step }) => step)).size
      rate = Math.min(rate, (reports / (endedAt - (startedAt ?? endedAt))) * 1000)
    }
    say(`${stops} trials that the pruner stops`)
    const stopped = optimization({
      ...common,
      trials: stops,
      hparams: { reports: 100_000, perSecond, badFrom: 50 },
      pruner: { name: 'threshold', lower: 0 },
    })
    await system.submit(moduleFile('reporting'), stopped, 'stopped')
    await system.ended('stopped')
    const latencies: number[] = []
    for (let trial = 0; trial < stops; trial += 1) {
      for await (const { text } of readOutput(system.bus, 'stopped', trial)) {
        const latency = /^stopLatencyMs (.+)$/.exec(text)?.[1]
        if (latency !== undefined) latencies.push(Number(latency))
      }
    }
    if (latencies.length < stops) throw new Error(`only ${latencies.length} of ${stops} trials were stopped`)
    return {
      figures: {
        reported: ends.length * reports,
        reportsPerSecond: round(rate, 0),
        lost: ends.length * reports - kept,
        stopLatencyMs: round(median(latencies), 2),
        stopLatency95Ms: round(quantile(latencies, 0.95), 2),
      },
      bars: { lost: '= 0', stopLatencyMs: '<= 50' },
    }
  } finally {
    await system.stop()
  }
}
