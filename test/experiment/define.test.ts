import { describe, expect, expectTypeOf, test } from 'vitest'
import { codeOf, type ErrorCode } from '../../protocol/index.ts'
import type { ParameterOf } from '../../src/experiment/index.ts'
import { isExperiment, optimization, specOf } from '../../src/experiment/index.ts'
import { defineExperiment } from '../../src/index.ts'

const lr: ParameterOf<number> = { type: 'double', low: 0, high: 1 }
const units: ParameterOf<number> = { type: 'integer', low: 1, high: 9 }
const activation: ParameterOf<'relu' | 'tanh'> = { type: 'categorical', choices: ['relu', 'tanh'] }

const fault = (run: () => unknown): { code: ErrorCode; message: string } => {
  try {
    run()
  } catch (error) {
    return { code: codeOf(error) as ErrorCode, message: (error as Error).message }
  }
  throw new Error('nothing was thrown')
}

describe('defineExperiment', () => {
  test("train sees hparams typed by the contexts' spaces, their constants and the defaults", () => {
    const experiment = defineExperiment(import.meta.url, {
      name: 'typed',
      hparams: { epochs: 3, lr: 0.5 },
      dataset: (size: number) => ['x', size] as const,
      contexts: {
        tune: optimization({
          space: { lr, activation },
          trials: 3,
          metric: 'loss',
          direction: 'minimize',
          hparams: { deep: true },
        }),
        wide: optimization({ space: { units }, trials: 3, objectives: [{ metric: 'loss', direction: 'minimize' }] }),
      },
      train: ({ hparams, dataset, model, reporter, run }) => {
        expectTypeOf(hparams.lr).toEqualTypeOf<number>()
        expectTypeOf(hparams.units).toEqualTypeOf<number>()
        expectTypeOf(hparams.epochs).toEqualTypeOf<number>()
        expectTypeOf(hparams.activation).toEqualTypeOf<'relu' | 'tanh'>()
        expectTypeOf(hparams.deep).toEqualTypeOf<boolean>()
        expectTypeOf(dataset).toEqualTypeOf<(size: number) => readonly ['x', number]>()
        expectTypeOf(model).toEqualTypeOf<undefined>()
        expectTypeOf(reporter.report).toBeCallableWith({ loss: 1 }, 3)
        expectTypeOf(run.trial).toEqualTypeOf<number>()
        // @ts-expect-error no context and no default names it
        void hparams.momentum
        return { loss: 1 }
      },
    })
    expectTypeOf(experiment.run)
      .parameter(0)
      .toMatchTypeOf<{ lr?: number; units?: number; activation?: 'relu' | 'tanh' } | undefined>()
    expect(Object.keys(experiment.contexts)).toEqual(['tune', 'wide'])
  })

  test('an experiment without contexts needs nothing but a name and a training function', () => {
    const experiment = defineExperiment(import.meta.url, { name: 'bare', train: () => 1 })
    expect(isExperiment(experiment)).toBe(true)
    expect(experiment.moduleUrl).toBe(import.meta.url)
    expect(specOf(experiment).train({})).toBe(1)
  })

  test('what another copy of maggy defined is recognised by its brand', () => {
    const foreign = Object.defineProperty({ name: 'x' }, Symbol.for('maggy.experiment'), { value: { name: 'x' } })
    expect(isExperiment(foreign)).toBe(true)
    for (const value of [undefined, null, 1, {}, { name: 'x', train: () => 1 }]) expect(isExperiment(value)).toBe(false)
  })

  const faults: readonly (readonly [string, object])[] = [
    ['name', { name: 'two words', train: () => 1 }],
    ['train', { name: 'x' }],
    ['hparams.f', { name: 'x', train: () => 1, hparams: { f: () => 1 } }],
    ['hparams.n', { name: 'x', train: () => 1, hparams: { n: Number.NaN } }],
    ['contexts.tune', { name: 'x', train: () => 1, contexts: { tune: {} } }],
    ['epochs', { name: 'x', train: () => 1, epochs: 3 }],
  ]

  test.each(faults)('a fault in %s is refused with its path', (path, spec) => {
    const { code, message } = fault(() => defineExperiment(import.meta.url, spec as never))
    expect(code).toBe('EXPERIMENT_INVALID')
    expect(message).toContain(`: ${path} `)
  })

  test('a module URL that is none is refused', () => {
    expect(fault(() => defineExperiment('here.ts', { name: 'x', train: () => 1 })).message).toContain('import.meta.url')
  })
})
