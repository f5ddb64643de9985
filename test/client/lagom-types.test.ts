import { describe, expectTypeOf, it } from 'vitest'
import { defineExperiment, optimization, space, lagom, type LagomBoard, type Result } from '../../src/index.ts'
import type { Waiting } from '../../src/client/index.ts'

const experiment = defineExperiment(import.meta.url, {
  name: 'typed',
  hparams: { epochs: 3 },
  train: ({ hparams }) => {
    expectTypeOf(hparams.lr).toEqualTypeOf<number>()
    expectTypeOf(hparams.epochs).toEqualTypeOf<number>()
    return hparams.lr
  },
  contexts: { tune: optimization({ space: { lr: space.double(0, 1) }, trials: 1, direction: 'minimize' }) },
})

describe("lagom's types", () => {
  it('know the hparams of a context by its name', () => {
    const run = () => lagom(experiment, 'tune')
    type Best = NonNullable<Awaited<ReturnType<typeof run>>['best']>
    expectTypeOf<Best['hparams']['lr']>().toEqualTypeOf<number>()
    expectTypeOf<Best['hparams']['epochs']>().toEqualTypeOf<number | undefined>()
  })

  it('take a board, or its settings', () => {
    expectTypeOf<NonNullable<Parameters<typeof lagom>[2]>['board']>().toEqualTypeOf<boolean | LagomBoard | undefined>()
    expectTypeOf<NonNullable<LagomBoard['onAddress']>>().toEqualTypeOf<(address: string) => void>()
  })

  it('give any result a state, counts and trials', () => {
    expectTypeOf<Result['counts']['done']>().toEqualTypeOf<number>()
    expectTypeOf<Waiting['code']>().toEqualTypeOf<string>()
  })
})
