/** `npm run bench -- NAME [--json]`: measures one thing on real parts, and prints a table; with --json one object on the last line. */
import Table from 'cli-table3'
import { Command, InvalidArgumentError } from 'commander'
import { ablation } from './ablation.ts'
import { allreduce } from './allreduce.ts'
import { artifacts } from './artifacts.ts'
import { asynchrony } from './asynchrony.ts'
import { board } from './board.ts'
import { fidelity } from './quality/fidelity.ts'
import { goodput } from './goodput.ts'
import { history } from './history.ts'
import { idle } from './idle.ts'
import { kills } from './kills.ts'
import { join } from './join.ts'
import { leaders } from './leaders.ts'
import { metrics } from './metrics.ts'
import { quality } from './quality/index.ts'
import { recovery } from './recovery.ts'
import { restart } from './restart.ts'
import { ringTraining } from './ring-training.ts'
import { samplers } from './samplers.ts'
import { scale } from './scale.ts'
import { sizing } from './sizing.ts'
import { mnistSearch } from './search.ts'
import { suggesting } from './suggest.ts'
import { training } from './training.ts'
import { trials } from './trials.ts'

/** What a bench came to: figures by name, and for each the bar it is held to, where there is one. */
export interface Report {
  readonly figures: Readonly<Record<string, number | string>>
  readonly bars: Readonly<Record<string, string>>
}

/** What a bench may be told; most need nothing. */
export interface BenchOptions {
  /** A Python in whose environment the peer is. */
  readonly peer?: string
  /** quality: the peer's samplers, families of problems, our samplers, numbers of workers: lists with commas. */
  readonly peers?: string
  readonly only?: string
  readonly samplers?: string
  readonly workers?: string
  /** A directory in which outcomes are kept. */
  readonly keep?: string
  /** quality: nothing is searched after that. */
  readonly seconds?: number
  readonly seeds?: number
  readonly kills?: number
  readonly trials?: number
  readonly long?: boolean
  readonly secured?: boolean
  /** trials: of each worker. */
  readonly slots?: string
}

type Bench = (say: (line: string) => void, options: BenchOptions) => Promise<Report>

const benches: Readonly<Record<string, Bench>> = {
  trials,
  metrics,
  training,
  fidelity,
  history,
  idle,
  join,
  quality,
  samplers,
  suggest: suggesting,
  artifacts,
  asynchrony,
  search: mnistSearch,
  ablation,
  allreduce,
  board,
  recovery,
  restart,
  goodput,
  leaders,
  kills,
  'ring-training': ringTraining,
  scale,
  sizing,
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
  .option(
    '--peer <python>',
    'quality, allreduce, suggest, restart: a Python that has the peer to compare with (Optuna, PyTorch)',
  )
  .option(
    '--peers <names>',
    "quality: the peer's samplers: optuna-tpe, optuna-gp, optuna-cmaes, optuna-nsga2, smac-hpo; optuna-gp:2 for two seeds only",
  )
  .option(
    '--only <families>',
    'quality: families of problems, or problems by name; scale: of steady, bundle, history and outage; sizing: sizes (1000x100x4); trials: of alone and replicated',
  )
  .option('--samplers <names>', 'quality: samplers of ours, options in braces (default: tpe,auto,motpe)')
  .option(
    '--workers <numbers>',
    'quality: asynchronous workers (default: 1,8,64); scale: so many workers (default: 1000)',
  )
  .option(
    '--keep <directory>',
    'quality: where outcomes are kept, so that each is found once; search: where the reports of its trials are kept',
  )
  .option('--seconds <n>', 'quality: nothing is searched after so many seconds; 0: only what is kept', Number)
  .option('--seeds <n>', 'quality, ring-training, search: so many seeds (default: 10, 3, 1)', Number)
  .option('--kills <n>', 'recovery, kills, leaders, goodput: so many are killed (default: 50, 10, 6, 5)', Number)
  .option('--trials <n>', 'history, board, trials, search: so many trials (default: 60000, 50000, 10000, 40)', Number)
  .option(
    '--long',
    'recovery: workers that come and go for two minutes, and one that is stopped for 15 s, too; sizing: up to 10,000 workers; search: more images and trials',
  )
  .option('--slots <n>', 'trials: slots of each of the two workers (default: 1)')
  .option('--secured', 'trials, allreduce: under an authority and by TLS; compare with a run without')
  .action(async (name: string, { json, ...options }: BenchOptions & { json?: boolean }) => {
    const say = (line: string) => process.stderr.write(`${line}\n`)
    const { figures, bars } = await (benches[name] as Bench)(say, options)
    const table = new Table({ head: [name, 'measured', 'bar'], style: { head: [], border: [] } })
    for (const [figure, value] of Object.entries(figures)) table.push([figure, String(value), bars[figure] ?? ''])
    console.log(table.toString())
    if (json === true) console.log(JSON.stringify(figures))
  })

await program.parseAsync()
