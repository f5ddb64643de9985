/** `maggy replay` on what real processes wrote: four workers, reports that interleave as they come, a runner that is killed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Replay } from '../../src/replay/index.ts'
import { maggy } from '../support/cli.ts'

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''

it('takes every decision of an asynchronous search again, and asks another optimizer where it would have gone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maggy-replay-'))
  const data = ['--data', join(folder, 'data')]
  const module = join(folder, 'curves.ts')
  await writeFile(
    module,
    `import { defineExperiment, optimization, space } from 'maggy'
     export default defineExperiment(import.meta.url, {
       name: 'curves',
       train: async ({ hparams, reporter, run }: any) => {
         if (run.trial === 7 && run.attempt === 1) process.kill(process.pid, 'SIGKILL')
         let value = 0
         for (let step = 0; step < 6; step += 1) {
           value = -((hparams.x - 0.3) ** 2) + step / 50
           reporter.report({ value }, step)
           await new Promise((resolve) => setTimeout(resolve, 1 + 5 * hparams.x))
         }
         return { value }
       },
       contexts: {
         tune: optimization({
           optimizer: { name: 'asha', sampler: 'tpe' },
           pruner: { name: 'median', minFinished: 3 },
           space: { x: space.double(0, 1) },
           trials: 40, metric: 'value', direction: 'maximize',
         }),
       },
     })\n`,
  )
  const ran = await maggy(['run', module, 'tune', '--workers', '4', ...data])
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' })
  const replayed = await maggy(['replay', '--json', ...data])
  const { decisions, differences, untaken } = JSON.parse(lastLine(replayed.stdout)) as Replay
  expect({ code: replayed.code, differences, untaken }).toEqual({ code: 0, differences: [], untaken: {} })
  expect(decisions).toBeGreaterThanOrEqual(41)
  expect((await maggy(['replay', ...data])).stdout).toContain(`${decisions} decisions, all equal`)
  const other = await maggy(['replay', '--optimizer', 'sobol', ...data])
  expect(other.stdout).toContain('sobol was asked 40 times')
  const nobody = await maggy(['replay', '--optimizer', 'nobody', ...data])
  expect(nobody.stderr).toContain('OPTIMIZER_UNAVAILABLE')
  await rm(folder, { recursive: true, force: true })
})
