/** Notes, tags, what was run, and removal, on real parts: the space of what is removed is free, and an interrupted removal is gone on with. */
import { execFileSync } from 'node:child_process'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { optimization, space } from 'maggy'
import { bundleBucket, decodePayload, encodePayload, log, metrics, streams, subjectFor } from '../../protocol/index.ts'
import { experimentIds } from '../../src/archive/index.ts'
import { readOutline } from '../../src/store/index.ts'
import { command } from '../support/command.ts'
import { startSystem, untilStep, type System } from '../support/system.ts'

const module = fileURLToPath(new URL('../support/artifact-experiment.ts', import.meta.url))
const common = {
  metric: 'value',
  direction: 'maximize',
  space: { x: space.double(0, 1) },
  optimizer: 'random',
} as const
let system: System
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-keeping-'))
  system = await startSystem()
  await Promise.all([system.actor('driver'), system.actor('optimizer'), system.workers(1)])
})
afterAll(async () => {
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

const run = (...args: string[]) => command([...args, '--server', system.server.url])
async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' })
  return stdout
}
const listed = async (...args: string[]): Promise<string[]> =>
  (await said('ls', '--json', ...args))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { experiment: string }).experiment)

/** Bytes that the server keeps, by stream. */
async function bytesKept(): Promise<Record<string, number>> {
  const names = [...Object.values(streams).map(({ name }) => name), 'OBJ_maggy-bundles', 'OBJ_maggy-checkpoints']
  const found: [string, number][] = []
  for (const name of names) {
    const answer = await system.bus.request(`$JS.API.STREAM.INFO.${name}`, new Uint8Array(), { timeoutMs: 5_000 })
    const { state } = JSON.parse(new TextDecoder().decode(answer)) as { state: { bytes: number } }
    found.push([name, state.bytes])
  }
  return Object.fromEntries(found)
}

describe('notes and tags', () => {
  it('are given to an experiment that runs and to one that has ended, and ls finds it by them', async () => {
    const context = optimization({ ...common, trials: 1, hparams: { does: 'waits', budget: 1 } })
    await system.submit(module, context, 'ended')
    await system.ended('ended')
    await system.submit(
      module,
      optimization({ ...common, trials: 1, hparams: { does: 'waits', budget: 1e6 } }),
      'running',
    )
    await untilStep(system, 'running', 0)
    for (const id of ['ended', 'running']) {
      expect(await said('tag', id, '+paper', 'draft', '-none')).toBe(`${id}: draft paper\n`)
      expect(await said('tag', id, '-draft')).toBe(`${id}: paper\n`)
      await said('note', id, 'the one', 'for the paper')
      expect(await said('note', id)).toMatch(/Z {2}the one for the paper\n$/)
    }
    await said('pin', 'ended')
    expect(await readOutline(system.bus, 'ended')).toMatchObject({
      state: 'done',
      tags: ['paper', 'pinned'],
      remarks: [{ text: 'the one for the paper' }],
    })
    expect(await listed('--tag', 'paper')).toEqual(['ended', 'running'])
    expect(await listed('--tag', 'paper', '--tag', 'pinned')).toEqual(['ended'])
    expect(await listed('--state', 'running')).toEqual(['running'])
    expect(await listed('--name', 'ende', '--since', '1h')).toEqual(['ended'])
    expect(await listed('--since', '2100-01-01')).toEqual([])
    expect(await said('ls')).toMatch(/ended .* paper pinned\n/)
    expect((await run('rm', 'running', '--yes')).stderr).toContain('EXPERIMENT_BUSY')
    expect(await said('rm', '--older-than', '1d', '--dry-run')).toBe('nothing to remove\n')
    await said('stop', 'running', '--cancel')
    await system.ended('running')
  })

  it('are refused with the place and the remedy', async () => {
    for (const [args, told] of [
      [['tag', 'ended', '+a b'], 'OPTION_INVALID'],
      [['note', 'nobody', 'text'], 'EXPERIMENT_UNKNOWN'],
      [['rm', 'ended', '--yes'], 'EXPERIMENT_PINNED'],
      [['rm', 'nobody', '--yes'], 'EXPERIMENT_UNKNOWN'],
      [['rm', 'running'], '--yes: is needed'],
      [['rm'], 'ids must say'],
      [['ls', '--since', 'soon'], 'OPTION_INVALID'],
    ] as const) {
      const { code, stderr } = await run(...args)
      expect({ args, code: code === 0 }).toEqual({ args, code: false })
      expect(stderr).toContain(told)
    }
  })
})

