/** `npm run soak -- --minutes N [--cluster]`: one experiment after another with faults beside, and what memory and handles each process has. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import Table from 'cli-table3'
import { Command } from 'commander'
import { median, round } from '../bench/statistics.ts'
import { planOf, type Kind } from './plan.ts'
import { isRunner } from './processes.ts'
import { runPlan } from './run.ts'
import { startWorld, type World } from './world.ts'

interface Sample {
  /** Minutes since the beginning. */
  readonly at: number
  readonly mebibytes: number
  readonly handles: number
}

const program = new Command('soak')
  .description(
    'Experiments without a pause, with faults that end no process, and the slope of what each process holds.',
  )
  .option('--minutes <n>', 'for so long', Number, 20)
  .option('--seed <n>', 'which faults', Number, 1)
  .option('--cluster', 'a cluster of three servers, and not one')
  .option('--samples <file>', 'writes there all that was seen, as JSON')
  .option('--json', 'one JSON object on the last line')
  .parse()
const {
  minutes,
  seed,
  cluster = false,
  samples: file,
  json,
} = program.opts<{
  minutes: number
  seed: number
  cluster?: boolean
  samples?: string
  json?: boolean
}>()

/** Those that end nobody: a process that is started anew has no slope. */
const gentle: readonly Kind[] = ['stop', 'cut', 'hold', 'delay', 'throttle']
const everyMs = 5_000
/** Of the time, from a process's own beginning: caches and heaps fill. It is looked at for as long after that at least. */
const warmUp = 0.3
/**
 * What fills them are experiments, and not minutes: until then one of so many has faults, for these make an experiment three times as long.
 * V8 compiles and recompiles the code of a runner in its first 60 experiments, by 2 to 4 MiB.
 */
const oneInSo = 4
/**
 * nats-server keeps what was written last to a stream in a buffer of 256 KiB, then 1, 4 and at last 8 MiB, and its heap grows to five times
 * what is in use before it is collected: a stream that grows through these sizes looks like a leak. This search fills them before the rest.
 */
const filling = { trials: 12_000, stepMs: 0 }
/**
 * The heap of a process rises until it is collected: the lowest of so many samples counts. A server has no sockets while links are cut, and two
 * for each until it notices: of handles the median of as many counts.
 */
const window = 6
const slopeAtMost = 1
/** What stays open is as much at the end as at the beginning, but for a client or two. */
const handlesAtMost = 4

const say = (line: string): void => void process.stderr.write(`${line}\n`)
/** By process. */
const samples = new Map<number, { name: string; readonly all: Sample[] }>()
const began = performance.now()
const elapsed = (): number => (performance.now() - began) / 60_000

