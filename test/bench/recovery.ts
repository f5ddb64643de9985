/**
 * What the loss of a worker costs a training on three: kill -9 of one at a random moment, again and again, each made good by another.
 * A pause is the longest time without a step after a kill.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { training } from 'maggy'
import { decodePayload, metrics, subjectFor } from '../../protocol/index.ts'
import { packageRoot, type Child } from '../../src/actor/index.ts'
import { readResult } from '../../src/store/index.ts'
import { startSystem, until } from '../support/system.ts'
import type { Report } from './main.ts'
import { median, round } from './statistics.ts'

const kills = Number(process.env['MAGGY_BENCH_KILLS'] ?? 50)
const epochs = Math.ceil(kills * 4)
const steps = epochs * 40
const id = 'recovery'

export async function recovery(say: (line: string) => void): Promise<Report> {
  const system = await startSystem()
  try {
    await system.actor('driver')
    let workers: Child[] = await system.workers(3)
    const times = new Map<number, number>()
    const subject = subjectFor(metrics, { worker: '*', experiment: id, trial: '0' })
    system.bus.subscribe(subject, ({ data }) => {
      for (const { step, at } of decodePayload(metrics.payload, data, subject).points) {
        if (!times.has(step)) times.set(step, at)
      }
    })
    // Steps that cost computing: a newcomer passes what is over without.
    const hparams = { samples: 3 * 40 * 256, batchSize: 256, units: 2048, epochs }
    await system.submit(
      join(packageRoot(), 'test/system/modules/together.ts'),
      training({ workers: { min: 1, max: 3 }, hparams }),
      id,
    )
    let { generation } = await until(system, id, 'ring.formed', ({ members }) => members.length === 3)
    const pauses: number[] = []
    for (let n = 0; n < kills; n += 1) {
      await sleep(500 + Math.random() * 500)
      const at = Math.floor(Math.random() * 3)
      const killedAt = Date.now()
      workers[at]?.process.kill('SIGKILL')
      const after = generation
      workers = [...workers.filter((_, index) => index !== at), ...(await system.workers(1))]
      const formed = await until(
        system,
        id,
        'ring.formed',
        (event) => event.generation > after && event.members.length === 3,
      )
      generation = formed.generation
      await sleep(300)
      const all = [...times.values()].sort((a, b) => a - b)
      const gaps = all.map((time, index) => (time > killedAt ? time - (all[index - 1] ?? time) : 0))
      pauses.push(Math.max(0, ...gaps))
      say(`kill ${n + 1}: ${round(pauses.at(-1) ?? NaN, 0)} ms`)
    }
    await system.ended(id)
    const [trial] = (await readResult(system.bus, id)).trials
    const { digest = NaN, digestSquared } = trial?.metrics ?? {}
    return {
      figures: {
        kills,
        ended: trial?.state ?? 'nothing',
        medianPauseMs: round(median(pauses), 0),
        maximumPauseMs: round(Math.max(...pauses), 0),
        stepsLost: steps - 1 - Math.max(...times.keys()),
        replicasEqual: String(digestSquared === (digest ?? NaN) ** 2),
      },
      bars: { medianPauseMs: '<= 1000', maximumPauseMs: '<= 5000', stepsLost: '0', replicasEqual: 'true' },
    }
  } finally {
    await system.stop()
  }
}
