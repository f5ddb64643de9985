/** The training function of test/system/modules/together.ts on several workers: what must have come of it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { LogEvent } from '../../protocol/index.ts'
import { packageRoot } from '../../src/actor/index.ts'
import { readPoints, readResult } from '../../src/store/index.ts'
import type { System } from './system.ts'

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
