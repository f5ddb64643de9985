/** What trials print is seen where people look: in `maggy run` itself. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { maggy } from '../support/cli.ts'

let folder: string
let module: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-output-'))
  module = join(folder, 'talking.ts')
  // A tensor of the module's own: made before anything asks for the native backend.
  await writeFile(
    module,
    `import * as tf from '@tensorflow/tfjs'
     import { defineExperiment, optimization, space, training } from 'maggy'
     const table = tf.tensor1d([1, 2, 3])
     export default defineExperiment(import.meta.url, {
       name: 'talking',
       hparams: { x: 1, rows: 64 },
       dataset: ({ rows }: any) => ({ xs: tf.ones([rows, 2]), ys: tf.ones([rows, 1]) }),
       train: async ({ dataset, hparams, reporter, run }: any) => {
         console.warn('careful: the same from all')
         reporter.log('mine alone', run.trial)
         const { xs, ys } = dataset(hparams)
         const net = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] })
         net.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
         await net.fit(xs, ys, { epochs: 1, verbose: 0 })
         return { value: hparams.x * table.sum().dataSync()[0] }
       },
       contexts: {
         tune: optimization({ space: { x: space.double(0, 1) }, trials: 4, metric: 'value', direction: 'maximize' }),
         train: training({ workers: 2 }),
       },
     })\n`,
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const count = (text: string, part: RegExp) => text.match(part)?.length ?? 0
const hint = 'install our node backend'

describe('maggy run', () => {
  it('shows what trials print: a line that all say once, with how often, and before the result', async () => {
    const { code, stdout, stderr } = await maggy(['run', module, 'tune', '--data', join(folder, 'tune')])
    expect(code, stderr).toBe(0)
    expect(count(stdout, /^trial \d: stderr: careful: the same from all$/gm)).toBe(1)
    expect(count(stdout, /^trial \d: mine alone \d$/gm)).toBe(4)
    expect(stdout).toMatch(/^printed 4 times: stderr: careful: the same from all$[^]*^trial {2}state/m)
    expect(stdout + stderr).not.toContain(hint)
  })

  it('shows what the workers of a training say, once', async () => {
    const args = ['run', module, 'train', '--workers', '2', '--json', '--data', join(folder, 'train')]
    const { code, stdout, stderr } = await maggy(args)
    expect(code, stderr).toBe(0)
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; text?: string; lines?: object[] })
    const careful = events.filter(({ text }) => text === 'careful: the same from all')
    expect(careful).toMatchObject([{ event: 'output', trial: 0, from: 'stderr' }])
    expect(events.find(({ event }) => event === 'repeated')?.lines).toContainEqual({
      from: 'stderr',
      text: 'careful: the same from all',
      count: 2,
    })
    expect(events.at(-1)?.event).toBe('result')
    expect(stdout + stderr).not.toContain(hint)
  })

  it('explores with the native backend, and does not say that it should be installed', async () => {
    const { code, stdout, stderr } = await maggy(['run', module])
    expect(code, stderr).toBe(0)
    expect(stdout).toContain('value=6')
    expect(stdout + stderr).not.toContain(hint)
  })
})
