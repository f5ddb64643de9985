/** `npm run chaos -- --runs N --seed S [--kind …] [--cluster] [--json]`: seeded faults upon real processes, and what came of it. */
import Table from 'cli-table3'
import { Command, InvalidArgumentError } from 'commander'
import { median, round } from '../bench/statistics.ts'
import { chaos, type ChaosReport } from './chaos.ts'
import { mayMount, withMounts } from './mounts.ts'
import { kinds, type Kind, type Plan } from './plan.ts'

const program = new Command('chaos')
  .description(
    'Kills, freezes and cuts off real processes on a real server or a cluster of three, at events of the log of a search, an ablation or a training, and checks from outside that nothing is lost.',
  )
  .option('--runs <n>', 'so many experiments', whole, 20)
  .option('--seed <n>', 'which faults', whole, 1)
  .option('--first <n>', 'begin with this run of the seed', whole, 0)
  .option('--kind <kinds>', `only these kinds, with commas: ${kinds.join(', ')}`, kindsIn, [])
  .option('--cluster', 'a cluster of three servers, and not one')
  .option('--plan <json>', 'one run with just these faults, as a failing run prints them')
  .option('--json', 'one JSON object on the last line')
  .parse()
const options = program.opts<{
  runs: number
  seed: number
  first: number
  kind: Kind[]
  cluster?: boolean
  plan?: string
  json?: boolean
}>()

const code = await withMounts()
if (code !== undefined) process.exit(code)
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const report = await chaos({
  runs: options.runs,
  seed: options.seed,
  first: options.first,
  kinds: options.kind,
  cluster: options.cluster === true,
  mounts: mayMount(),
  ...(options.plan === undefined ? {} : { plan: JSON.parse(options.plan) as Plan }),
  say,
})
process.stdout.write(`${tableOf(report)}\n`)
for (const { run, violations, shortest } of report.failures) {
  process.stdout.write(`\nrun ${run} of seed ${options.seed}: ${violations.join('\n  ')}\n`)
  process.stdout.write(
    `  its shortest form: npm run chaos --${options.cluster === true ? ' --cluster' : ''} --plan '${JSON.stringify(shortest)}'\n`,
  )
}
for (const { kind, reason } of report.leftOut) process.stdout.write(`left out: ${kind} (${reason})\n`)
if (report.left.length > 0) process.stdout.write(`left over: ${report.left.join('\n  ')}\n`)
process.stdout.write(`${report.runs} runs, ${report.failures.length} with violations\n`)
if (options.json === true) process.stdout.write(`${JSON.stringify(report)}\n`)
process.exit(report.failures.length === 0 && report.left.length === 0 ? 0 : 1)

function tableOf({ outcomes }: ChaosReport): string {
  const table = new Table({
    head: ['fault', 'at', 'in', 'times', 'stood still, ms', 'longest', 'there again after, ms', 'longest'],
    style: { head: [], border: [] },
  })
  const rows = new Map<string, { readonly still: number[]; readonly again: number[] }>()
  for (const { context, fault, stillMs, againMs } of outcomes) {
    if (stillMs === null || againMs === null) continue
    const target = fault.target.replace(/-\d$/, '')
    const key = [`${fault.kind} ${target}`, fault.point, context].join('\t')
    const row = rows.get(key) ?? { still: [], again: [] }
    row.still.push(stillMs)
    row.again.push(againMs)
    rows.set(key, row)
  }
  for (const [key, { still, again }] of [...rows].sort(([a], [b]) => a.localeCompare(b))) {
    const times = [still, again].flatMap((all) => [round(median(all), 0), round(Math.max(...all), 0)])
    table.push([...key.split('\t'), still.length, ...times])
  }
  return table.toString()
}

function whole(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new InvalidArgumentError('not a whole number')
}

function kindsIn(text: string): Kind[] {
  return text.split(',').map((name) => {
    const kind = kinds.find((one) => one === name.trim())
    if (kind === undefined) throw new InvalidArgumentError(`there are ${kinds.join(', ')}`)
    return kind
  })
}
