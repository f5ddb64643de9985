/** `npm run bench -- NAME [--json]`: measures one thing on real parts, and prints a table; with --json one object on the last line. */
import Table from 'cli-table3'
import { Command, InvalidArgumentError } from 'commander'
import { allreduce } from './allreduce.ts'
import { idle } from './idle.ts'
import { join } from './join.ts'
import { metrics } from './metrics.ts'
import { recovery } from './recovery.ts'
import { ringTraining } from './ring-training.ts'
import { training } from './training.ts'
import { trials } from './trials.ts'

/** What a bench came to: figures by name, and for each the bar it is held to, where there is one. */
export interface Report {
  readonly figures: Readonly<Record<string, number | string>>
  readonly bars: Readonly<Record<string, string>>
}

type Bench = (say: (line: string) => void, options: { peer?: string }) => Promise<Report>

const benches: Readonly<Record<string, Bench>> = {
  trials,
  metrics,
  training,
  idle,
  join,
  allreduce,
  recovery,
  'ring-training': ringTraining,
}

const program = new Command('bench')
  .description(
    'Measures on real parts: a nats-server, actors as processes, tfjs-node. Compare only figures of one run.',
  )
  .argument('<name>', Object.keys(benches).join(' | '), (name) => {
    if (name in benches) return name
    throw new InvalidArgumentError(`there are ${Object.keys(benches).join(', ')}`)
  })
  .option('--json', 'the figures as one JSON object on the last line')
  .option('--peer <python>', 'allreduce: measures gloo beside it, with this Python that has PyTorch')
  .action(async (name: string, { json, ...options }: { json?: boolean; peer?: string }) => {
    const { figures, bars } = await (benches[name] as Bench)((line) => process.stderr.write(`${line}\n`), options)
    const table = new Table({ head: [name, 'measured', 'bar'], style: { head: [], border: [] } })
    for (const [figure, value] of Object.entries(figures)) table.push([figure, String(value), bars[figure] ?? ''])
    console.log(table.toString())
    if (json === true) console.log(JSON.stringify(figures))
  })

await program.parseAsync()
