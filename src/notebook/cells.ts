/**
 * Where the functions of a shipped module stand in the user's cells. Kernels compile a cell before they run it, and lines move: they are
 * found again by what is written in them. Pure.
 */

export interface Cell {
  /** As it stands beside the cell: [3]. */
  readonly number: number
  /** As the user wrote it, where the kernel tells; else as the kernel compiled it. */
  readonly code: string
}

export interface Located {
  readonly cell: Cell
  /** For each line of the function its line in the cell, from 0. */
  readonly lines: readonly number[]
}

/** The cell that a function's compiled text comes from; of several the latest. undefined: none is like it. */
export function locate(text: string, cells: readonly Cell[]): Located | undefined {
  const wanted = text.split('\n').map(essence)
  let best: { readonly score: number; readonly located: Located } | undefined
  for (const cell of cells) {
    const { score, lines } = aligned(wanted, cell.code.split('\n').map(essence))
    if (best === undefined || score >= best.score) best = { score, located: { cell, lines } }
  }
  const counting = wanted.filter(({ size }) => size > 0).length
  return best !== undefined && best.score >= counting / 2 ? best.located : undefined
}

/** The words of a line; those that compilers add or take away do not count. */
function essence(line: string): ReadonlySet<string> {
  const words = line.replaceAll(/\b(exports|const|let|var|readonly|as|await)\b\.?/g, ' ').match(/[\p{L}\p{N}_$]+/gu)
  return new Set(words ?? [])
}

/** Line by line, never backwards: the best likeness in all. */
function aligned(wanted: readonly ReadonlySet<string>[], given: readonly ReadonlySet<string>[]) {
  // score[i][j]: of the lines from i on, among those from j on.
  const [rows, columns] = [wanted.length, given.length]
  const score = Array.from({ length: rows + 1 }, () => new Float64Array(columns + 1))
  const at = (row: number, column: number): number => score[row]?.[column] ?? 0
  const together = (row: number, column: number): number => likeness(wanted[row], given[column])
  for (let row = rows - 1; row >= 0; row -= 1) {
    for (let column = columns - 1; column >= 0; column -= 1) {
      const matched = together(row, column) + at(row + 1, column)
      ;(score[row] as Float64Array)[column] = Math.max(matched, at(row + 1, column), at(row, column + 1))
    }
  }
  const lines: number[] = []
  let [row, column] = [0, 0]
  while (row < rows) {
    if (column < columns && at(row, column) === at(row, column + 1) && column + 1 < columns) column += 1
    else {
      lines.push(Math.min(column, Math.max(0, columns - 1)))
      row += 1
    }
  }
  return { score: at(0, 0), lines }
}

/** 0 to 1: the part of the compiled line's words that stand in the other; types, which are gone, count less against it. */
function likeness(compiled: ReadonlySet<string> | undefined, given: ReadonlySet<string> | undefined): number {
  if (compiled === undefined || given === undefined || compiled.size === 0 || given.size === 0) return 0
  let same = 0
  for (const word of compiled) if (given.has(word)) same += 1
  const contained = same / compiled.size
  return contained > 0.6 ? 0.8 * contained + (0.4 * same) / (compiled.size + given.size) : 0
}
