/** Tables of real trainings, which trainings.py made: a trial looks up one of the seeds, and is judged by their mean. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Hparams, HparamValue, SearchSpace } from '../../../protocol/index.ts'
import { packageRoot } from '../../../src/actor/index.ts'
import type { Problem } from './problem.ts'

export interface Table {
  readonly name: string
  readonly space: SearchSpace
  readonly seeds: number
  readonly steps: number
  /** The error after each step, of one seed. */
  curve(hparams: Hparams, seed: number): Float64Array
  /** The mean over the seeds, after the last step. */
  mean(hparams: Hparams): number
  readonly least: number
  readonly most: number
}

interface Header {
  readonly name: string
  readonly space: SearchSpace
  readonly axes: Readonly<Record<string, readonly HparamValue[]>>
  readonly seeds: number
  readonly steps: number
  readonly low: number
  readonly step: number
}

const kept = new Map<string, Table>()

export function tableOf(name: string): Table {
  const known = kept.get(name)
  if (known !== undefined) return known
  const bytes = gunzipSync(readFileSync(join(packageRoot(), 'test', 'bench', 'quality', 'tables', `${name}.table.gz`)))
  const end = bytes.indexOf(10)
  const { space, axes, seeds, steps, low, step } = JSON.parse(bytes.subarray(0, end).toString()) as Header
  const body = bytes.subarray(end + 1)
  const count = body.length / 2
  const columns = Object.entries(axes)
  const value = (index: number) => low + step * ((body[index] as number) + 256 * (body[count + index] as number))
  const rowOf = (hparams: Hparams) =>
    columns.reduce((row, [axis, values]) => row * values.length + values.indexOf(hparams[axis] as HparamValue), 0)
  const meanOf = (row: number) => {
    let sum = 0
    for (let seed = 0; seed < seeds; seed++) sum += value((row * seeds + seed) * steps + steps - 1)
    return sum / seeds
  }
  const means = Array.from({ length: count / seeds / steps }, (_, row) => meanOf(row))
  const table: Table = {
    name,
    space,
    seeds,
    steps,
    curve(hparams, seed) {
      const from = (rowOf(hparams) * seeds + seed) * steps
      return Float64Array.from({ length: steps }, (_, at) => value(from + at))
    },
    mean: (hparams) => means[rowOf(hparams)] as number,
    least: means.reduce((a, b) => Math.min(a, b), Infinity),
    most: means.reduce((a, b) => Math.max(a, b), -Infinity),
  }
  kept.set(name, table)
  return table
}

export const tables: readonly Problem[] = ['perceptron', 'machine', 'boosting', 'forest'].map((name) => ({
  family: 'tables',
  name,
  get space() {
    return tableOf(name).space
  },
  trials: 100,
  objectives: 1,
  instance() {
    const table = tableOf(name)
    return {
      measure: (hparams, random) => [table.curve(hparams, random.integer(table.seeds)).at(-1) as number],
      truth: (hparams) => [table.mean(hparams)],
      ideal: table.least,
    }
  },
}))