function look(world: World): void {
  const { actors, servers } = world
  const named = new Map([...actors.values()].map(({ name, child }) => [child?.pid ?? 0, name]))
  const running: [string, number][] = [...named].map(([pid, name]) => [name, pid])
  for (const one of world.processes())
    if (isRunner(one)) running.push([`runner of ${named.get(one.parent) ?? 'a worker that starts'}`, one.pid])
  for (let member = 0; member < servers.count; member += 1) running.push([`server-${member}`, servers.pid(member)])
  for (const [name, pid] of running) {
    if (pid === 0) continue
    try {
      const kibibytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
      const handles = readdirSync(`/proc/${pid}/fd`).length
      const one = samples.get(pid) ?? { name, all: [] }
      samples.set(pid, one)
      one.name = name
      one.all.push({ at: elapsed(), mebibytes: kibibytes / 1024, handles })
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Half a minute each, in order. */
const windowsOf = (all: readonly Sample[]): Sample[][] =>
  Array.from({ length: Math.floor(all.length / window) }, (_, at) => all.slice(at * window, (at + 1) * window))

/** Of the least squares through the lowest of each window, in MiB a minute. */
function slopeOf(all: readonly Sample[]): number {
  const lowest = windowsOf(all).map((some) =>
    some.reduce((least, one) => (one.mebibytes < least.mebibytes ? one : least)),
  )
  if (lowest.length < 3) return NaN
  const mean = (of: (one: Sample) => number): number => lowest.reduce((sum, one) => sum + of(one), 0) / lowest.length
  const [t, m] = [mean(({ at }) => at), mean(({ mebibytes }) => mebibytes)]
  const covariance = lowest.reduce((sum, { at, mebibytes }) => sum + (at - t) * (mebibytes - m), 0)
  return covariance / lowest.reduce((sum, { at }) => sum + (at - t) ** 2, 0)
}

const world = await startWorld({ cluster })
const looking = setInterval(() => look(world), everyMs)
const wrong: string[] = []
let runs = 0
try {
  const filled = await runPlan(world, { context: 'search', faults: [] }, 'soak-filling', {
    thorough: false,
    size: filling,
    say: () => undefined,
  })
  wrong.push(...filled.violations)
  say(
    `${round(elapsed(), 1)} min: the server's buffers are filled ${filled.violations.length === 0 ? 'ok' : filled.violations.join('; ')}`,
  )
  for (; elapsed() < minutes; runs += 1) {
    const plan = planOf(seed, runs, { cluster, kinds: gentle })
    const isCalm = elapsed() < minutes * warmUp && runs % oneInSo !== 0
    const faults = isCalm ? [] : plan.faults.filter(({ target }) => target !== 'runner')
    const { violations } = await runPlan(world, { ...plan, faults }, `soak-${runs}`, {
      thorough: false,
      say: () => undefined,
    })
    wrong.push(...violations)
    say(`${round(elapsed(), 1)} min: experiment ${runs} ${violations.length === 0 ? 'ok' : violations.join('; ')}`)
  }
} finally {
  clearInterval(looking)
  wrong.push(...(await world.stop()).map((process) => `left over: ${process}`))
}

const table = new Table({ head: ['process', 'MiB', 'MiB a minute', 'handles'], style: { head: [], border: [] } })
const figures: Record<string, { readonly slope: number; readonly handles: number }> = {}
const named = new Map([...samples].map(([pid, { name, all }]) => [`${name} (${pid})`, all]))
for (const [name, seen] of named) {
  const since = (seen[0]?.at ?? 0) + minutes * warmUp
  const after = seen.filter(({ at }) => at > since)
  const last = seen.at(-1)
  // A runner that was started late, or replaced soon.
  if (last === undefined || last.at - since < minutes * warmUp) {
    table.push([name, round(last?.mebibytes ?? NaN, 0), 'too short to tell', ''])
    continue
  }
  const slope = slopeOf(after)
  const all = after.map((one) => one.handles)
  const handles = windowsOf(after).map((some) => median(some.map((one) => one.handles)))
  const more = Math.max(...handles) - Math.min(...handles)
  figures[name] = { slope: round(slope, 2), handles: more }
  const lasting = `${Math.min(...handles)} to ${Math.max(...handles)}`
  table.push([
    name,
    round(last.mebibytes, 0),
    round(slope, 2),
    `${lasting}, for a moment ${Math.min(...all)} to ${Math.max(...all)}`,
  ])
  if (!(slope <= slopeAtMost)) wrong.push(`${name} grows by ${round(slope, 2)} MiB a minute`)
  if (more > handlesAtMost) wrong.push(`${name} keeps from ${lasting} handles`)
}
process.stdout.write(
  `${table.toString()}\n${runs} experiments; ${wrong.length === 0 ? 'nothing is wrong' : wrong.join('\n')}\n`,
)
if (file !== undefined) writeFileSync(file, JSON.stringify(Object.fromEntries(named)))
if (json === true) process.stdout.write(`${JSON.stringify({ minutes, runs, figures, wrong })}\n`)
process.exit(wrong.length === 0 ? 0 : 1)
