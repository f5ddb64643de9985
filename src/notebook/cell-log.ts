/**
 * The cells that this kernel has run. tslab tells what the user wrote. Deno tells only what it made of that, in lines of its own; what the
 * user wrote is then found in the notebook's file.
 */
import repl from 'node:repl'
import { keepScripts, tslabVariables, type Script } from '../closure/index.ts'
import { locate, type Cell } from './cells.ts'
import { kernelHere, tslabJupyter } from './kernel.ts'
import { savedCells } from './saved-cells.ts'

/** All cells as one file, for a moment, where there is no kernel. */
export const moduleOfCells = 'maggy-cells.mjs'
/** Whether a script has an address of its own, at which the user finds it. */
export const isFile = ({ url }: Script): boolean => url.startsWith('file:') && !url.endsWith(`/${moduleOfCells}`)

const written = new Map<number, string>()
const mark = Symbol.for('maggy.hears')

interface Handler {
  execCount: number
  handleExecuteImpl(request: { readonly code: string }, ...rest: readonly unknown[]): Promise<unknown>
  [mark]?: boolean
}

/**
 * From now on each cell is kept as it is compiled, and as it is written, where the kernel is tslab, and finds what cells before it declared also where tslab
 * forgets it: in `{ name }` it leaves the name to be a global one. It runs just as before otherwise.
 */
export function hearCells(): void {
  if (kernelHere() !== undefined || 'repl' in repl) keepScripts()
  const handler = tslabJupyter()?.JupyterHandlerImpl?.prototype as Handler | undefined
  if (handler === undefined || handler[mark] === true) return
  const run: unknown = Reflect.get(handler, 'handleExecuteImpl')
  if (typeof run !== 'function') return
  handler[mark] = true
  handler.handleExecuteImpl = function (this: Handler, request, ...rest) {
    written.set(this.execCount + 1, request.code)
    showCellsAsGlobals()
    return Reflect.apply(run, this, [request, ...rest]) as Promise<unknown>
  }
}

/** The cells of a notebook that runs without a kernel. */
export function keepCells(cells: readonly string[]): void {
  written.clear()
  for (const [place, code] of cells.entries()) written.set(place + 1, code)
}

function showCellsAsGlobals(): void {
  const variables = tslabVariables() ?? {}
  for (const name of Object.keys(variables)) {
    if (name in globalThis) continue
    Object.defineProperty(globalThis, name, { get: () => variables[name], configurable: true, enumerable: false })
  }
}

const wrapper = /^\((async )?function\(exports, require\) \{ /
const denoHead = /^'use strict'; void 0;/

/** `sourceOf`: of those scripts that have no file. */
export async function cellsIn(
  scripts: readonly Script[],
  sourceOf: (script: Script) => Promise<string>,
): Promise<readonly Cell[]> {
  const compiled: string[] = []
  for (const script of scripts) {
    if (script.url !== '' && !script.url.startsWith('evalmachine.')) continue
    const source = await sourceOf(script)
    if (wrapper.test(source)) compiled.push(source.replace(wrapper, ''))
    else if (denoHead.test(source)) compiled.push(source.replace(denoHead, ''))
  }
  const saved = kernelHere()?.name === 'deno' ? await savedCells() : []
  const cells = new Map(compiled.map((code, place): [number, string] => [place + 1, asSaved(code, saved)]))
  for (const [number, code] of written) cells.set(number, code)
  return [...cells].sort(([a], [b]) => a - b).map(([number, code]) => ({ number, code }))
}

/** A cell that was not saved since it was edited stays as the kernel has it. */
function asSaved(compiled: string, saved: readonly string[]): string {
  const found = locate(
    compiled,
    saved.map((code, number) => ({ number, code })),
  )
  return found?.cell.code ?? compiled
}
