/** The commands of `maggy`, their options, and nothing of what they do. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { atLeastOne, collect, count, room } from './arguments.ts'
import type { BoardCommandOptions } from './board-command.ts'
import type { ChangeFlags } from './change-command.ts'
import type { ConformanceOptions } from './conformance-command.ts'
import type { ExportOptions } from './export-command.ts'
import type { Filters } from './filters.ts'
import { filters, keepingCommands } from './keeping-program.ts'
import type { Changing } from '../mcp/index.ts'
import type { McpCommandOptions } from './mcp-command.ts'
import type { NotebookCommandOptions } from './notebook-command.ts'
import type { ReplayOptions } from './replay-command.ts'
import { accessOptions } from '../access/index.ts'
import { parseCopies } from '../actor/index.ts'
import type { AuthFlags, InitFlags } from './auth-command.ts'
import type { BusOptions } from './looking.ts'
import type { RunCommandOptions } from './run-command.ts'
import type { SamplerCommandOptions } from './sampler-command.ts'

/** The actors that the CLI starts; each reads its own options, `maggy worker --help` shows them. */
export const actors = {
  server: 'a nats-server with JetStream, set up for maggy',
  driver: 'runs experiments: many at once, as long as it lives',
  optimizer: 'suggests hparams',
  ablator: 'says what trials of an ablation do without',
  worker: 'runs trials',
} as const

const exportFormats: readonly ExportOptions['format'][] = ['json', 'csv', 'parquet', 'svg', 'html', 'optuna-journal']

const changingTools: readonly Changing[] = ['start', 'stop', 'pause', 'resume', 'enqueue', 'note']

type Finish = (exitCode: number) => void
type Shared = BusOptions & { readonly json?: boolean }
type ShowOptions = Shared & {
  readonly top?: number
  readonly all?: boolean
  readonly source?: boolean
  readonly suggestSpace?: boolean
}

/** The command line; `finish` is told what to exit with. Commands are loaded when they are called, so that `--help` is quick. */
export function createProgram(version: string, finish: Finish): Command {
  const program = new Command('maggy')
  program
    .description('one oblivious training function: explored here, tuned on as many workers as there are')
    .version(version)
    .option('--verbose', 'show stacks of errors')
    .configureHelp({ showGlobalOptions: true })
    .enablePositionalOptions()
    // Commands and their commands inherit it: a wrong option has one exit code everywhere.
    .exitOverride()
  runCommands(program, finish)
  readCommands(program, finish)
  program
    .command('doctor')
    .description('say what is installed, what is missing, and how to get it')
    .option('--fix', 'install what is missing')
    .option('--json', 'JSON for machines')
    .action(async (options: { fix?: boolean; json?: boolean }) => {
      finish(await (await import('../setup/index.ts')).doctor(options))
    })
  notebookCommand(program, finish)
  samplerCommand(program, finish)
  authCommands(program, finish)
  conformanceCommand(program, finish)
  keyCommands(program, finish)
  for (const [name, description] of Object.entries(actors)) {
    // Never reached: main hands these on before commander reads the options, which are the actor's own.
    const actor = program.command(name).description(description).allowUnknownOption().helpOption(false)
    if (name === 'optimizer') swapCommand(actor, finish)
  }
  return program
}

const listed = (text: string): string[] => text.split(',').map((one) => one.trim())

const userRoles = ['worker', 'driver', 'client', 'optimizer', 'ablator', 'board'] as const

