/**
 * What every optimizer on the bus must keep, in whatever language it is written: `optimizerContract(name, start, { describe, it })`.
 * `start` brings a bus on which the optimizer answers to that name, and ends it. The checks are those of `maggy conformance optimizer`.
 */
import type { SearchSpace } from '../../protocol/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import { Line, optimizerChecks, OptimizerPeer, type HowMany } from '../../src/conformance/index.ts'
import { checksAsTests } from './checks.ts'
import type { TestRunner } from './runner.ts'

export interface StartedOptimizer {
  readonly bus: Bus
  readonly stop: () => Promise<void>
}

export interface OptimizerContractOptions extends HowMany {
  /** Options that experiments would give beside the name. Default: none. */
  readonly options?: Readonly<Record<string, unknown>>
  /** A space that it takes, where it does not take every one. */
  readonly space?: SearchSpace
}

/** Registers the suite: a test a check. */
export function optimizerContract(
  optimizer: string,
  start: () => Promise<StartedOptimizer>,
  runner: TestRunner,
  { options = {}, space, ...many }: OptimizerContractOptions = {},
): void {
  const peerOn = (bus: Bus) =>
    new OptimizerPeer({ line: new Line(bus), name: optimizer, options, ...(space === undefined ? {} : { space }) })
  checksAsTests(`the optimizer ${optimizer} on the bus`, optimizerChecks(many), start, peerOn, runner)
}
