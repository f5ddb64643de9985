/** `maggy/notebook` in a plain program: the talk's own, line by line, and that nothing comes out otherwise than from a module. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-notebook-'))
  await mkdir(join(folder, 'node_modules', '@tensorflow'), { recursive: true })
  await symlink(packageRoot(), join(folder, 'node_modules', 'maggy'))
  const tfjs = join('node_modules', '@tensorflow', 'tfjs')
  await symlink(join(packageRoot(), tfjs), join(folder, tfjs))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const generators = `
import * as tf from '@tensorflow/tfjs'
const start = (seed) => ({ kernelInitializer: tf.initializers.glorotUniform({ seed }) })
const genDataset = () => {
  const xs = tf.linspace(-1, 1, 64).reshape([64, 1])
  return { xs, ys: xs.mul(3).add(2) }
}
const genModel = ({ lr }) => {
  const model = tf.sequential()
  model.add(tf.layers.dense({ name: 'conv1', inputShape: [1], units: 4, activation: 'relu', ...start(1) }))
  model.add(tf.layers.dense({ name: 'conv2', units: 4, activation: 'relu', ...start(2) }))
  model.add(tf.layers.dense({ name: 'out', units: 1, ...start(3) }))
  model.compile({ optimizer: tf.train.sgd(lr), loss: 'meanSquaredError' })
  return model
}
const train = async ({ dataset, model, hparams, reporter }) => {
  const { xs, ys } = dataset()
  const net = model(hparams)
  await net.fit(xs, ys, { epochs: 3, verbose: 0, shuffle: false, callbacks: reporter.callbacks() })
  const weights = net.getWeights().map((one) => one.dataSync())
  return { accuracy: -net.evaluate(xs, ys).dataSync()[0], ...Object.fromEntries(weights.map((each, at) => ['w' + at, each.at(-1)])) }
}
`

/** What a REPL prints that is given these lines, each once it asks for one. */
async function typed(lines: readonly string[]): Promise<string> {
  const own = join(folder, 'repl')
  await mkdir(own)
  const repl = spawn(process.execPath, ['--interactive'], { cwd: own, stdio: ['pipe', 'pipe', 'inherit'] })
  const left = [...lines, '.exit']
  let text = ''
  repl.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (text.endsWith('> ')) repl.stdin.write(`${left.shift() ?? ''}\n`)
  })
  await once(repl, 'close')
  return text
}

/** What the program says with `say`. */
async function program(name: string, text: string): Promise<unknown[]> {
  // Each with an embedded bus of its own.
  const own = join(folder, name)
  await mkdir(own, { recursive: true })
  const path = join(own, `${name}.mjs`)
  await writeFile(path, `${text}\nfunction say(value) { console.log('said ' + JSON.stringify(value)) }\n`)
  const { stdout } = await promisify(execFile)(process.execPath, [path], { cwd: own, maxBuffer: 2 ** 24 })
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('said '))
    .map((line) => JSON.parse(line.slice('said '.length)) as unknown)
}

const notebookOf = (cells: readonly string[]): string =>
  JSON.stringify({ cells: cells.map((source) => ({ cell_type: 'code', source })) })

/** Rejects, with what it said, where it does not end well. */
function maggy(args: readonly string[], cwd = folder) {
  const main = join(packageRoot(), 'dist', 'src', 'cli', 'main.js')
  return promisify(execFile)(process.execPath, [main, ...args], { cwd, maxBuffer: 2 ** 24 })
}

it('the talk’s program runs as it is printed: explored, tuned on two workers, trained, taken apart', async () => {
  const [explored, tuned, trained, ablated] = await program(
    'talk',
    `import { notebook, space as parameter, study } from 'maggy/notebook'
     ${generators}
     const space = { lr: parameter.double(0.001, 0.1) }
     const experiment = notebook({ workers: 2 })
     experiment.setDatasetGenerator(genDataset)
     experiment.setModelGenerator(genModel)
     experiment.setContext('exploration', { hparams: { lr: 0.01 } })
     say(await experiment.lagom(train))
     experiment.setContext('optimization', { optimizer: 'random', space, trials: 20, metric: 'accuracy', direction: 'maximize' })
     const result = await experiment.lagom(train)
     say(result)
     experiment.setContext('training', { workers: 4, hparams: result.best.hparams })
     say(await experiment.lagom(train))
     experiment.setContext('ablation', { study: study().layers('conv2'), hparams: result.best.hparams })
     say(await experiment.lagom(train))`,
  )
  expect(explored).toMatchObject({ state: 'done', best: { hparams: { lr: 0.01 } } })
  expect(tuned).toMatchObject({
    state: 'done',
    counts: { done: 20 },
    best: { hparams: { lr: expect.any(Number) as number } },
  })
  expect(new Set((tuned as { trials: { worker: string }[] }).trials.map(({ worker }) => worker)).size).toBe(2)
  expect(trained).toMatchObject({ state: 'done', counts: { done: 1 }, trials: [{ members: 4 }] })
  expect(ablated).toMatchObject({
    state: 'done',
    counts: { done: 2 },
    ablation: { components: [{ without: ['layer:conv2'] }] },
  })
})

