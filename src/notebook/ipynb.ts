/** A notebook's file: its code cells, and what a starter has in it. Pure. */
import { problem } from '../../protocol/index.ts'
import { sourceMapComment, type Mapped } from './source-map.ts'

interface FileCell {
  readonly cell_type?: unknown
  readonly source?: unknown
}

/** The text of each code cell. Throws NOTEBOOK_INVALID. */
export function codeCells(text: string, path: string): readonly string[] {
  let cells: unknown
  try {
    ;({ cells } = JSON.parse(text) as { cells?: unknown })
  } catch (error) {
    throw problem('NOTEBOOK_INVALID', { path, reason: `is no JSON: ${String(error)}` }, { cause: error })
  }
  if (!Array.isArray(cells))
    throw problem('NOTEBOOK_INVALID', { path, reason: 'has no cells: it is no notebook of format 4' })
  return (cells as readonly FileCell[])
    .filter(({ cell_type: kind }) => kind === 'code')
    .map(({ source }) => (Array.isArray(source) ? source.join('') : typeof source === 'string' ? source : ''))
}

/** All cells as one module, whose lines are known by cell. */
export function moduleOf(cells: readonly string[]): string {
  const mapped: Mapped[] = []
  const lines: string[] = []
  for (const [place, content] of cells.entries()) {
    for (const [sourceLine, line] of content.split('\n').entries()) {
      mapped.push({ line: lines.length, column: 0, source: `cell-${place + 1}.ts`, content, sourceLine })
      lines.push(line)
    }
  }
  return `${lines.join('\n')}\nexport {}\n${sourceMapComment(mapped)}\n`
}

const starterCells: readonly (readonly ['markdown' | 'code', string])[] = [
  [
    'markdown',
    '# An experiment, cell by cell\n\nThe functions below go to workers with all that they use. Run the cells one after the other.',
  ],
  ['code', "import * as tf from '@tensorflow/tfjs'\nimport { notebook, space, study } from 'maggy/notebook'"],
  [
    'code',
    [
      '// Dataset generator: a line.',
      'const genDataset = () => {',
      '  const xs = tf.linspace(-1, 1, 200).reshape([200, 1])',
      '  return { xs, ys: xs.mul(3).add(2) }',
      '}',
      '',
      '// Model generator.',
      'const genModel = ({ lr, units }: { lr: number; units: number }) => {',
      '  const model = tf.sequential()',
      "  model.add(tf.layers.dense({ name: 'hidden', inputShape: [1], units, activation: 'relu' }))",
      '  model.add(tf.layers.dense({ units: 1 }))',
      "  model.compile({ optimizer: tf.train.sgd(lr), loss: 'meanSquaredError' })",
      '  return model',
      '}',
      '',
      '// The oblivious training function.',
      'const train = async ({ dataset, model, hparams, reporter }: any) => {',
      '  const { xs, ys } = dataset()',
      '  const net = model(hparams)',
      '  const { history } = await net.fit(xs, ys, { epochs: 10, verbose: 0, callbacks: reporter.callbacks() })',
      '  return { loss: Number(history.loss.at(-1)) }',
      '}',
    ].join('\n'),
  ],
  [
    'code',
    [
      'const experiment = notebook({ workers: 2 })',
      'experiment.setDatasetGenerator(genDataset)',
      'experiment.setModelGenerator(genModel)',
      "experiment.setContext('optimization', {",
      '  space: { lr: space.double(1e-3, 0.3, { log: true }), units: space.integer(2, 32) },',
      '  trials: 12,',
      "  metric: 'loss',",
      "  direction: 'minimize',",
      '})',
      'const result = await experiment.lagom(train)',
    ].join('\n'),
  ],
  [
    'code',
    "experiment.setContext('training', { workers: 2, hparams: result.best.hparams })\nawait experiment.lagom(train)",
  ],
  [
    'code',
    "experiment.setContext('ablation', { study: study().layers('hidden'), hparams: result.best.hparams })\nawait experiment.lagom(train)",
  ],
]

/** The text of a notebook to begin with. */
export function starter(kernel: 'tslab' | 'deno'): string {
  const cells = starterCells.map(([kind, source], place) => ({
    cell_type: kind,
    id: `cell-${place}`,
    metadata: {},
    source: source.split(/(?<=\n)/),
    ...(kind === 'code' ? { execution_count: null, outputs: [] } : {}),
  }))
  const names = { tslab: 'TypeScript', deno: 'Deno' }
  const metadata = {
    kernelspec: { name: kernel, display_name: names[kernel], language: 'typescript' },
    language_info: { name: 'typescript' },
  }
  return `${JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }, null, 1)}\n`
}
