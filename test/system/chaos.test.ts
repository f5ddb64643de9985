/** The short form of `npm run chaos`: a training, a search and an ablation under seeded faults. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'
import type { ChaosReport } from '../chaos/chaos.ts'

const main = join(packageRoot(), 'dist/test/chaos/main.js')
/** Twenty seconds on two idle cores. */
const patienceMs = 400_000
let running: ChildProcess | undefined
afterEach(() => void running?.kill('SIGTERM'))

async function chaos(...args: string[]): Promise<{ code: number; said: string; report: ChaosReport }> {
  const child = spawn(process.execPath, [main, ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })
  running = child
  let [out, said] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const [code] = (await once(child, 'close')) as [number]
  return { code, said: said + out, report: JSON.parse(out.trim().split('\n').at(-1) ?? '') as ChaosReport }
}

test(
  'three seeded runs of chaos, one in each context, violate nothing',
  async () => {
    const { code, said, report } = await chaos('--runs', '3', '--seed', '18', '--kind', 'kill,stop,terminate,cut,hold')
    expect({ code, failures: report.failures, left: report.left, said }).toMatchObject({
      code: 0,
      failures: [],
      left: [],
    })
    expect(new Set(report.outcomes.map(({ context }) => context))).toEqual(new Set(['search', 'ablation', 'training']))
    expect(report.outcomes.filter(({ againMs }) => againMs !== null).length).toBeGreaterThan(3)
  },
  patienceMs,
)
