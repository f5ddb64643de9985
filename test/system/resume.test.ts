/** `maggy run` is killed, with all that it started; `maggy resume` goes on where it was. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Result } from '../../src/store/index.ts'
import { maggy, until } from '../support/cli.ts'

it('a search whose whole program was killed with -9 is finished by resume, and finished trials are not run again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maggy-resume-'))
  const data = ['--data', join(folder, 'data')]
  const module = join(folder, 'ticking.ts')
  await writeFile(
    module,
    `import { existsSync } from 'node:fs'
     import { defineExperiment, optimization, space } from 'maggy'
     export default defineExperiment(import.meta.url, {
       name: 'ticking',
       train: async ({ run }: any) => {
         // From the fifth on they hold until the program has been killed.
         while (run.trial > 3 && !existsSync(${JSON.stringify(join(folder, 'killed'))})) {
           await new Promise((resolve) => setTimeout(resolve, 20))
         }
         return { value: run.trial, pid: process.pid }
       },
       contexts: { tune: optimization({ space: { x: space.double(0, 1) }, trials: 12, metric: 'value', direction: 'maximize' }) },
     })\n`,
  )
  const killed = maggy(['run', module, 'tune', '--json', ...data])
  const events = () =>
    killed
      .said()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { event: string; experiment?: string; trial?: number; metrics?: object })
  await until(() => events().filter(({ event }) => event === 'trial').length >= 3)
  killed.process.kill('SIGKILL')
  await killed
  await writeFile(join(folder, 'killed'), '')
  const before = events().filter(({ event }) => event === 'trial')
  const id = events().find(({ event }) => event === 'experiment')?.experiment ?? ''

  const resumed = await maggy(['resume', id, '--json', ...data])
  expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' })
  const { result } = JSON.parse(resumed.stdout.trim().split('\n').at(-1) ?? '') as { result: Result }
  expect(result).toMatchObject({ state: 'done', counts: { done: 12, failed: 0 } })
  for (const { trial, metrics } of before) {
    // With the process id of the runner that is gone.
    expect(result.trials.find((each) => each.trial === trial)).toMatchObject({ attempts: 1, metrics })
  }
  await rm(folder, { recursive: true, force: true })
})
