/** Tables for people. */
import pc from 'picocolors'
import widthOf from 'string-width'

/** Rows under a head, without lines; a column is as wide as its widest cell. Time and memory are linear in the rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map(widthOf)
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell))
  }
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)))
      .join('  ')
      .trimEnd()
  return [head.map((name) => pc.bold(name)), ...rows].map(line).join('\n')
}
