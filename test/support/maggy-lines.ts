/** Command lines of `maggy` in files that others start it from: read as the CLI and the actors read them, without doing anything. */
import { Command } from 'commander'
import { ablator } from '../../actors/ablator/ablator.ts'
import { driverOptions } from '../../actors/driver/options.ts'
import { optimizer } from '../../actors/optimizer/optimizer.ts'
import { workerOptions } from '../../actors/worker/options.ts'
import { actorCommand } from '../../src/actor/index.ts'
import { createProgram } from '../../src/cli/program.ts'
import { serverFlags } from '../../src/server/command.ts'

const quiet = { writeOut: () => {}, writeErr: () => {} }

const actorOf = (name: string, options: (command: Command) => Command): Command =>
  actorCommand({ name, description: '', roles: [], options, start: () => Promise.reject(new Error('not started')) })

function server(): Command {
  const command = new Command('server').allowExcessArguments(false)
  for (const [flags, description, parse] of serverFlags)
    if (parse === undefined) command.option(flags, description)
    else command.option(flags, description, parse)
  return command
}

const actors: Readonly<Record<string, () => Command>> = {
  server,
  driver: () => actorOf('driver', driverOptions),
  worker: () => actorOf('worker', workerOptions),
  optimizer: () => actorCommand(optimizer),
  ablator: () => actorCommand(ablator),
}

/** All commands below one, itself among them. */
const below = (command: Command): Command[] => [command, ...command.commands.flatMap(below)]

function program(): Command {
  const all = createProgram('0', () => {})
  for (const command of below(all)) command.action(() => {})
  return all
}

/** What a shell, systemd or Kubernetes fills in: its default, or 1. */
const filledIn = (word: string): string =>
  word.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1').replaceAll(/\$\{[^}]*\}|\$\([^)]*\)|\$\w+|%[a-zA-Z]/g, '1')

/** Throws, with commander's words, where a word of the line is none that there is. */
export function readMaggyLine(words: readonly string[]): void {
  const [name = '', ...rest] = words.map(filledIn)
  const made = Object.hasOwn(actors, name) ? actors[name] : undefined
  const command = made === undefined ? program() : made()
  for (const one of below(command)) one.exitOverride().configureOutput(quiet)
  command.parse(made === undefined ? [name, ...rest] : rest, { from: 'user' })
}

/** Variables of the environment that some command reads as one of its options. */
export function optionVariables(): string[] {
  const commands = [...Object.values(actors).map((make) => make()), ...below(program())]
  return commands.flatMap(({ options }) => options.flatMap(({ envVar }) => envVar ?? []))
}
