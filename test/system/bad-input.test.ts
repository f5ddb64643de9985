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