describe('what was run', () => {
  it('is kept: source, versions, host, commit and whether the tree was dirty; two of them can be compared', async () => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=e@example.org', ...args], { cwd: folder })
    const program = (power: number) => `import { defineExperiment, optimization, space } from 'maggy'
import { measure } from './measure.ts'

export default defineExperiment(import.meta.url, {
  name: 'two',
  train: ({ hparams }) => measure(hparams.x, ${power}),
  contexts: { tune: optimization({ space: { x: space.double(0, ${power}) }, trials: 2, optimizer: 'random', metric: 'value', direction: 'maximize' }) },
})
`
    await writeFile(join(folder, 'measure.ts'), 'export const measure = (x: number, power: number) => x ** power\n')
    await writeFile(join(folder, 'two.ts'), program(1))
    git('init', '-q')
    git('add', 'two.ts', 'measure.ts')
    git('commit', '-q', '-m', 'one')
    const here = join(folder, 'two.ts')
    await said('run', here, 'tune', '--json')
    await writeFile(here, program(2))
    await said('run', here, 'tune', '--json')
    const [a = '', b = ''] = await listed('--name', 'two')
    const commit = String(git('rev-parse', 'HEAD')).trim()
    const [first, second] = [await readOutline(system.bus, a), await readOutline(system.bus, b)]
    expect(first.provenance).toMatchObject({ git: { commit, dirty: false }, versions: { node: process.versions.node } })
    expect(second.provenance?.git).toMatchObject({ commit, dirty: true })
    expect(first.workers).toMatchObject([{ backend: 'tensorflow', versions: { node: process.versions.node } }])
    expect(await said('show', b)).toContain(`git     ${commit.slice(0, 12)} on`)
    const source = await said('show', a, '--source')
    expect(source).toContain('// measure.ts\nexport const measure')
    expect(source).toContain(program(1).trimEnd())
    const difference = await said('diff', a, b)
    expect(difference).toContain(`--- ${a}/two.ts`)
    expect(difference).toContain('-  train: ({ hparams }) => measure(hparams.x, 1),\n')
    expect(difference).toContain('+  train: ({ hparams }) => measure(hparams.x, 2),\n')
    expect(difference).toContain('-space.x.high = 1\n+space.x.high = 2')
    expect(difference).toMatch(/dirty +false +true/)
    expect(difference).not.toContain('measure.ts')
    expect(await said('diff', a, a)).toBe('no differences\n')
  })
})

describe('removal', () => {
  it('frees the space in every stream, leaves the code that another one uses, and what is pinned', async () => {
    const hparams = { does: 'file', pieces: 4 }
    const before = await bytesKept()
    // Another module than that of the experiments before.
    const own = join(folder, 'removed.ts')
    await copyFile(module, own)
    await system.submit(own, optimization({ ...common, trials: 2, hparams }), 'one')
    const { bundle } = await system.submit(own, optimization({ ...common, trials: 1, hparams }), 'two')
    await Promise.all([system.ended('one'), system.ended('two')])
    await system.bus.blobs.put('maggy-checkpoints', 'one/0', new Uint8Array(1000))
    await system.bus.blobs.put('maggy-checkpoints', 'rings/one-1', new Uint8Array(1000))
    await system.bus.blobs.put('maggy-checkpoints', 'one-other/0', new Uint8Array(1000))
    const between = await bytesKept()
    expect((between['MAGGY_ARTIFACTS'] ?? 0) - (before['MAGGY_ARTIFACTS'] ?? 0)).toBeGreaterThan(12 * 2 ** 20)
    expect(await said('rm', 'one', '--yes')).toBe('one removed; its code stays, others use it\n')
    expect(await system.bus.blobs.has(bundleBucket, bundle?.sha256 ?? '')).toBe(true)
    expect(await said('rm', 'two', '--yes')).toBe('two removed\n')
    expect(await system.bus.blobs.has(bundleBucket, bundle?.sha256 ?? '')).toBe(false)
    expect(await system.bus.blobs.names('maggy-checkpoints')).toContain('one-other/0')
    await system.bus.blobs.delete('maggy-checkpoints', 'one-other/0')
    expect(await bytesKept()).toEqual(before)
    expect(await listed()).not.toContain('one')
    // The same code again: it is sent again.
    await system.submit(own, optimization({ ...common, trials: 1, hparams }), 'three')
    await system.ended('three')
  })

  it('that was interrupted is gone on with by the next driver; retention removes what is due, and nothing that is pinned', async () => {
    const subject = subjectFor(log, { experiment: 'three' })
    const entry = await system.bus.streams.last('log', subject)
    if (entry === undefined) throw new Error('it has no log')
    const { first = 0, events } = decodePayload(log, entry.data, subject)
    const removing = { type: 'experiment.removing' as const, at: Date.now() }
    const half = encodePayload(log, { first: first + events.length, events: [removing] }, subject)
    await system.bus.streams.append(subject, half, { expectedLast: entry.sequence })
    const resumed = await run('resume', 'three')
    expect(resumed.stderr).toContain('EXPERIMENT_REMOVING')
    // A driver that finds it so, and one that keeps one experiment beside the pinned one.
    const gone = async (left: readonly string[]) => {
      while ((await experimentIds(system.bus)).join() !== left.join()) await new Promise((next) => setTimeout(next, 50))
    }
    const [, last = ''] = await listed('--name', 'two')
    await system.actor('driver', '--retain-count', '1')
    await gone(['ended', last].sort())
    const filter = subjectFor(metrics, { worker: '*', experiment: 'three', trial: '*' })
    expect(await system.bus.streams.subjects('telemetry', filter)).toEqual([])
  })
})
