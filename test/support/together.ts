/** The training function of test/system/modules/together.ts on several workers: what must have come of it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { joinRing, paramsFrom, ringName, subjectFor, type LogEvent } from '../../protocol/index.ts'
import { packageRoot, type Child } from '../../src/actor/index.ts'
import { readPoints, readResult } from '../../src/store/index.ts'
import { allowSteps } from './pace.ts'
import { untilStep, type System } from './system.ts'

export const together = join(packageRoot(), 'test/system/modules/together.ts')

/** Done, by replicas that are equal bit for bit, after so many steps. Gives all that the log has. */
export async function expectDone(system: System, id: string, steps: number): Promise<LogEvent[]> {
  const events = await system.ended(id)
  const result = await readResult(system.bus, id)
  const [trial] = result.trials
  expect(trial?.state, JSON.stringify(trial)).toBe('done')
  const { digest = NaN, digestSquared } = trial?.metrics ?? {}
  expect(digestSquared).toBe((digest ?? NaN) ** 2)
  const points = await readPoints(system.bus, id, 0)
  // Said once, by whoever was rank 0.
  const said = points.map(({ step }) => step)
  expect(new Set(said).size).toBeGreaterThanOrEqual(steps - 1)
  expect(Math.max(...said)).toBe(steps - 1)
  return events
}

/**
 * Lets a training go on, a few steps at a time, until it has taken a newcomer in: that happens between two steps. `came` was begun
 * before the newcomer was (see `newcomer`), and `formed` is the ring with it. Gives the steps that are allowed then.
 */
export async function takeIn(
  system: System,
  id: string,
  pace: string,
  from: number,
  came: Promise<unknown>,
  formed: Promise<unknown>,
): Promise<number> {
  await came
  const isIn = formed.then(() => 'in' as const)
  for (let steps = from + 3; ; steps += 3) {
    allowSteps(pace, steps)
    const first = await Promise.race([isIn, untilStep(system, id, steps - 1)])
    if (first === 'in') return steps
  }
}

/** Resolves once somebody asks to be taken in who was not one of these. Call it before that one is started. */
export function newcomer(system: System, id: string, workers: readonly Child[]): Promise<void> {
  const known = new Set(workers.map((worker) => worker.id))
  return new Promise((resolve) => {
    const subject = subjectFor(joinRing, { worker: '*', ring: ringName(id, 0) })
    // Listening only: the driver answers it.
    const listening = system.bus.subscribe(subject, (delivery) => {
      if (known.has(paramsFrom(joinRing, delivery.subject)?.worker ?? '')) return
      listening.unsubscribe()
      resolve()
    })
  })
}

/** The processes of a worker: itself, and the runners in which user code runs. */
export function processesOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children]
}

/** SIGSTOP of a worker and its runners; the function that it gives wakes them. */
export function freeze(pid: number): () => void {
  const pids = processesOf(pid)
  for (const one of pids) process.kill(one, 'SIGSTOP')
  return () => {
    for (const one of pids) process.kill(one, 'SIGCONT')
  }
}
