/** G8: what a training function does wrong is said with its place and its remedy, in every context. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { maggy } from '../support/cli.ts'

const finite = 'return a finite number, or an object of finite numbers'
/** What train does in the trial of that number, and what is said of it. */
const faults = [
  ['return NaN', 'RESULT_INVALID', 'train returned NaN', finite],
  ['return', 'RESULT_INVALID', 'train returned nothing', finite],
  ["return 'very good'", 'RESULT_INVALID', "train returned 'very good'", finite],
  [
    'reporter.report(1, 5); reporter.report(1, 4); return 1',
    'REPORT_STEP_BACK',
    'reporter.report got step 4 after step 5',
    'steps never decrease within a trial; leave the step out to count by one',
  ],
  [
    'return { loss: 1 }',
    'METRIC_MISSING',
    'train returned no metric score; it returned loss',
    'return {score: number}, or name another metric in the context',
  ],
] as const

let folder = ''
let module = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-bad-'))
  module = join(folder, 'bad.ts')
  const cases = faults.map(([does], number) => `case ${number}: ${does}`)
  await writeFile(
    module,
    `import { defineExperiment, optimization, space } from 'maggy'
     export default defineExperiment(import.meta.url, {
       name: 'bad', hparams: { does: -1 },
       train: ({ hparams: { does }, reporter, run }: any) => {
         switch (does < 0 ? run.trial : does) {
           ${cases.join('\n           ')}
           default: return { score: 1 }
         }
       },
       contexts: {
         tune: optimization({
           space: { x: space.double(0, 1) }, trials: ${faults.length + 1}, metric: 'score', direction: 'maximize', maxFailed: 100,
         }),
       },
     })\n`,
  )
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('a training function that does wrong', () => {
  it('fails its trials, each with what it did and the remedy, and not the experiment', async () => {
    const { code, stdout } = await maggy(['run', module, 'tune', '--data', join(folder, 'data')])
    const said = stdout.split('\n')
    for (const [number, [, fault, message, remedy]] of faults.entries()) {
      const line = said.find((each) => each.startsWith(`trial ${number} failed`))
      expect(line).toContain(`${fault}: ${message}; ${remedy} (`)
    }
    expect(stdout).toContain(`${faults.length} failed`)
    expect(stdout).toMatch(/^best +score 1, trial 5/m)
    expect(code).toBe(0)
  })

  // Exploring has no metric to miss.
  it.each(faults.slice(0, 4).map((fault, number) => [fault[2], number] as const))(
    'fails to be explored: %s',
    async (_, number) => {
      const [, fault, message, remedy] = faults[number] ?? faults[0]
      const { code, stderr } = await maggy(['run', module, '--set', 'x=0', '--set', `does=${number}`])
      expect(stderr).toContain(`error ${fault}: ${message}\nremedy: ${remedy}\n`)
      expect(code).toBe(1)
    },
  )
})

describe('a program that waits for what never comes', () => {
  const never = `import { ablation, defineExperiment, study } from 'maggy'
    const never = () => new Promise(() => {})
    export default defineExperiment(import.meta.url, {
      name: 'never', hparams: { where: 'train' },
      dataset: ({ where }: any) => where === 'dataset' ? never() : 1,
      model: ({ where }: any) => where === 'model' ? never() : 1,
      train: async ({ hparams, dataset, model }: any) => {
        await dataset(hparams)
        await model(hparams)
        return await never()
      },
      contexts: { ablate: ablation({ study: study().layers('a'), hparams: { where: 'model' }, metric: 'value', direction: 'maximize' }) },
    })`

  it.each([
    ['train', ['--set', 'where=train'], 'train'],
    ['the dataset generator', ['--set', 'where=dataset'], 'the dataset generator'],
    ['the model generator', ['--set', 'where=model'], 'the model generator'],
    ['the model generator of a study', ['ablate'], 'the model generator'],
  ])('is said to wait: %s', async (_, given, what) => {
    const path = join(folder, 'never.ts')
    await writeFile(path, never)
    const { code, stderr } = await maggy([
      'run',
      path,
      ...given,
      ...(given[0] === 'ablate' ? ['--data', join(folder, 'never')] : []),
    ])
    expect(stderr).toContain(`error NEVER_SETTLED: ${what} never settles`)
    expect(code).toBe(1)
  })

  it('is said to wait while its module is loaded', async () => {
    const path = join(folder, 'waits.ts')
    await writeFile(path, 'await new Promise(() => {})\nexport default 1\n')
    const { code, stderr } = await maggy(['run', path])
    expect(stderr).toContain(`error NEVER_SETTLED: the code outside of functions in ${path} never settles`)
    expect(code).toBe(1)
  })
})

it('runs a CommonJS module, explored and tuned', async () => {
  const path = join(folder, 'common.cjs')
  await writeFile(
    path,
    `const { defineExperiment, optimization, space } = require('maggy')
     module.exports = defineExperiment(__filename, {
       name: 'common', hparams: { x: 1 },
       train: ({ hparams }) => require('path').basename(__filename).length + hparams.x,
       contexts: { tune: optimization({ space: { x: space.integer(2, 3) }, trials: 1, metric: 'value', direction: 'maximize' }) },
     })`,
  )
  expect((await maggy(['run', path])).stdout).toContain('value=11')
  expect((await maggy(['run', path, 'tune', '--data', join(folder, 'common')])).stdout).toMatch(/^best +value 1[23]/m)
})
