/** What `maggy driver` can be told. */
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
}

export function driverOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--adopt <which>', 'experiments of other drivers to take up when these are gone')
        .choices(['all', 'none'])
        .default(driverDefaults.adopt),
    )
    .option(
      '--lost-after <seconds>',
      'silence after which a worker counts as lost',
      secondsAsMs,
      driverDefaults.lostAfterMs,
    )
    .option(
      '--replicas <n>',
      'servers that keep a copy of log, code and checkpoints (default: 3 in a cluster of three or more, else 1)',
      parseCopies,
    )
    .option(
      '--telemetry-replicas <n>',
      'the same of metrics and output (default: as many; 1 is faster, and loses them with its server)',
      parseCopies,
    )
}

function secondsAsMs(text: string): number {
  const seconds = Number(text)
  if (!Number.isFinite(seconds) || seconds <= 0) throw new InvalidArgumentError('a number of seconds above 0 is needed')
  return seconds * 1000
}
