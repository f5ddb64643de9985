/** What `maggy driver` can be told. */
import { InvalidArgumentError, Option, type Command } from 'commander'

export interface DriverOptions {
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
export interface DriverFlags {
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
}

function secondsAsMs(text: string): number {
  const seconds = Number(text)
  if (!Number.isFinite(seconds) || seconds <= 0) throw new InvalidArgumentError('a number of seconds above 0 is needed')
  return seconds * 1000
}
