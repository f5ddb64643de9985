/** Outcomes of searches that were made before, so that a run that was interrupted goes on, and peers need not search again. */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../../src/actor/index.ts'
import type { Contestant } from './contestants.ts'
import type { Problem } from './problem.ts'
import { searched, type Outcome } from './search.ts'

/** undefined: it is not kept, and the time is over. */
export type Search = (
  contestant: Contestant,
  problem: Problem,
  seed: number,
  workers: number,
) => Promise<Outcome | undefined>

/** All that the problems, and samplers of ours, are made of: folders of the package. */
const problemCode = ['test/bench/quality', 'src/space', 'src/random', 'src/pareto']
const samplerCode = ['src/samplers', 'src/optimizer', 'src/space', 'src/random', 'src/pareto', 'src/statistics']

/** Files of code as they are compiled, and tables of trainings. Contestants and what is printed do not belong to a problem. */
function digestOf(folders: readonly string[]): string {
  const hash = createHash('sha256')
  const about = new Set(['index', 'contestants', 'kept', 'report', 'score', 'fidelity'].map((name) => `${name}.js`))
  for (const folder of folders) {
    const root = join(packageRoot(), 'dist', folder)
    for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted()) {
      if (!name.endsWith('.js') || (folder.startsWith('test') && about.has(name))) continue
      hash.update(name).update(readFileSync(join(root, name)))
    }
  }
  const tables = join(packageRoot(), 'test', 'bench', 'quality', 'tables')
  for (const name of readdirSync(tables).toSorted()) hash.update(readFileSync(join(tables, name)))
  return hash.digest('hex').slice(0, 12)
}

/**
 * Looks up an outcome in `directory` before it searches. An outcome is known by the problems' code, the contestant's version (ours: its code), the
 * problem, the seed and the number of workers. Several processes may share the directory. Once `isOver`, it only looks up.
 */
export function searchKept(directory: string | undefined, isOver: () => boolean): Search {
  if (directory === undefined) return async (...asked) => (isOver() ? undefined : searched(...asked))
  const problems = digestOf(problemCode)
  const ours = digestOf(samplerCode)
  return async (contestant, problem, seed, workers) => {
    // Random search is the measure of all the others: it does not change.
    const version = contestant.name === 'random' ? 'random' : ((await contestant.version?.()) ?? ours)
    const folder = join(directory, problems, `${contestant.name}-${version}`.replaceAll(/[^\w.{}=-]+/g, '_'))
    const file = join(folder, `${problem.name}.${seed}.${workers}.json`)
    try {
      return JSON.parse(readFileSync(file, 'utf8'), (_, value: unknown) => value ?? Number.NaN) as Outcome
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    }
    if (isOver()) return undefined
    const outcome = await searched(contestant, problem, seed, workers)
    mkdirSync(folder, { recursive: true })
    const part = `${file}.${process.pid}`
    writeFileSync(part, JSON.stringify(outcome))
    renameSync(part, file)
    return outcome
  }
}
