/** One search on real processes that the tests of this folder export: trials that are done, pruned and failed, and one whose runner is killed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KeptPoint, Result, TrialResult } from '../../src/store/index.ts'
import { maggy, type Ran, type Running } from '../support/cli.ts'

export interface Search {
  readonly folder: string
  readonly data: readonly string[]
  readonly module: string
  /** `maggy` on its bus, to its end; throws, with what it said, unless it exits with 0. */
  maggy(...args: string[]): Promise<Ran>
  /** The search, begun. */
  run(context: string, ...args: string[]): Running
  /** What the last one came to, out of `maggy export`. */
  result(): Promise<Exported>
  remove(): Promise<void>
}

export type Exported = Omit<Result, 'trials'> & {
  readonly trials: readonly (TrialResult & { readonly reports: readonly KeptPoint[] })[]
}

const text = `
import { defineExperiment, optimization, space } from 'maggy'
const common = { trials: 16, metric: 'value', direction: 'maximize', seed: 5 }
export default defineExperiment(import.meta.url, {
  name: 'curves',
  hparams: { fixed: 7, list: [1, 2] },
  train: async ({ artifact, hparams, reporter, run }: any) => {
    if (run.trial === 5) throw new Error('no luck, "quoted"')
    let value = 0
    if (run.trial === 0) await artifact.save('notes', new TextEncoder().encode('noted'))
    for (let step = 0; step < 5; step += 1) {
      value = -((hparams.x - 0.3) ** 2) + step / 50
      reporter.report({ value, loss: -value }, step)
      if (run.trial === 3 && run.attempt === 1 && step === 2) process.kill(process.pid, 'SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return { value, loss: -value }
  },
  contexts: {
    tune: optimization({
      ...common,
      optimizer: 'tpe',
      pruner: { name: 'median', minFinished: 3 },
      space: {
        x: space.double(0, 1),
        n: space.integer(1, 9, { step: 3 }),
        rate: space.double(1e-4, 1, { log: true }),
        width: space.discrete([1, 2, 4]),
        kind: space.categorical(['relu', null, true]),
        momentum: space.double(0, 0.95, { step: 0.1, when: { parameter: 'kind', in: ['relu'] } }),
      },
    }),
  },
})
`

export async function makeSearch(): Promise<Search> {
  const folder = await mkdtemp(join(tmpdir(), 'maggy-interop-'))
  const module = join(folder, 'curves.ts')
  await writeFile(module, text)
  const data = ['--data', join(folder, 'data')]
  const toEnd = async (...args: string[]) => {
    const ran = await maggy([...args, ...data])
    if (ran.code !== 0) throw new Error(`maggy ${args.join(' ')}: ${ran.code}\n${ran.stdout}\n${ran.stderr}`)
    return ran
  }
  return {
    folder,
    data,
    module,
    maggy: toEnd,
    run: (context, ...args) => maggy(['run', module, context, '--workers', '2', ...data, ...args]),
    result: async () => JSON.parse((await toEnd('export')).stdout) as Exported,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** What a trial's attempt that counts said of a metric, step by step. */
export const curveOf = (trial: Exported['trials'][number], metric: string): [number, number][] =>
  trial.reports
    .filter(({ attempt }) => attempt === trial.attempt)
    .map(({ step, values }) => [step, values[metric] ?? NaN])
