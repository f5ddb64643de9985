/** Options of `maggy driver`. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { parseCopies } from '../../src/actor/index.ts'
import type { Copies } from '../../src/bus/index.ts'

export interface DriverOptions extends Copies {
  /** Whether experiments that nobody owns are taken up. */
  readonly adopt: 'all' | 'none'
  /** A driver without a beat for so long has lost its experiments. */
  readonly ownerTtlMs: number
  readonly suspectAfterMs: number
  readonly lostAfterMs: number
  readonly refusalsUntilLost: number
  /** Experiments that ended so many days ago are removed, unless they are pinned. Left out: they stay. */
  readonly retainDays?: number
  /** Of experiments that have ended so many stay, the last ones; those that are pinned do not count. Left out: all do. */
  readonly retainCount?: number
  /** The file with the server's token, if it came by one: for people of the same host, who are told to start more workers. */
  readonly tokenFile?: string | undefined
}

export const driverDefaults: DriverOptions = {
  adopt: 'all',
  ownerTtlMs: 3000,
  suspectAfterMs: 2500,
  lostAfterMs: 8000,
  refusalsUntilLost: 3,
}

/** As the command line has them. */
export interface DriverFlags extends Copies {
  readonly adopt: 'all' | 'none'
  readonly lostAfter: number
  readonly retainDays?: number
  readonly retainCount?: number
}

export function driverOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--adopt <which>', 'experiments of other drivers to take up when these are gone')
        .choices(['all', 'none'])
        .default(driverDefaults.adopt),
    )
    .addOption(
      new Option('--lost-after <seconds>', 'silence after which a worker counts as lost')
        .argParser(secondsAsMs)
        .default(driverDefaults.lostAfterMs, String(driverDefaults.lostAfterMs / 1000)),
    )
    .option(
      '--replicas <n>',
      'servers that keep a copy of log, code, checkpoints and artifacts (default: 3 in a cluster of three or more, else 1)',
      parseCopies,
    )
    .option(
      '--telemetry-replicas <n>',
      'the same of metrics and output (default: as many; 1 is faster, and loses them with its server)',
      parseCopies,
    )
    .option('--retain-days <n>', 'remove experiments that ended longer ago, but for those that are pinned', atLeast(0))
    .option(
      '--retain-count <n>',
      'keep so many that have ended, the last ones, beside those that are pinned',
      wholeNumber,
    )
}

function atLeast(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isFinite(value) && value >= least) return value
    throw new InvalidArgumentError(`a number from ${least} on is needed`)
  }
}

function wholeNumber(text: string): number {
  const value = atLeast(0)(text)
  if (Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('a whole number is needed')
}

function secondsAsMs(text: string): number {
  const seconds = Number(text)
  if (!Number.isFinite(seconds) || seconds <= 0) throw new InvalidArgumentError('a number of seconds above 0 is needed')
  return seconds * 1000
}
