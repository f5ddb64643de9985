/** Options of `maggy worker`. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { bytesIn } from '../../src/words/index.ts'

export interface WorkerArguments {
  readonly slots: number
  readonly labels: Readonly<Record<string, string>>
  readonly threads?: number
  readonly maxTrialsPerRunner: number
  /** MiB. */
  readonly maxMemory?: number
  /** Bytes, for all slots together. */
  readonly memory?: number
  readonly gpus?: number
  readonly cache?: string
  /** A file of keys. */
  readonly trust?: string
  readonly isolate?: 'bus' | 'open'
  /** Seconds. */
  readonly drainTimeout?: number
  /** Seconds. */
  readonly notice?: number
}

export function workerOptions(command: Command): Command {
  return command
    .option('--slots <n>', 'trials at once, each in a process of its own', whole(1, 1024), 1)
    .option('--labels <k=v,…>', 'what experiments may ask for', parseLabels, {})
    .option(
      '--threads <n>',
      'threads of the numerical library in each runner (default: as many as there are cores)',
      whole(1, 4096),
    )
    .option('--max-trials-per-runner <n>', 'then a runner is replaced', whole(1, Number.MAX_SAFE_INTEGER), 10_000)
    .option(
      '--max-memory <MiB>',
      'a runner above it is replaced after its trial (default: 3/4 of the memory, over the slots)',
      whole(1, 2 ** 40),
    )
    .option(
      '--memory <amount>',
      'what trials may use, over the slots: 8GB, 512MB; one that uses more is ended (default: that of the host, and nothing is ended)',
      amount,
    )
    .option('--gpus <n>', 'GPUs that it has, over the slots', whole(0, 1024))
    .option('--cache <folder>', 'where code bundles are kept')
    .addOption(
      new Option(
        '--trust <file>',
        'run only what a key of this file has signed (`maggy key show` prints its lines)',
      ).env('MAGGY_TRUST'),
    )
    .addOption(
      new Option(
        '--isolate [network]',
        'keep trials from the rest of this host, as far as it can be done here; `open`: but leave the network as it is',
      )
        .choices(['bus', 'open'])
        .preset('bus')
        .env('MAGGY_ISOLATE'),
    )
    .option(
      '--drain-timeout <seconds>',
      'after SIGTERM; what still runs then is handed back (default: it may end)',
      whole(0, 2_000_000),
    )
    .option(
      '--notice <seconds>',
      'the host goes so long after SIGTERM (spot machines: 30): what runs is handed back after its next checkpoint, and in time in any case',
      whole(2, 2_000_000),
    )
}

function whole(low: number, high: number): (value: string) => number {
  return (value) => {
    const number = Number(value)
    if (Number.isSafeInteger(number) && number >= low && number <= high) return number
    throw new InvalidArgumentError(`Not a whole number of at least ${low}.`)
  }
}

function amount(value: string): number {
  const bytes = bytesIn(value)
  if (bytes !== undefined && bytes >= 2 ** 26) return bytes
  throw new InvalidArgumentError('Not an amount of memory of at least 64MB, as 8GB or 512MB.')
}

function parseLabels(value: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const labels = { ...before }
  for (const pair of value.split(',')) {
    const [name = '', ...rest] = pair.split('=')
    if (name === '' || rest.length === 0) throw new InvalidArgumentError(`${JSON.stringify(pair)} is not name=value.`)
    if (name === '__proto__') throw new InvalidArgumentError('__proto__ is no name that can travel.')
    labels[name] = rest.join('=')
  }
  return labels
}
