/**
 * What a served optimizer, ablator or pruner must keep, as a suite for its author: what is given to `serveOptimizer`, `serveAblator` or
 * `servePruner` is served on a bus in this process, and the checks of `maggy conformance` are played against it.
 */
import {
  ablatorChecks,
  AblatorPeer,
  Line,
  optimizerChecks,
  OptimizerPeer,
  prunerChecks,
  PrunerPeer,
} from '../../src/conformance/index.ts'
import { servedAblator, startAblator, type ServeAblatorOptions } from '../../src/ablator/index.ts'
import { createMemoryNetwork, type Bus } from '../../src/bus/index.ts'
import { servedPlugin, startOptimizer, type ServeOptions } from '../../src/optimizer/index.ts'
import { startPruner, type ServedPruner } from '../../src/pruning/index.ts'
import { checksAsTests } from './checks.ts'
import type { OptimizerContractOptions } from './optimizer.contract.ts'
import type { TestRunner } from './runner.ts'

interface ServedContractOptions {
  /** Options that experiments would give beside the name. Default: none. */
  readonly options?: Readonly<Record<string, unknown>>
}

/** A bus on which it answers, for each test another. */
const served = (start: (bus: Bus) => { drain(): Promise<void> }) => () => {
  const network = createMemoryNetwork()
  const service = start(network.connect())
  return Promise.resolve({ bus: network.connect(), stop: () => service.drain() })
}

/** Registers the suite for what `serveOptimizer` is given. */
export function servedOptimizerContract<State>(
  optimizer: ServeOptions<State>,
  runner: TestRunner,
  { options = {}, space, trials = 100, many = 1000 }: OptimizerContractOptions = {},
): void {
  const { name } = optimizer
  const plugin = servedPlugin(optimizer)
  const start = served((bus) => startOptimizer(bus, [plugin], { id: 'o1' }))
  const given = { name, options, ...(space === undefined ? {} : { space }) }
  const peerOn = (bus: Bus) => new OptimizerPeer({ line: new Line(bus), ...given })
  checksAsTests(`the served optimizer ${name}`, optimizerChecks({ trials, many }), start, peerOn, runner)
}

/** Registers the suite for what `serveAblator` is given. */
export function servedAblatorContract<State>(
  ablator: ServeAblatorOptions<State>,
  runner: TestRunner,
  { options = {} }: ServedContractOptions = {},
): void {
  const { name } = ablator
  const plugin = servedAblator(ablator)
  const start = served((bus) => startAblator(bus, [plugin], { id: 'a1' }))
  const peerOn = (bus: Bus) => new AblatorPeer({ line: new Line(bus), name, options })
  checksAsTests(`the served ablator ${name}`, ablatorChecks({ trials: 100 }), start, peerOn, runner)
}

/** Registers the suite for what `servePruner` is given. */
export function servedPrunerContract(
  pruner: ServedPruner,
  runner: TestRunner,
  { options = {} }: ServedContractOptions = {},
): void {
  const start = served((bus) => startPruner(bus, pruner))
  const peerOn = (bus: Bus) => new PrunerPeer({ line: new Line(bus), name: pruner.name, options })
  checksAsTests(`the served pruner ${pruner.name}`, prunerChecks({ questions: 50 }), start, peerOn, runner)
}