function authCommands(program: Command, finish: Finish): void {
  const auth = program.command('auth').description('who is known to a bus, and what each may do there')
  const inFolder = (command: Command): Command =>
    command
      .option('--dir <folder>', 'the folder of the authority (default: MAGGY_AUTHORITY, or else maggy-authority)')
      .option('--tenant <name>', 'whose users these are; tenants see nothing of each other', 'main')
      .option('--server <url>', 'a server that runs, to tell it at once (default: MAGGY_SERVER)')
  const days = (command: Command, fallback: number): Command =>
    command.option('--days <n>', 'how long it is valid', atLeastOne, fallback)
  days(
    auth
      .command('init <folder>')
      .description('make an authority: keys, certificates, the configuration of a nats-server')
      .option('--host <name>', 'a name or an address by which clients reach the server (repeatable)', collect, [])
      .option('--port <port>', 'the port of the server', count, 4222),
    3_650,
  ).action(async (folder: string, options: InitFlags) => {
    finish(await (await import('./auth-command.ts')).initCommand(folder, options))
  })
  for (const role of userRoles) {
    const made = auth.command(`add-${role} <name>`).description(`make credentials for ${articled(role)}`)
    if (role === 'optimizer' || role === 'ablator') made.option('--serves <names>', servesText(role), listed)
    days(inFolder(made), 90).action(async (name: string, options: AuthFlags) => {
      finish(await (await import('./auth-command.ts')).addCommand(role, name, options))
    })
  }
  const limited = (command: Command): Command =>
    inFolder(command)
      .option('--connections <n>', 'connections at once: a worker has two, each other actor one', atLeastOne)
      .option(
        '--store <size>',
        "room for logs, code, checkpoints and metrics on a server's disk, e.g. 20GB; all: no limit",
        room,
      )
  limited(auth.command('add-tenant <name>').description('make an account of its own on the same server')).action(
    async (name: string, options: AuthFlags) => {
      finish(await (await import('./auth-command.ts')).tenantCommand(name, options))
    },
  )
  limited(auth.command('limit <tenant>').description("change a tenant's limits, or show them")).action(
    async (tenant: string, options: AuthFlags) => {
      finish(await (await import('./auth-command.ts')).limitCommand(tenant, options))
    },
  )
  inFolder(auth.command('revoke <name>').description('take credentials back: who has them is put out')).action(
    async (name: string, options: AuthFlags) => {
      finish(await (await import('./auth-command.ts')).revokeCommand(name, options))
    },
  )
  days(inFolder(auth.command('rotate').description('make new keys, and new credentials for all of a tenant')), 90)
    .option('--finish', 'from now on take only what the last rotation made')
    .action(async (options: AuthFlags & { readonly finish?: boolean }) => {
      finish(await (await import('./auth-command.ts')).rotateCommand(options))
    })
  inFolder(auth.command('check').description('try on a running server what each role may do, and what not'))
    .option('--json', 'JSON lines for machines')
    .action(async (options: AuthFlags & { readonly json?: boolean }) => {
      finish(await (await import('./auth-command.ts')).checkCommand(options))
    })
}

const servesText = (role: 'optimizer' | 'ablator'): string =>
  `the names that it answers to, with commas (default: its own, and built-in: all that maggy ${role} serves)${role === 'optimizer' ? '; pruners have theirs here, too' : ''}`

const articled = (role: string): string => `${/^[aeiou]/.test(role) ? 'an' : 'a'} ${role}`

function swapCommand(optimizer: Command, finish: Finish): void {
  onBus(
    optimizer
      .command('swap <id> <name>')
      .description(
        'give a search that runs another optimizer (a built-in, or one that is served), with all that is known',
      )
      .option('--options <json>', 'options of that optimizer'),
  ).action(async (id: string, name: string, options: Shared & { readonly options?: string }) => {
    finish(await (await import('./swap-command.ts')).swapCommand(id, name, options))
  })
}

function notebookCommand(program: Command, finish: Finish): void {
  program
    .command('notebook [file]')
    .description('write a notebook to begin with, and say which kernels there are for it')
    .addOption(new Option('--kernel <name>', 'the kernel that it names').choices(['tslab', 'deno']))
    .action(async (file: string | undefined, options: NotebookCommandOptions) => {
      finish(await (await import('./notebook-command.ts')).notebookCommand(file ?? 'maggy.ipynb', options))
    })
}

