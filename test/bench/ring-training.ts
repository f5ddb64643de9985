/**
 * Training the demo's CNN on two workers: the share of a step that is not spent waiting for the ring, and what each encoding costs
 * in accuracy.
 */
import { training } from 'maggy'
import { ringProgress } from '../../protocol/index.ts'
import { hear } from '../../src/bus/index.ts'
import { readResult } from '../../src/store/index.ts'
import { startSystem } from '../support/system.ts'
import type { Report } from './main.ts'
import { median, round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const examples = 6_000
const epochs = 2
const runs = [
  { workers: 2, encoding: 'float32' },
  { workers: 2, encoding: 'bfloat16' },
  { workers: 2, encoding: 'int8' },
  { workers: 1, encoding: 'float32' },
] as const

export async function ringTraining(say: (line: string) => void): Promise<Report> {
  const system = await startSystem()
  const figures: Record<string, number> = {}
  try {
    await system.actor('driver')
    await system.workers(2, '--threads', '1')
    for (const { workers, encoding } of runs) {
      const name = `${encoding}${workers}`
      const shares: number[] = []
      const heard = hear(system.bus, ringProgress, { worker: '*', ring: '*' }, ({ stepMs, waitMs, finished }) => {
        if (finished > 5 && stepMs > 0) shares.push(Math.max(0, 1 - waitMs / stepMs))
      })
      const hparams = { examples, epochs }
      await system.submit(moduleFile('ring-cnn'), training({ workers, encoding, hparams }), name)
      await system.ended(name)
      heard.unsubscribe()
      const [trial] = (await readResult(system.bus, name)).trials
      figures[`${name}Accuracy`] = round(trial?.metrics['accuracy'] ?? NaN, 4)
      figures[`${name}ComputeShare`] = round(median(shares), 3)
      figures[`${name}Seconds`] = round(trial?.metrics['seconds'] ?? NaN, 1)
      figures[`${name}ImagesPerSecond`] = round((examples * epochs) / (trial?.metrics['seconds'] ?? NaN), 0)
      say(`${name}: ${JSON.stringify(figures)}`)
    }
    return { figures, bars: { bfloat162Accuracy: "float32's +- 0.003", int82Accuracy: "float32's +- 0.003" } }
  } finally {
    await system.stop()
  }
}
