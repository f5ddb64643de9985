/** Layers left out of models as programs write them, on real processes: what cannot go is said and is no failed trial. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Result } from '../../src/store/index.ts'
import { maggy } from '../support/cli.ts'

const moduleAt = (name: string) => fileURLToPath(new URL(`./modules/${name}.ts`, import.meta.url))

describe('maggy run … ablate', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maggy-layers-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const run = async (name: string, context: string) => {
    const data = join(folder, `${name}-${context}`)
    const ran = await maggy(['run', moduleAt(name), context, '--data', data, '--output', join(data, 'out')])
    const id = /experiment (\S+)/.exec(ran.stdout)?.[1] ?? ''
    const file = async (path: string) => readFile(join(data, 'out', id, path), 'utf8')
    return { ...ran, data, file, result: async () => JSON.parse(await file('result.json')) as Result }
  }

  it('leaves out layers that have no names, in all trials of a warm runner, and keeps weights that were loaded', async () => {
    const { code, stdout, stderr, file, result } = await run('unnamed', 'ablate')
    expect(code, stderr).toBe(0)
    const { ablation, counts, trials } = await result()
    expect(counts).toMatchObject({ done: 10, failed: 0 })
    const rows = new Map(ablation?.components.map((one) => [one.without.join(), one]))
    expect(rows.size).toBe(5)
    expect(rows.get('layer:Dense at 4')).toMatchObject({ verdict: 'not possible', trials: [], failed: 0 })
    for (const name of ['layer:Dropout at 1', 'layer:Dropout at 3', 'layer:Dense at 2']) {
      expect(rows.get(name)?.done).toBe(2)
    }
    // Without a layer, the first one has the values that it was made with.
    const kept = trials.filter(({ ablated }) =>
      ['layer:Dense at 2', 'layer:Dropout at 1'].includes(ablated?.components[0]?.name ?? ''),
    )
    expect(kept.map(({ metrics }) => metrics['sum'])).toEqual(kept.map(() => 2))
    expect(stdout).toMatch(/^layer:Dense at 4 .* not possible$/m)
    expect(stdout).toContain('not possible  without layer:Dense at 4: SURGERY_REFUSED: Dense at 4 cannot be left out: ')
    expect(await file('ablation.csv')).toMatch(/^layer:Dense at 4,0,0,.*not possible/m)
  })

  it('starts nothing when nothing that is named can be left out', async () => {
    const { code, stderr, data } = await run('unnamed', 'never')
    expect(stderr).toMatch(
      /STUDY_INVALID: study.include names nothing that can be left out: Dense at 4 cannot be left out: .* output layer/,
    )
    expect(code).toBe(2)
    expect(existsSync(data)).toBe(false)
  })

  it('takes layers at their word where only train knows how the model is made; what cannot go is not possible', async () => {
    const { code, stderr, stdout, result } = await run('positional', 'ablate')
    expect(code, stderr).toBe(0)
    const { ablation } = await result()
    const rows = new Map(ablation?.components.map((one) => [one.without.join(), one]))
    expect(rows.get('layer:hidden')).toMatchObject({ mean: 3, done: 1 })
    expect(rows.get('layer:at 1')).toMatchObject({ mean: 3, done: 1 })
    for (const name of ['layer:out', 'layer:nobody'])
      expect(rows.get(name)).toMatchObject({ verdict: 'not possible', failed: 0 })
    expect(stdout).toContain('there is no layer nobody; there are first, ')
    expect(stdout).toMatch(/^trial 3 not possible in /m)
    expect(stdout).toMatch(/: done in .*, 3 done, 2 not possible$/m)
    expect(stdout).not.toContain('failed')
  })

  it('says why it cannot look for layers where only train knows how the model is made', async () => {
    const { code, stderr } = await run('positional', 'looks')
    expect(stderr).toContain('looks for layers, and the model generator takes 2 arguments, which only train knows')
    expect(code).toBe(2)
  })
})