function samplerCommand(program: Command, finish: Finish): void {
  program
    .command('sampler')
    .description('suggest hparams to any program through a pipe, by JSON lines; without any bus')
    .requiredOption('--space <file>', 'the search space, as JSON')
    .option('--sampler <name>', 'who suggests', 'auto')
    .addOption(new Option('--direction <direction>').choices(['minimize', 'maximize']).makeOptionMandatory())
    .option('--seed <n>', 'the same seed gives the same suggestions', count, 0)
    .option('--trials <n>', 'how many there will be, as far as is known: some samplers choose by it', count, 100)
    .option('--options <json>', 'options of the sampler')
    .option(
      '--constraint <comparison...>',
      "what a number told beside the value has to keep: 'memory <= 2e9'; what breaks one is never the best",
    )
    .action(async (options: SamplerCommandOptions) => {
      finish(await (await import('./sampler-command.ts')).samplerCommand(options))
    })
}

function conformanceCommand(program: Command, finish: Finish): void {
  onBus(
    program
      .command('conformance')
      .description('play the other side against an actor that runs, in whatever language, and say what it does wrong')
      .addArgument(new Argument('<role>', 'what it is').choices(['optimizer', 'pruner', 'ablator', 'worker']))
      .requiredOption('--name <name>', 'the name that it answers to; of a worker, its identity'),
  )
    .option('--options <json>', 'options that experiments give it')
    .option('--space <file>', 'a search space that the optimizer takes, as JSON, where it does not take every one')
    .option('--hparams <json>', 'what a worker’s objective needs')
    .option('--metric <name>', 'the metric that a worker’s objective returns (default: value)')
    .option(
      '--start <command>',
      'start the actor with this command, and kill it in a check (MAGGY_SERVER is set for it)',
    )
    .option('--trials <n>', 'trials, or questions, of the check of speed', atLeastOne, 1000)
    .action(async (role: 'optimizer' | 'pruner' | 'ablator' | 'worker', options: ConformanceOptions) => {
      finish(await (await import('./conformance-command.ts')).conformanceCommand(role, options))
    })
}

function keyCommands(program: Command, finish: Finish): void {
  const key = program.command('key').description('the key that you sign code with')
  const named = (command: Command) =>
    command.option('--name <name>', 'whose key it is (default: user@host)').option('--json', 'JSON for machines')
  named(key.command('new').description('make one, and print its line for files of trusted keys'))
    .option('--output <file>', 'where it is kept (default: sign.key in maggy’s folder of your configuration)')
    .action(async (options: { readonly output?: string; readonly name?: string; readonly json?: boolean }) => {
      finish(await (await import('./key-command.ts')).newKeyCommand(options))
    })
  named(key.command('show [file]').description('print its line for files of trusted keys')).action(
    async (file: string | undefined, options: { readonly name?: string; readonly json?: boolean }) => {
      finish(await (await import('./key-command.ts')).showKeyCommand(file, options))
    },
  )
}

/** Of commands that hand over code. */
function signing(command: Command): Command {
  return command
    .option('--sign-key <file>', 'the key to sign with (default: MAGGY_SIGN_KEY, or the one of `maggy key new`)')
    .option('--sign-for <days>', 'how long the signature is good (default: 30)', Number)
    .option('--trust <file>', 'beside the embedded bus: run only what a key of this file has signed')
}

