/** Options of `maggy board`. */
import { InvalidArgumentError, Option, type Command } from 'commander'

export interface BoardFlags {
  /** Left out: 4223, or any that is free. */
  readonly port?: number
  readonly host: string
  readonly allowHost: readonly string[]
  readonly control: boolean
  readonly boardToken?: string
}

/** Beside nats-server's own. */
export const usualPort = 4223

export function boardOptions(command: Command): Command {
  return command
    .option(
      '--port <n>',
      `the port of the page; 0: any that is free (default: ${usualPort}, or any that is free)`,
      port,
    )
    .option('--host <address>', 'the address to listen on; one that others reach needs --allow-host too', '127.0.0.1')
    .option('--allow-host <name>', 'a host name under which browsers may ask for it (repeatable)', collect, [])
    .option('--control', 'let the page pause, stop, resume and change experiments', false)
    .addOption(
      new Option('--board-token <token>', 'the token of the address (default: a new one each time)').env(
        'MAGGY_BOARD_TOKEN',
      ),
    )
}

function port(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError('not a port')
  }
  return value
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value.toLowerCase()]
}
