/** How good the best trial of 100 is: five functions in 5 and 10 dimensions, a mixed and a conditional space, against a peer's TPE. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createSearch } from 'maggy'
import { packageRoot } from '../../src/actor/index.ts'
import { problems, type Problem } from './functions.ts'
import type { BenchOptions, Report } from './main.ts'
import { median, quantile } from './statistics.ts'

const budget = 100
const samplers = ['random', 'tpe', 'auto'] as const

async function bestOf({ space, loss }: Problem, sampler: string, seed: number): Promise<number> {
  const search = createSearch({ space, sampler, direction: 'minimize', seed, trials: budget })
  for (let trial = 0; trial < budget; trial++) {
    const suggestion = await search.ask()
    if (suggestion === undefined) break
    search.tell(suggestion.id, loss(suggestion.hparams))
  }
  return search.best?.value ?? Number.NaN
}

/** The peer's best values by seed, or undefined for what it has no function for. */
async function peerOf(name: string, { peer, script }: { peer: string; script: string }, seeds: number) {
  const [, f, dimensions] = /^([a-z]+)(\d+)$/.exec(name) ?? []
  if (f === undefined || dimensions === undefined) return undefined
  const given = [script, f, dimensions, String(budget), String(seeds)]
  const { stdout } = await promisify(execFile)(peer, given, { env: { ...process.env, OMP_NUM_THREADS: '1' } })
  return stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { best: number }).best)
}

const short = (value: number): number => Number(value.toPrecision(4))
const told = (values: readonly number[]): string => [0.25, 0.5, 0.75].map((q) => short(quantile(values, q))).join(' / ')

export async function quality(say: (line: string) => void, options: BenchOptions): Promise<Report> {
  const { peer, seeds = 20, script = join(packageRoot(), '../shared/peers/optuna_quality.py') } = options
  const figures: Record<string, number | string> = {}
  const wins = { tpe: 0, auto: 0 }
  let compared = 0
  say(`first quartile / median / third quartile of the best of ${budget} trials, ${seeds} seeds`)
  for (const problem of problems) {
    const theirs = peer === undefined ? undefined : await peerOf(problem.name, { peer, script }, seeds)
    const line: string[] = []
    for (const sampler of samplers) {
      const values: number[] = []
      for (let seed = 0; seed < seeds; seed++) values.push(await bestOf(problem, sampler, seed))
      line.push(`${sampler} ${told(values)}`)
      figures[`${problem.name}.${sampler}`] = short(median(values))
      figures[`${problem.name}.${sampler}.quartiles`] =
        `${short(quantile(values, 0.25))} to ${short(quantile(values, 0.75))}`
      if (theirs === undefined || sampler === 'random') continue
      const [mine, bar] = [median(values), median(theirs)]
      if (sampler === 'tpe' ? mine <= bar : mine < bar) wins[sampler]++
    }
    if (theirs !== undefined) {
      compared++
      line.push(`peer ${told(theirs)}`)
      figures[`${problem.name}.peer`] = short(median(theirs))
      figures[`${problem.name}.peer.quartiles`] = `${short(quantile(theirs, 0.25))} to ${short(quantile(theirs, 0.75))}`
    }
    say(`${problem.name.padEnd(14)} ${line.join('   ')}`)
  }
  if (compared === 0) return { figures, bars: {} }
  return {
    figures: { ...figures, tpeNoWorse: wins.tpe, autoBetter: wins.auto, compared },
    bars: { tpeNoWorse: '>= 7', autoBetter: '>= 9' },
  }
}
