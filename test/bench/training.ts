/** What worker and runner cost a training: images per second of the demo CNN, beside the same code in a plain process. */
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { optimization, space } from 'maggy'
import { packageRoot } from '../../src/actor/index.ts'
import { startSystem, type System } from '../support/system.ts'
import type { Report } from './main.ts'
import { median, round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const rounds = 16

function train(plain: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const die = (code: number | null) => reject(new Error(`the plain process ended with ${code}`))
    plain.once('exit', die)
    plain.once('message', (rate) => {
      plain.off('exit', die)
      resolve(Number(rate))
    })
    plain.send('train')
  })
}

async function trial(system: System, id: string): Promise<number> {
  const context = optimization({
    optimizer: 'random',
    space: { unused: space.double(0, 1) },
    trials: 1,
    metric: 'imagesPerSecond',
    direction: 'maximize',
  })
  await system.submit(moduleFile('demo-cnn-trial'), context, id)
  const ended = (await system.ended(id)).find((event) => event.type === 'trial.ended')
  if (ended?.outcome.kind !== 'done') throw new Error(`the trial ended as ${JSON.stringify(ended?.outcome)}`)
  return ended.outcome.metrics['imagesPerSecond'] ?? NaN
}

export async function training(say: (line: string) => void): Promise<Report> {
  const system = await startSystem()
  const plain = fork(join(packageRoot(), 'dist/test/bench/modules/demo-cnn-plain.js'), { stdio: 'ignore' })
  try {
    await system.actor('driver')
    await system.actor('optimizer')
    await system.workers(1)
    const bare: number[] = []
    const shipped: number[] = []
    // Both live through the whole bench, and train in turn, in short rounds whose order is turned round each time: a machine's speed
    // wanders by a third within minutes, and a process is faster when it is young.
    await train(plain)
    await trial(system, 'warm-up')
    for (let n = 0; n < rounds; n += 1) {
      const first = n % 2 === 0
      if (first) bare.push(await train(plain))
      shipped.push(await trial(system, `round-${n}`))
      if (!first) bare.push(await train(plain))
      say(`round ${n + 1}: plain ${round(bare[n] ?? NaN, 0)}, runner ${round(shipped[n] ?? NaN, 0)} images/s`)
    }
    return {
      figures: {
        plainImagesPerSecond: round(median(bare), 0),
        runnerImagesPerSecond: round(median(shipped), 0),
        ratio: round(median(shipped.map((rate, n) => rate / (bare[n] ?? NaN))), 3),
      },
      bars: { ratio: '>= 0.97' },
    }
  } finally {
    plain.kill()
    await system.stop()
  }
}
