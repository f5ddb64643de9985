/** For dataset generators of tabular data: leaves columns out of a table. */
import { problem } from '../../protocol/index.ts'
import { createRandom } from '../random/index.ts'

export interface Table {
  readonly columns: readonly string[]
  /** One array a row, in the order of the columns. */
  readonly rows: readonly (readonly number[])[]
}

export interface WithoutOptions {
  /**
   * `drop` takes the column away, and the rows get shorter. `mask` puts the column's mean everywhere, `permute` shuffles the
   * column's values among the rows: with both the model's input shape stays. Default: drop.
   */
  readonly how?: 'drop' | 'mask' | 'permute'
  /** Of the shuffling; a whole number. Default: 0. */
  readonly seed?: number
}

/** The table without these columns. Throws STUDY_INVALID for a column that it has not. */
export function withoutColumns(table: Table, without: readonly string[], options: WithoutOptions = {}): Table {
  const { how = 'drop', seed = 0 } = options
  const places = without.map((name) => placeOf(table, name))
  if (places.length === 0) return table
  if (how === 'drop') {
    const stays = (_: unknown, index: number) => !places.includes(index)
    return { columns: table.columns.filter(stays), rows: table.rows.map((row) => row.filter(stays)) }
  }
  const rows = table.rows.map((row) => [...row])
  for (const place of places) {
    const values = rows.map((row) => row[place] ?? 0)
    const instead = how === 'mask' ? masked(values) : shuffled(values, seed, table.columns[place] ?? '')
    for (const [index, row] of rows.entries()) row[place] = instead[index] ?? 0
  }
  return { columns: table.columns, rows }
}

function placeOf({ columns }: Table, name: string): number {
  const place = columns.indexOf(name)
  if (place >= 0) return place
  const reason = `names the column ${name}, which the table has not; it has ${columns.join(', ')}`
  throw problem('STUDY_INVALID', { path: 'without', reason })
}

function masked(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  return values.map(() => mean)
}

/** Fisher-Yates. */
function shuffled(values: readonly number[], seed: number, column: string): number[] {
  const random = createRandom(seed, 'permute', column)
  const given = [...values]
  for (let last = given.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random.uniform() * (last + 1))
    const moved = given[last] ?? 0
    given[last] = given[other] ?? 0
    given[other] = moved
  }
  return given
}
