/** `npm run fuzz -- --minutes N --seed S`: hostile messages at real actors for so long, and what came of it. */
import { Command } from 'commander'
import { fuzz } from './fuzz.ts'

const program = new Command('fuzz')
  .description('Sends hostile messages to real actors on a real server, with experiments beside.')
  .option('--minutes <n>', 'for so long', Number, 10)
  .option('--seed <n>', 'which messages', Number, 1)
  .parse()
const { minutes, seed } = program.opts<{ minutes: number; seed: number }>()

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const report = await fuzz({ seed, ms: minutes * 60_000, messages: 1000, experiments: 4, say })
const { exits, faults, wrong, stalls, memory } = report
const longest = Math.max(0, ...Object.values(stalls))
const grown = Object.entries(memory).filter(([, [early, late]]) => late > early * 1.5 + 64)
const verdicts: readonly (readonly [string, boolean, string])[] = [
  ['exits', exits.length === 0, exits.join(', ') || 'none'],
  ['faults in logs', faults.length === 0, faults.slice(0, 5).join('\n') || 'none'],
  [
    'longest stall',
    longest <= 1000,
    Object.entries(stalls)
      .map(([name, ms]) => `${name} ${ms} ms`)
      .join(', '),
  ],
  [
    'memory',
    grown.length === 0,
    Object.entries(memory)
      .map(([name, [a, b]]) => `${name} ${a} -> ${b} MiB`)
      .join(', '),
  ],
  ['experiments', wrong.length === 0, [`${report.right} right`, ...wrong].join('; ')],
]
say(`seed ${seed}: ${report.sent} messages, ${Math.round(report.bytes / 2 ** 20)} MiB`)
for (const [what, holds, told] of verdicts) say(`${holds ? 'ok  ' : 'FAIL'} ${what}: ${told}`)
process.exit(verdicts.every(([, holds]) => holds) ? 0 : 1)
