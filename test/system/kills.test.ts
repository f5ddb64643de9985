/** `maggy run` with all that it starts: any one of its children is killed with -9, and it goes on to its end by itself. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Result } from '../../src/store/index.ts'
import { maggy, until, type Running } from '../support/cli.ts'
import { allowSteps } from '../support/pace.ts'
import { processesBelow } from '../support/processes.ts'

let folder: string
let module: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-kills-'))
  module = join(folder, 'held.ts')
  // Trials beyond those that the test allows hold.
  await writeFile(
    module,
    `import { existsSync, readFileSync } from 'node:fs'
     import { ablation, defineExperiment, optimization, space, study } from 'maggy'
     export default defineExperiment(import.meta.url, {
       name: 'held', hparams: { pace: '' }, switches: ['a', 'b', 'c'],
       train: async ({ hparams, reporter, run, ablated }: any) => {
         for (let step = 0; run.trial >= Number(readFileSync(hparams.pace, 'utf8')); step += 1) {
           reporter.report({ value: step })
           await new Promise((resolve) => setTimeout(resolve, 20))
         }
         for (const name of ['a', 'b', 'c']) ablated.has(name)
         return { value: run.trial }
       },
       contexts: {
         tune: optimization({ space: { x: space.double(0, 1) }, trials: 8, metric: 'value', direction: 'maximize' }),
         ablate: ablation({ study: study().training('a', 'b', 'c'), repeats: 2, metric: 'value', direction: 'maximize' }),
       },
     })\n`,
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const trialsDone = (running: Running): number => running.said().match(/^\{"event":"trial"/gm)?.length ?? 0

/** Kills with -9 the child whose command line holds this. */
function killChild(running: Running, part: string): void {
  const child = processesBelow(running.process.pid ?? 0).find(({ command }) => command.includes(part))
  if (child === undefined) throw new Error(`there is no ${part}`)
  process.kill(child.pid, 'SIGKILL')
}

describe.each([
  ['tune', 'the driver', 'actors/driver/main'],
  ['tune', 'the optimizer', 'actors/optimizer/main'],
  ['tune', 'a worker', 'actors/worker/main'],
  ['tune', 'a runner', 'runner-main'],
  ['tune', 'nats-server', 'nats-server'],
  ['ablate', 'the driver', 'actors/driver/main'],
  ['ablate', 'the ablator', 'actors/ablator/main'],
])('maggy run %s, %s of which is killed,', (context, what, part) => {
  it('goes on to its end, and says every trial once', async () => {
    const name = `${context} ${what}`.replaceAll(' ', '-')
    const pace = join(folder, name)
    allowSteps(pace, 3)
    const running = maggy([
      'run',
      module,
      context,
      '--workers',
      '2',
      '--json',
      '--set',
      `hparams.pace=${pace}`,
      '--data',
      join(folder, `${name}-data`),
    ])
    await until(() => trialsDone(running) === 3)
    killChild(running, part)
    allowSteps(pace, 1000)
    const { code, stdout, stderr } = await running
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { result } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { result: Result }
    expect(result).toMatchObject({ state: 'done', counts: { done: 8, failed: 0 } })
    expect(trialsDone(running)).toBe(8)
  })
})
