/** The interface of every chart: it draws itself, says which item lies under the pointer, and gives its numbers. */
import type { Pen, Size } from './pen.ts'

/** The item under the pointer. */
export interface Hit {
  readonly x: number
  readonly y: number
  readonly title: string
  readonly lines: readonly string[]
  /** The trials that a click chooses. */
  readonly trial?: number
}

export interface Rows {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number | null)[])[]
}

export interface Chart {
  /** Describes the chart in a sentence, for people who do not see it. */
  readonly summary: string
  draw(pen: Pen, size: Size): void
  /** null: nothing is near. */
  hit?(x: number, y: number, size: Size): Hit | null
  numbers(): Rows
}

/** RFC 4180. A cell that a spreadsheet would take for a formula is text. */
export function csvOf({ columns, rows }: Rows): string {
  return [columns, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

function cell(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@\t]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** The nearest of many points to a place, within so many pixels; -1: none is. */
export function nearest(
  count: number,
  at: (place: number) => readonly [number, number],
  x: number,
  y: number,
  within = 14,
): number {
  let best = -1
  let bar = within * within
  for (let place = 0; place < count; place += 1) {
    const [px, py] = at(place)
    const distance = (px - x) ** 2 + (py - y) ** 2
    if (distance < bar) [best, bar] = [place, distance]
  }
  return best
}
