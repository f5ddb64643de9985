/**
 * A notebook's experiment in one of its contexts, without a kernel: the cells run as one module until one of them asks for it.
 * I1 What other cells would run is not run, unless its result is looked at: then the cells run anew, with that result.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type BuildFailure } from 'esbuild'
import { describe, isProblem, problem } from '../../protocol/index.ts'
import type { Shipped } from '../client/index.ts'
import { defineWith, type ContextOf, type Experiment } from '../experiment/index.ts'
import { keepCells, moduleOfCells } from './cell-log.ts'
import { withHook, type Call, type Hook } from './hook.ts'
import { codeCells, moduleOf } from './ipynb.ts'
import { runInCell } from './running.ts'
import { ship } from './ship.ts'

export interface FoundInNotebook {
  readonly experiment: Experiment
  readonly context: ContextOf | undefined
  readonly contextName: string
  readonly bundle: Shipped & { readonly warnings: readonly string[] }
}

const defineExperiment = defineWith(() => import('../train/index.ts'))
const kinds = ['exploration', 'optimization', 'training', 'ablation'] as const
/** As the commands of the talk are called, and the contexts of `setContext`. */
const aliases: Readonly<Record<string, string>> = { tune: 'optimization', ablate: 'ablation', train: 'training' }

class Found extends Error {
  readonly found: FoundInNotebook
  constructor(found: FoundInNotebook) {
    super('found')
    this.found = found
  }
}

class NeedsResult extends Error {
  readonly of: string
  constructor(of: string) {
    super(`the result of ${of} is needed`)
    this.of = of
  }
}

/**
 * `contextName` undefined: the experiment alone. `says` hears what is run on the way. Rejects with NOTEBOOK_INVALID, CONTEXT_UNKNOWN,
 * MODULE_NOT_COMPILED, MODULE_NOT_LOADED, and what shipping rejects with.
 */
export async function findInNotebook(
  path: string,
  contextName: string | undefined,
  says: (line: string) => void,
): Promise<FoundInNotebook> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw problem('MODULE_NOT_FOUND', { module: path })
    throw error
  })
  const cells = codeCells(text, path)
  keepCells(cells)
  const code = await compiled(cells, path)
  const results = new Map<string, unknown>()
  for (;;) {
    const run = new Cells(contextName, dirname(resolve(path)), results)
    try {
      await withHook(run, () => imported(code, path))
      return await run.atTheEnd(path)
    } catch (error) {
      const found = chainOf(error).find((one) => one instanceof Found)
      if (found !== undefined) return found.found
      const needs = chainOf(error).find((one) => one instanceof NeedsResult)
      const call = needs === undefined ? undefined : run.calls.get(needs.of)
      if (needs === undefined || call?.context === undefined) throw loadFailure(error, path)
      checkContext(contextName, cells, path)
      says(`${path} needs the result of ${needs.of}: that is run first`)
      const { experiment, definition, context, options } = call
      results.set(needs.of, await runInCell(experiment, definition, call.contextName, context, options, {}))
    }
  }
}

/** Before anything is run for its sake: a name that stands in no cell is that of no context. */
function checkContext(name: string | undefined, cells: readonly string[], path: string): void {
  const isWritten = (word: string) => cells.some((cell) => cell.includes(word))
  if (name === undefined || isWritten(aliases[name] ?? name) || isWritten(`${name}:`)) return
  const known = kinds.filter(isWritten)
  throw problem('CONTEXT_UNKNOWN', { experiment: path, context: name, known: known.map(withAlias).join(', ') })
}

function withAlias(kind: string): string {
  const alias = Object.keys(aliases).find((name) => aliases[name] === kind)
  return alias === undefined ? kind : `${kind} (${alias})`
}

class Cells implements Hook {
  readonly calls = new Map<string, Call>()
  readonly #wanted: string | undefined
  readonly #folder: string
  readonly #results: ReadonlyMap<string, unknown>
  readonly #definitions: Call[] = []
  #count = 0

  constructor(wanted: string | undefined, folder: string, results: ReadonlyMap<string, unknown>) {
    this.#wanted = wanted
    this.#folder = folder
    this.#results = results
  }

