/** From functions of this process to code that workers can load, and a word about what went along. */
import { join } from 'node:path'
import { bundleModule, endBundler } from '../bundle/index.ts'
import type { Shipped } from '../client/index.ts'
import { capture, type Shipment } from '../closure/index.ts'
import { cellsIn, isFile } from './cell-log.ts'
import { locate, type Cell } from './cells.ts'
import { kernelHere } from './kernel.ts'
import { sourceMapComment, type Mapped } from './source-map.ts'

export interface ShipOptions {
  readonly name: string
  readonly limitBytes?: number | undefined
  readonly folder?: string | undefined
}

export interface Shipping extends Shipped {
  readonly summary: string
  readonly warnings: readonly string[]
}

/** Rejects with CLOSURE_REFUSED, CLOSURE_TOO_LARGE, MODULE_NOT_COMPILED. */
export async function ship(
  definition: Readonly<Record<string, unknown>>,
  { name, limitBytes, folder = process.cwd() }: ShipOptions,
): Promise<Shipping> {
  let cells: readonly Cell[] = []
  const shipment = await capture(definition, {
    folder,
    ...(limitBytes === undefined ? {} : { limitBytes }),
    onScripts: async (scripts, sourceOf) => {
      cells = await cellsIn(scripts, sourceOf)
    },
  })
  const text = `${shipment.text}${sourceMapComment(mappedIn(shipment, cells))}\n`
  try {
    const { code, sha256, module, warnings } = await bundleModule(join(folder, `${name}.mjs`), { text })
    return { code, sha256, module, warnings, summary: summaryOf(shipment) }
  } finally {
    if (kernelHere() !== undefined) await endBundler()
  }
}

/** Line by line, each function to the cell that it stands in; to its file, where it has one. */
function mappedIn({ marks, text }: Shipment, cells: readonly Cell[]): Mapped[] {
  const module = text.split('\n')
  return marks.flatMap(({ line, column, node: { source, place } }) => {
    const count = source.text.split('\n').length
    const file = place !== undefined && isFile(place.script) ? place.script.url : undefined
    const found = file === undefined ? locate(source.text, cells) : undefined
    if (found === undefined && file === undefined) return []
    return Array.from({ length: count }, (_, at): Mapped => {
      const own = { line: line + at, column: at === 0 ? column : indentOf(module[line + at] ?? '') }
      if (found === undefined) return { ...own, source: file ?? '', content: '', sourceLine: (place?.line ?? 0) + at }
      const { cell, lines } = found
      return { ...own, source: `cell-${cell.number}.ts`, content: cell.code, sourceLine: lines[at] ?? 0 }
    })
  })
}

const indentOf = (line: string): number => line.length - line.trimStart().length

const mostNamed = 8

function summaryOf({ functions, data, imports, bytes }: Shipment): string {
  const named = (names: readonly string[]) =>
    names.length <= mostNamed
      ? names.join(', ')
      : `${names.slice(0, mostNamed).join(', ')} and ${names.length - mostNamed} more`
  const large = [...data].filter(([, size]) => size >= 1024).sort(([, a], [, b]) => b - a)
  const parts = [
    `functions ${named(functions.map((name) => name || '(anonymous)'))}`,
    ...(bytes < 1024
      ? []
      : [`${kilobytes(bytes)} of data (${named(large.map(([name, size]) => `${name} ${kilobytes(size)}`))})`]),
    ...(imports.length === 0 ? [] : [`imports of ${named(imports)}`]),
  ]
  return `shipped: ${parts.join('; ')}`
}

const kilobytes = (bytes: number): string =>
  bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / 2 ** 20).toFixed(1)} MB`