it('the same seed trains the same, bit for bit, from a module and from functions by value', async () => {
  const context = `optimization({ optimizer: 'random', space: { lr: space.double(0.001, 0.1) }, trials: 3, seed: 5, metric: 'accuracy', direction: 'maximize' })`
  await writeFile(
    join(folder, 'as-module.mjs'),
    `import { defineExperiment, optimization, space } from 'maggy'
     ${generators}
     export default defineExperiment(import.meta.url, { name: 'same', dataset: genDataset, model: genModel, train, contexts: { tune: ${context} } })`,
  )
  const [module, values] = (await program(
    'same',
    `import { lagom } from 'maggy'
     import { notebook, optimization, space } from 'maggy/notebook'
     import module from '../as-module.mjs'
     ${generators}
     const defined = notebook.define({ name: 'same', dataset: genDataset, model: genModel, train, contexts: { tune: ${context} } })
     for (const result of [await lagom(module, 'tune'), await defined.lagom('tune')])
       say(result.trials.map(({ trial, hparams, seed, metrics }) => ({ trial, hparams, seed, metrics })))`,
  )) as [unknown[], unknown[]]
  expect(module).toHaveLength(3)
  expect(values).toEqual(module)
})

it('a notebook runs without a kernel: what its context needs is run first, and nothing else', async () => {
  const cells = [
    "import { notebook, space, study } from 'maggy/notebook'",
    generators,
    `const experiment = notebook({ workers: 1 })
experiment.setDatasetGenerator(genDataset)
experiment.setModelGenerator(genModel)
experiment.setContext('optimization', { optimizer: 'random', space: { lr: space.double(0.01, 0.1) }, trials: 2, metric: 'accuracy', direction: 'maximize' })
const result = await experiment.lagom(train)`,
    `experiment.setContext('training', { workers: 2, hparams: { lr: 0.1 } })
await experiment.lagom(train)`,
    `experiment.setContext('ablation', { study: study().layers('conv2'), hparams: result.best.hparams })
await experiment.lagom(train)`,
  ]
  await writeFile(join(folder, 'nb.ipynb'), notebookOf(cells))
  const { stdout, stderr } = await maggy(['run', 'nb.ipynb', 'ablate', '--json'])
  expect(stderr).toContain('needs the result of optimization (run 1)')
  expect(stderr).not.toContain('result of training')
  const lines = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { event: string; result?: object })
  expect(lines.at(-1)).toMatchObject({
    event: 'result',
    result: { state: 'done', contextName: 'ablation', counts: { done: 2 } },
  })
})

const broken = [
  [
    'a notebook without an experiment',
    ["import { notebook } from 'maggy/notebook'", 'notebook()'],
    /NOTEBOOK_INVALID.* runs no experiment/,
  ],
  [
    'a cell that does not compile',
    ['const a = 1', 'const b = 2\nfunction ('],
    /MODULE_NOT_COMPILED.*\n.*cell 2, line 2: function \(/,
  ],
  [
    'a cell that throws',
    ['const a: any = undefined', 'const b = 2\n\na.foo()'],
    /MODULE_NOT_LOADED.*\(cell 2, line 3\)/,
  ],
] as const

it.each(broken)('without a kernel, %s is told by its place', async (name, cells, words) => {
  const path = join(folder, `${name.replaceAll(' ', '-')}.ipynb`)
  await writeFile(path, notebookOf(cells))
  await expect(maggy(['run', path, 'tune'])).rejects.toMatchObject({ stderr: expect.stringMatching(words) as string })
})

it('without a kernel, what train throws names the cell and its line, and a context of another name runs nothing', async () => {
  const cells = [
    "import { notebook, space } from 'maggy/notebook'",
    `const experiment = notebook({ workers: 1 })
experiment.setContext('optimization', { optimizer: 'random', space: { x: space.double(0, 1) }, trials: 1, metric: 'v', direction: 'maximize' })`,
    `const train = ({ hparams }: any) => {
  const nothing: any = hparams.none

  return { v: nothing.here }
}
const result = await experiment.lagom(train)
console.log(result.best.hparams)`,
  ]
  const own = join(folder, 'throws')
  await mkdir(own)
  await writeFile(join(own, 'throws.ipynb'), notebookOf(cells))
  await expect(maggy(['run', 'throws.ipynb', 'tune', '--json'], own)).rejects.toMatchObject({
    stdout: expect.stringMatching(/at Object\.train \([^)]*cell-3\.ts:4:/) as string,
  })
  await expect(maggy(['run', 'throws.ipynb', 'ablate'], own)).rejects.toMatchObject({
    stderr: expect.stringMatching(/^error CONTEXT_UNKNOWN: .* it has optimization \(tune\)\n/) as string,
  })
})

it('lines of the REPL ship as cells do: what they import, and what they have changed since', async () => {
  const said = await typed([
    "const { notebook, space } = await import('maggy/notebook')",
    "const { basename } = await import('node:path')",
    'let factor = 3',
    'const helper = (n) => n * factor + basename("a/b").length',
    "const experiment = notebook({ name: 'repl', workers: 1 })",
    "experiment.setContext('optimization', { optimizer: 'random', space: { x: space.double(0, 1) }, trials: 1, metric: 'v', direction: 'maximize' })",
    'const first = await experiment.lagom(() => ({ v: helper(2) }))',
    'factor = 10',
    'const second = await experiment.lagom(() => ({ v: helper(2) }))',
    "console.log('said', first.best.metrics.v, second.best.metrics.v)",
  ])
  expect(said).toContain('said 7 21\n')
})

it('what cannot travel is refused before anything starts', async () => {
  const [refused] = await program(
    'refused',
    `import { Socket } from 'node:net'
     import { existsSync } from 'node:fs'
     import { notebook, space } from 'maggy/notebook'
     const socket = new Socket()
     const experiment = notebook({ data: 'nothing-here' })
     experiment.setContext('optimization', { space: { x: space.double(0, 1) }, trials: 1, metric: 'v', direction: 'maximize' })
     try { await experiment.lagom(() => socket.bytesRead) }
     catch ({ code, message }) { say({ code, message, started: existsSync('nothing-here') }) }`,
  )
  expect(refused).toMatchObject({ code: 'CLOSURE_REFUSED', started: false })
  expect((refused as { message: string }).message).toMatch(/socket .*Socket of node:net/)
})
