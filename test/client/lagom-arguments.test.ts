import { expect, it } from 'vitest'
import { codeOf } from '../../protocol/index.ts'
import { lagom } from '../../src/client/lagom.ts'
import { defineExperiment, optimization } from '../../src/index.ts'
import { space } from '../../src/space/index.ts'

const train = () => ({ loss: 1 })
const tune = optimization({ space: { x: space.double(0, 1) }, trials: 2, metric: 'loss', direction: 'minimize' })
const experiment = defineExperiment(import.meta.url, { name: 'tiny', train, contexts: { tune } })
/** What a program may hand over that nobody type-checks. */
const given = lagom as unknown as (...args: unknown[]) => Promise<unknown>
const refusal = (...args: unknown[]) =>
  given(...args).then(
    () => undefined,
    (error: unknown) => [codeOf(error), String(error)],
  )

it.each([[train], [{ name: 'tiny', train }], [undefined], [null], ['tiny']])(
  'lagom says what it takes where it is given %s for an experiment',
  async (other) => {
    const [code, text] = (await refusal(other, 'tune')) ?? []
    expect(code).toBe('EXPERIMENT_INVALID')
    expect(text).toContain('the first argument of lagom was not made by defineExperiment')
  },
)

it.each([[undefined], [null], [{ tune }], [{ trials: 3 }], [7]])(
  'lagom says what it takes where it is given %s for a context',
  async (other) => {
    const [code, text] = (await refusal(experiment, other)) ?? []
    expect(code).toBe('CONTEXT_INVALID')
    expect(text).toContain('the second argument of lagom is no name of a context')
  },
)

it('lagom names the contexts that there are', async () => {
  expect((await refusal(experiment, 'tone'))?.[1]).toMatch(/tone.*tune/)
})
