/** Ablations on real processes: whatever is killed, every component is tried once; and the CLI from the study to its files. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LogEvent } from '../../protocol/index.ts'
import { packageRoot, type Child } from '../../src/actor/index.ts'
import { withComponents } from '../../src/client/index.ts'
import { readResult, resultOf } from '../../src/store/index.ts'
import { maggy } from '../support/cli.ts'
import experiment from '../support/ablation-experiment.ts'
import { startSystem, until, type System } from '../support/system.ts'

const module = fileURLToPath(new URL('../support/ablation-experiment.ts', import.meta.url))

/** What was left out, in which repeat, of every trial that was suggested. */
function removalsIn(events: readonly LogEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type !== 'trial.suggested') return []
    const names = event.ablated?.components.map(({ name }) => name).sort() ?? ['not told']
    return [`${names.join('+') || 'base'} ${event.ablated?.repeat}`]
  })
}

const alone = ['base', 'feature:a', 'feature:b', 'feature:c', 'feature:d', 'training:luck']
const everyOnce = [0, 1, 2].flatMap((repeat) => alone.map((name) => `${name} ${repeat}`))

describe('whatever is killed during a study, it ends with every component once:', () => {
  let system: System
  let driver: Child
  let ablator: Child
  let worker: Child | undefined
  beforeAll(async () => {
    system = await startSystem()
    driver = await system.actor('driver')
    ablator = await system.actor('ablator')
    ;[worker] = await system.workers(1)
  })
  afterAll(() => system.stop())

  const submit = async (name: 'ablate' | 'eliminate', id: string) =>
    system.submit(module, await withComponents(experiment, experiment.contexts[name]), id)
  const kill = async (child: Child | undefined) => {
    child?.process.kill('SIGKILL')
    await child?.exited
  }
  const expectOnce = (id: string, events: readonly LogEvent[], removals: readonly string[]) => {
    expect(removalsIn(events).sort()).toEqual([...removals].sort())
    const { counts, state } = resultOf(id, events)
    expect(state).toBe('done')
    expect(counts).toMatchObject({ done: removals.length, failed: 0, queued: 0, running: 0, cancelled: 0 })
  }

  it('a worker', async () => {
    await submit('ablate', 'worker-killed')
    await until(system, 'worker-killed', 'trial.assigned', ({ trial }) => trial === 4)
    await kill(worker)
    await system.workers(1)
    expectOnce('worker-killed', await system.ended('worker-killed'), everyOnce)
  })

  it('the driver', async () => {
    await submit('ablate', 'driver-killed')
    await until(system, 'driver-killed', 'trial.assigned', ({ trial }) => trial === 5)
    await kill(driver)
    await system.actor('driver')
    const events = await system.ended('driver-killed')
    expectOnce('driver-killed', events, everyOnce)
    expect(events.filter(({ type }) => type === 'experiment.adopted')).toHaveLength(2)
  })

  it('the ablator', async () => {
    // Greedy looks at results: it is asked between all trials, and its successor goes on from the history.
    await submit('eliminate', 'ablator-killed')
    await until(system, 'ablator-killed', 'trial.assigned', ({ trial }) => trial === 6)
    await kill(ablator)
    await system.actor('ablator')
    const eliminated = await system.ended('ablator-killed')
    const rounds = [
      ['base', 'feature:a', 'feature:b', 'feature:c', 'feature:d'],
      ['feature:a+feature:c', 'feature:b+feature:c', 'feature:c+feature:d'],
      ['feature:a+feature:c+feature:d', 'feature:b+feature:c+feature:d'],
      ['feature:a+feature:b+feature:c+feature:d'],
    ]
    expectOnce(
      'ablator-killed',
      eliminated,
      rounds.flat().map((name) => `${name} 0`),
    )
    expect(eliminated.filter(({ type }) => type === 'optimizer.opened').length).toBeGreaterThan(1)
  })
})

describe('an ablator of one’s own, a process beside the others', () => {
  it('takes the penguins apart in its own way', async () => {
    const system = await startSystem()
    const program = join(packageRoot(), 'dist/deploy/examples/custom-ablator.js')
    const mine = spawn(process.execPath, [program, '--server', system.server.url], { stdio: 'ignore' })
    try {
      await system.actor('driver')
      await system.workers(2)
      const settings = ['--set', 'ablator=only', '--set', 'repeats=1', '--set', 'hparams.epochs=2']
      const penguins = join(packageRoot(), 'deploy/examples/penguins.ts')
      const { code, stdout, stderr } = await maggy([
        'run',
        penguins,
        'ablate',
        '--server',
        system.server.url,
        ...settings,
      ])
      expect(code, stderr).toBe(0)
      const [id = ''] = /penguins-ablate-[\w-]+/.exec(stdout) ?? []
      const { trials, counts } = await readResult(system.bus, id)
      const components = new Set(trials.flatMap(({ ablated }) => ablated?.components.map(({ name }) => name) ?? []))
      const sizes = trials.map(({ ablated }) => ablated?.components.length)
      expect(sizes).toEqual([0, ...[...components].map(() => components.size - 1)])
      // Without all features there is nothing to learn from, and the table says so; the study goes on.
      expect(counts.done + counts.failed).toBe(trials.length)
      expect(counts.done).toBeGreaterThan(0)
    } finally {
      mine.kill()
      await system.stop()
    }
  })
})

describe('maggy run … ablate', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maggy-ablation-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('prints the table, what is missed most first, and writes it as JSON, CSV and a chart', async () => {
    const data = ['--data', join(folder, 'bus')]
    const output = join(folder, 'out')
    const { code, stdout, stderr } = await maggy(['run', module, 'ablate', '--output', output, ...data])
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const rows = stdout.split('\n').filter((line) => /^(nothing|feature|training)/.test(line))
    expect(rows.map((line) => line.split(/ {2,}/)[0])).toEqual([
      'nothing (base)',
      'feature:a',
      'feature:b',
      'feature:d',
      'training:luck',
      'feature:c',
    ])
    expect(rows[1]).toMatch(/-8 .*worse/)
    expect(rows.at(-1)).toMatch(/ 0 .*not shown/)
    const id = /experiment (\S+)/.exec(stdout)?.[1] ?? ''
    expect(await readFile(join(output, id, 'ablation.svg'), 'utf8')).toContain('feature:a')
    expect(await readFile(join(output, id, 'ablation.csv'), 'utf8')).toMatch(/^without,done,failed,score,/)
    const csv = await maggy(['export', id, '--format', 'csv', ...data])
    expect(csv.stdout.split('\r\n')[1]).toMatch(/^nothing \(base\),3,0,12\.5/)
    const json = await maggy(['export', id, ...data])
    expect(JSON.parse(json.stdout)).toMatchObject({ ablation: { base: { done: 3 }, repeats: 3 } })
    const shown = await maggy(['show', id, ...data])
    expect(shown.stdout).toContain('feature:a')
  })

  it('lists the names that there are, and starts nothing, when one does not exist', async () => {
    const { code, stderr } = await maggy(['run', module, 'wrong', '--data', join(folder, 'never')])
    expect(stderr).toContain(
      'error STUDY_INVALID: study.include[0] names the feature e, which does not exist; there are a, b, c, d',
    )
    expect(code).toBe(2)
    expect(existsSync(join(folder, 'never'))).toBe(false)
  })
})
