/** The commands about what is kept of experiments: artifacts, models, notes, tags, differences, and their removal. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { collect, count } from './arguments.ts'
import type { ArtifactsOptions, ModelOptions } from './keep-commands.ts'
import type { ExperimentState } from '../history/index.ts'
import type { Looking } from './looking.ts'
import type { RemoveOptions } from './remove-command.ts'

/** Of the type alone, so that the command line starts without the history; a state that is missing here does not compile. */
const states = Object.keys({
  running: true,
  paused: true,
  stopping: true,
  done: true,
  stopped: true,
  failed: true,
} satisfies Record<ExperimentState, true>)

type Finish = (exitCode: number) => void
/** Adds the options of a command that needs the bus. */
type OnBus = (command: Command) => Command

export function keepingCommands(program: Command, onBus: OnBus, finish: Finish): void {
  artifactCommands(program, onBus, finish)
  writingCommands(program, onBus, finish)
  onBus(
    program.command('diff <a> <b>').description('say in what two experiments differ: results, context, source'),
  ).action(async (a: string, b: string, options: Looking) => {
    finish(await (await import('./source-commands.ts')).diffCommand(a, b, options))
  })
  filters(
    onBus(
      program
        .command('rm [ids...]')
        .description('remove experiments that have ended, and all that is kept of them; never one that is pinned'),
    ),
  )
    .option('--older-than <time>', 'those that ended longer ago than this: 30d, 12h')
    .option('--keep <n>', 'all but the last that ended', count)
    .option('--dry-run', 'only show which')
    .option('--yes', 'do not ask')
    .action(async (ids: string[], options: RemoveOptions) => {
      finish(await (await import('./remove-command.ts')).removeCommand(ids, options))
    })
}

/** Which experiments: also of `ls`. */
export function filters(command: Command): Command {
  return command
    .option('--tag <tag>', 'only those with this tag (repeatable: with all of them)', collect, [])
    .addOption(
      new Option('--state <state>', `only those in this state (repeatable): ${states.join(', ')}`)
        .argParser((value: string, previous: string[]) => {
          if (states.includes(value)) return [...previous, value]
          throw new InvalidArgumentError(`there are ${states.join(', ')}`)
        })
        .default([]),
    )
    .option('--name <text>', 'only those whose id or name has this in it')
    .option('--since <time>', 'only those that began since: 7d, 12h, 2026-01-31')
}

function artifactCommands(program: Command, onBus: OnBus, finish: Finish): void {
  onBus(
    program
      .command('artifacts [id]')
      .description('list what trials have saved (default: of the last experiment), or write it as files')
      .argument('[trial]', 'the number of a trial (default: all)', count),
  )
    .option('--name <name>', 'only those of this name')
    .option('--output <dir>', 'write them under this folder')
    .option('--force', 'replace what is there')
    .action(async (id: string | undefined, trial: number | undefined, options: ArtifactsOptions) => {
      finish(await (await import('./keep-commands.ts')).artifactsCommand(id, trial, options))
    })
  onBus(
    program
      .command('model [id]')
      .description(
        'write the model that a trial saved (default: the best of the last experiment) for tf.loadLayersModel',
      ),
  )
    .option('--best', 'of the best trial (the default)')
    .option('--trial <n>', 'of this trial', count)
    .option('--name <name>', 'the name it was saved under, where there are several')
    .requiredOption('--output <dir>', 'the folder: model.json and weights.bin')
    .option('--force', 'replace what is there')
    .action(async (id: string | undefined, options: ModelOptions) => {
      finish(await (await import('./keep-commands.ts')).modelCommand(id, options))
    })
}

function writingCommands(program: Command, onBus: OnBus, finish: Finish): void {
  onBus(
    program.command('note <id> [text...]').description('write a note on an experiment; without a text, show them'),
  ).action(async (id: string, words: string[], options: Looking) => {
    finish(await (await import('./annotate-commands.ts')).noteCommand(id, words, options))
  })
  onBus(
    program
      .command('tag <id> [changes...]')
      .description('give an experiment tags and take them away: +paper -draft; without any, show them')
      .allowUnknownOption(),
  ).action(async (id: string, changes: string[], options: Looking) => {
    finish(await (await import('./annotate-commands.ts')).tagCommand(id, changes, options))
  })
  onBus(program.command('pin <id>').description('keep an experiment, whatever retention says: the tag `pinned`'))
    .option('--off', 'let it go again')
    .action(async (id: string, options: Looking & { readonly off?: boolean }) => {
      finish(await (await import('./annotate-commands.ts')).pinCommand(id, options))
    })
}
