/**
 * Training the demo's CNN on two workers: the share of a step that is not spent waiting for the ring, and what each encoding costs
 * in accuracy: a mean over seeds, beside what a training loses whose weights began a millionth off (`nudged`), which is chance.
 */
import { training } from 'maggy'
import { ringProgress } from '../../protocol/index.ts'
import { hear } from '../../src/bus/index.ts'
import { readResult } from '../../src/store/index.ts'
import { startSystem } from '../support/system.ts'
import type { BenchOptions, Report } from './main.ts'
import { median, round } from './statistics.ts'
import { moduleFile } from './trials.ts'

/** As the demo has it. */
const hparams = { examples: 12_000, epochs: 1 }
const runs = [
  { name: 'float32On2', workers: 2, encoding: 'float32', nudge: 0 },
  { name: 'bfloat16On2', workers: 2, encoding: 'bfloat16', nudge: 0 },
  { name: 'int8On2', workers: 2, encoding: 'int8', nudge: 0 },
  { name: 'nudgedOn2', workers: 2, encoding: 'float32', nudge: 1e-6 },
  { name: 'float32On1', workers: 1, encoding: 'float32', nudge: 0 },
] as const

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

export async function ringTraining(say: (line: string) => void, { seeds = 3 }: BenchOptions): Promise<Report> {
  const system = await startSystem()
  const figures: Record<string, number> = {}
  try {
    await system.actor('driver')
    await system.workers(2, '--threads', '1')
    const accuracies: Record<string, number[]> = {}
    const shares: Record<string, number[]> = {}
    const rates: Record<string, number[]> = {}
    // All with one seed, then all with the next: what else the machine does disturbs them alike.
    for (let seed = 1; seed <= seeds; seed += 1) {
      for (const { name, workers, encoding, nudge } of runs) {
        const id = `${name}-${seed}`
        const heard = hear(system.bus, ringProgress, { worker: '*', ring: '*' }, ({ stepMs, waitMs, finished }) => {
          if (finished > 5 && stepMs > 0) (shares[name] ??= []).push(Math.max(0, 1 - waitMs / stepMs))
        })
        await system.submit(
          moduleFile('ring-cnn'),
          training({ workers, encoding, hparams: { ...hparams, nudge }, seed }),
          id,
        )
        await system.ended(id)
        heard.unsubscribe()
        const [trial] = (await readResult(system.bus, id)).trials
        const { accuracy, seconds } = trial?.metrics ?? {}
        ;(accuracies[name] ??= []).push(accuracy ?? NaN)
        ;(rates[name] ??= []).push((hparams.examples * hparams.epochs) / (seconds ?? NaN))
        say(`${id}: accuracy ${round(accuracy ?? NaN, 4)}, ${round(seconds ?? NaN, 1)} s`)
      }
    }
    for (const name of Object.keys(accuracies)) {
      figures[`${name}Accuracy`] = round(mean(accuracies[name] ?? []), 4)
      figures[`${name}ComputeShare`] = round(median(shares[name] ?? []), 3)
      figures[`${name}ImagesPerSecond`] = round(median(rates[name] ?? []), 0)
    }
    const exact = accuracies['float32On2'] ?? []
    figures['float32SpreadPoints'] = round(100 * (Math.max(...exact) - Math.min(...exact)), 2)
    // In points of a hundred; what is better than float32 by chance is no loss.
    for (const changed of ['bfloat16', 'int8', 'nudged'] as const) {
      const loss = mean(exact) - mean(accuracies[`${changed}On2`] ?? [])
      figures[`${changed}PointsLost`] = round(100 * Math.max(0, loss), 2)
    }
    return { figures, bars: { bfloat16PointsLost: '<= 0.3', int8PointsLost: '<= 0.3' } }
  } finally {
    await system.stop()
  }
}