  async run(call: Call): Promise<unknown> {
    if (this.#isWanted(call.contextName)) throw new Found(await this.#shipped(call))
    this.#count += 1
    const key = `${call.contextName} (run ${this.#count})`
    this.calls.set(key, call)
    return this.#results.get(key) ?? placeholder(key)
  }

  defined(call: Call): void {
    this.#definitions.push(call)
  }

  /** No cell asked for it: perhaps an experiment that was defined has it. */
  async atTheEnd(path: string): Promise<FoundInNotebook> {
    const all = [...this.#definitions, ...this.calls.values()]
    for (const call of this.#definitions) {
      const { contexts } = call.experiment
      const name = this.#wanted
      if (name === undefined) return await this.#shipped({ ...call, context: undefined })
      const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined
      if (context !== undefined) return await this.#shipped({ ...call, contextName: name, context })
    }
    const known = new Set(all.flatMap((call) => [call.contextName, ...Object.keys(call.experiment.contexts)]))
    if (all.length === 0)
      throw problem('NOTEBOOK_INVALID', {
        path,
        reason: 'runs no experiment: no cell calls `lagom` or `notebook.define`',
      })
    throw problem('CONTEXT_UNKNOWN', {
      experiment: path,
      context: this.#wanted ?? '',
      known: [...known].filter(Boolean).map(withAlias).join(', ') || 'none',
    })
  }

  #isWanted(name: string): boolean {
    const wanted = this.#wanted
    return wanted === undefined || wanted === name || aliases[wanted] === name
  }

  async #shipped({ definition, context, contextName, options }: Call): Promise<FoundInNotebook> {
    const { name = 'notebook', limitBytes } = options
    const bundle = await ship(definition, { name, limitBytes, folder: this.#folder })
    const contexts = context === undefined ? {} : { [contextName]: context }
    const experiment = defineExperiment('maggy:notebook', { ...definition, contexts } as never) as Experiment
    return { experiment, context, contextName, bundle }
  }
}

/** In the place of a result: whoever looks at it says that it is needed. */
function placeholder(of: string): object {
  return new Proxy(
    {},
    {
      get(_, key) {
        // What is awaited is asked whether it is a promise.
        if (key === 'then') return undefined
        throw new NeedsResult(of)
      },
    },
  )
}

function chainOf(error: unknown): unknown[] {
  return error instanceof Error && error.cause !== undefined ? [error, ...chainOf(error.cause)] : [error]
}

function loadFailure(error: unknown, module: string): unknown {
  if (isProblem(error)) return error
  const frame = error instanceof Error ? error.stack?.split('\n').find((line) => /cell-\d+\.ts/.test(line)) : undefined
  const [, cell, line] = /cell-(\d+)\.ts:(\d+)/.exec(frame ?? '') ?? []
  const where = cell === undefined ? '' : ` (cell ${cell}, line ${line})`
  return problem('MODULE_NOT_LOADED', { module, reason: `${describe(error)}${where}` }, { cause: error })
}

/** JavaScript, with files of the user's own in it; packages stay imports. */
async function compiled(cells: readonly string[], path: string): Promise<string> {
  const contents = moduleOf(cells)
  try {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: dirname(resolve(path)), sourcefile: path, loader: 'ts' },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      sourcemap: 'inline',
      logLevel: 'silent',
      plugins: [
        {
          name: 'maggy-deno-names',
          setup: (bundler) => {
            bundler.onResolve({ filter: /^npm:/ }, ({ path: name }) => ({
              path: name.replace(/^npm:\/?((?:@[^/]+\/)?[^@/]+)(?:@[^/]*)?/, '$1'),
              external: true,
            }))
          },
        },
      ],
    })
    return outputFiles[0]?.text ?? ''
  } catch (error) {
    const { errors = [] } = error as Partial<BuildFailure>
    const reason = errors.map(({ text, location }) => {
      if (location === null) return text
      const { file, line, lineText } = location
      const isCell = resolve(file) === resolve(path)
      return `${text} (${isCell ? cellAt(cells, line) : `${file}, line ${line}`}: ${lineText.trim()})`
    })
    throw problem('MODULE_NOT_COMPILED', { module: path, reason: reason.join('\n') || describe(error) })
  }
}

/** `line`: of all cells as one module, from 1. */
function cellAt(cells: readonly string[], line: number): string {
  let rest = line
  for (const [place, cell] of cells.entries()) {
    const count = cell.split('\n').length
    if (rest <= count) return `cell ${place + 1}, line ${rest}`
    rest -= count
  }
  return 'the last cell'
}

/** A file beside the notebook, for that is where its packages are found; it is gone before anybody waits. */
async function imported(code: string, path: string): Promise<void> {
  process.setSourceMapsEnabled(true)
  const folder = await mkdtemp(join(dirname(resolve(path)), '.maggy-notebook-'))
  try {
    const file = join(folder, moduleOfCells)
    await writeFile(file, code)
    await import(pathToFileURL(file).href)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