function runCommands(program: Command, finish: Finish): void {
  signing(
    onBus(
      program
        .command('run <module> [context]')
        .description('run a module’s experiment in a context; without a context, explore it in this process')
        .option('--set <key=value>', 'change an option of the context, or an hparam (repeatable)', collect, []),
    ),
  )
    .addOption(workers())
    .addOption(copies())
    .option('--detach', 'hand it over to the server that is named, and leave')
    .option('--board', 'show it in a browser while it runs; the address is printed')
    .option('--output <dir>', 'write the results as files under this folder')
    .option('--tensorboard <dir>', 'write event files for TensorBoard under this folder')
    .option('--mlflow <url>', 'keep it in this MLflow server while it runs')
    .option(
      '--otlp <url>',
      'send traces of trials to this collector, OTLP over HTTP (default: MAGGY_OTLP, or else none)',
    )
    .action(
      async (module: string, context: string | undefined, options: RunCommandOptions & { readonly set: string[] }) => {
        finish(await (await import('./run-command.ts')).runCommand(module, context, options))
      },
    )
  signing(
    onBus(
      program
        .command('resume [id]')
        .description(
          'go on with an experiment that was stopped or paused, or, changed, with one that is done (default: the last), and follow it',
        ),
    ),
  )
    .option('--trials <n>', 'so many trials in all, or +N: so many more')
    .option('--failed', 'try its failed trials anew')
    .option(
      '--set <key=value>',
      'change it: optimizer, pruner, stop, parallel, maxFailed, retry, resources and the like (repeatable)',
      collect,
      [],
    )
    .option('--force', 'go on although its log has a hole')
    .addOption(workers())
    .addOption(copies())
    .option('--board', 'show it in a browser while it runs; the address is printed')
    .option('--output <dir>', 'write the results as files under this folder')
    .option('--tensorboard <dir>', 'write event files for TensorBoard under this folder')
    .option('--mlflow <url>', 'keep it in this MLflow server while it runs')
    .option(
      '--otlp <url>',
      'send traces of trials to this collector, OTLP over HTTP (default: MAGGY_OTLP, or else none)',
    )
    .action(async (id: string | undefined, options: RunCommandOptions & ChangeFlags & { readonly force?: boolean }) => {
      finish(await (await import('./run-command.ts')).resumeCommand(id, options))
    })
}

function readCommands(program: Command, finish: Finish): void {
  onBus(program.command('board').description('show experiments and workers in a browser, live; the address is printed'))
    .addOption(new Option('--port <n>', 'its port (default: 4223, or any that is free)').argParser(count))
    .option('--host <address>', 'where it listens (default: 127.0.0.1); what others reach needs --allow-host too')
    .option('--allow-host <name>', 'a host name under which browsers may ask for it (repeatable)', collect, [])
    .option('--control', 'let the page pause, stop, resume and change experiments')
    .option('--open', 'open it in the browser of this host')
    .action(async (options: BoardCommandOptions) => {
      finish(await (await import('./board-command.ts')).boardCommand(options))
    })
  filters(onBus(program.command('ls').description('list experiments'))).action(async (options: Shared & Filters) => {
    finish(await (await import('./read-commands.ts')).listCommand(options))
  })
  onBus(
    program
      .command('actors')
      .description(
        'list who is on the bus: drivers, optimizers, ablators, pruners, workers, with options, versions and load',
      ),
  ).action(async (options: Shared) => {
    finish(await (await import('./actors-command.ts')).actorsCommand(options))
  })
  onBus(program.command('show [id]').description('show an experiment (default: the last) and its trials'))
    .option('--top <n>', 'so many of the best trials (default: 20), and the last 5', atLeastOne)
    .option('--all', 'all trials')
    .option('--suggest-space', 'of a search: print the space that the next one should have, as code')
    .option('--source', 'the code that was run, instead')
    .action(async (id: string | undefined, { source = false, ...options }: ShowOptions) => {
      if (source) finish(await (await import('./source-commands.ts')).sourceCommand(id, options))
      else finish(await (await import('./read-commands.ts')).showCommand(id, options))
    })
  keepingCommands(program, onBus, finish)
  exportCommand(program, finish)
  onBus(
    program
      .command('mcp')
      .description('serve coding agents on standard input and output (Model Context Protocol): list, show, compare'),
  )
    .option(
      '--allow <tools>',
      'also start, stop, pause, resume, enqueue, note: those that are named, with commas',
      tools,
      [],
    )
    .action(async (options: McpCommandOptions) => {
      finish(await (await import('./mcp-command.ts')).mcpCommand(options, program.version() ?? ''))
    })
  onBus(
    program
      .command('replay [id]')
      .description('take all decisions of an experiment (default: the last) again from its log, and compare'),
  )
    .option(
      '--optimizer <name>',
      'ask another optimizer instead (a built-in, or one that is served), and show where it would have gone',
    )
    .option('--options <json>', 'options of that optimizer')
    .action(async (id: string | undefined, options: ReplayOptions) => {
      finish(await (await import('./replay-command.ts')).replayCommand(id, options))
    })
  onBus(program.command('stop <id>').description('end an experiment early; it can be resumed'))
    .option('--cancel', 'stop running trials too, instead of letting them end')
    .action(async (id: string, options: Shared & { readonly cancel?: boolean }) => {
      finish(await (await import('./read-commands.ts')).stopCommand(id, options))
    })
  onBus(
    program
      .command('pause [id]')
      .description('hand out no more trials of an experiment (default: the last) until it is resumed'),
  )
    .option('--now', 'hand back what runs too: it goes on from its checkpoints, at no cost')
    .action(async (id: string | undefined, options: Shared & { readonly now?: boolean }) => {
      finish(await (await import('./change-command.ts')).pauseCommand(id, options))
    })
  onBus(
    program
      .command('enqueue <id> [name=value...]')
      .description('try these hparams next, on top of the trials asked for; the optimizer fills in what is left out'),
  ).action(async (id: string, values: string[], options: Shared) => {
    finish(await (await import('./change-command.ts')).enqueueCommand(id, values, options))
  })
  onBus(program.command('logs [id]').description('show what trials printed (default: of the last experiment)'))
    .argument('[trial]', 'the number of a trial (default: all)', count)
    .option('--follow', 'go on as more comes')
    .option('--raw', 'the lines alone, as they were printed, for pipes: control characters are not shown as escapes')
    .action(
      async (
        id: string | undefined,
        trial: number | undefined,
        options: Shared & { readonly follow?: boolean; readonly raw?: boolean },
      ) => {
        finish(await (await import('./read-commands.ts')).logsCommand(id, trial, options))
      },
    )
}

function exportCommand(program: Command, finish: Finish): void {
  onBus(
    program
      .command('export [id]')
      .description(
        'write out an experiment (default: the last): all of it as JSON, its trials (of an ablation its components) as CSV or Parquet, ' +
          'a chart of an ablation, a page with all charts (html), or a journal that Optuna and its dashboard read',
      ),
  )
    .addOption(new Option('--format <format>', 'the format').choices([...exportFormats]).default('json'))
    .addOption(
      new Option('--rows <rows>', 'of CSV and Parquet: one row a trial, or one a report')
        .choices(['trials', 'reports'])
        .default('trials'),
    )
    .option('--mlflow <url>', 'send it, or what is missing of it, to this MLflow server instead')
    .option('--follow', 'of a journal, or to MLflow: go on until the experiment is over')
    .option('--output <file>', 'the file (default: standard output); a journal that is there is continued')
    .action(async (id: string | undefined, options: ExportOptions) => {
      finish(await (await import('./export-command.ts')).exportCommand(id, options))
    })
}

function onBus(command: Command): Command {
  command
    .option('--server <url>', 'the bus (default: MAGGY_SERVER, or else an embedded one)')
    .option('--data <dir>', 'the folder of the embedded bus (default: .maggy)')
    .option('--json', 'JSON lines for machines')
  for (const [, flags, variable, description] of accessOptions)
    command.option(flags, `${description} (default: ${variable})`)
  return command
}

function workers(): Option {
  return new Option('--workers <n>', 'workers beside the embedded bus (default: 1)').argParser(atLeastOne)
}

function copies(): Option {
  return new Option(
    '--replicas <n>',
    'servers that keep a copy of what is kept (default: 3 in a cluster of three or more, else 1)',
  ).argParser(parseCopies)
}

function tools(text: string): Changing[] {
  return text.split(',').map((name) => {
    const known = changingTools.find((one) => one === name.trim())
    if (known === undefined) throw new InvalidArgumentError(`there are ${changingTools.join(', ')}`)
    return known
  })
}
