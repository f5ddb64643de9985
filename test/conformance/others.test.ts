import { describe, expect, it } from 'vitest'
import { builtinAblators } from '../../src/ablation/index.ts'
import { startAblator } from '../../src/ablator/index.ts'
import { createMemoryNetwork } from '../../src/bus/index.ts'
import {
  ablatorChecks,
  AblatorPeer,
  driversPatience,
  Line,
  prunerChecks,
  PrunerPeer,
  runChecks,
  workerChecks,
  WorkerPeer,
  type CheckResult,
} from '../../src/conformance/index.ts'
import { builtinPruners, createPruner } from '../../src/pruners/index.ts'
import { startPruner } from '../../src/pruning/index.ts'
import {
  startWrongAblator,
  startWrongPruner,
  startWrongWorker,
  type AblatorFault,
  type PrunerFault,
  type WorkerFault,
} from './wrong-others.ts'

const faulty = ({ state }: { readonly state: string }) => state === 'failed' || state === 'advised'

describe('the built-in ablators conform', () => {
  it.each([...builtinAblators.keys()])('%s', async (name) => {
    const network = createMemoryNetwork()
    const service = startAblator(network.connect(), [...builtinAblators.values()], { id: 'a1' })
    const peer = new AblatorPeer({ line: new Line(network.connect()), name })
    const results = await runChecks(peer, ablatorChecks())
    await service.drain()
    expect(results.filter(faulty)).toEqual([])
    expect(results.filter(({ state }) => state === 'passed').length).toBeGreaterThan(20)
  })
})

/** Options without which a built-in pruner cannot be made. */
const options: Readonly<Record<string, Record<string, unknown>>> = {
  threshold: { upper: 3 },
  percentile: { percentile: 25 },
}

describe('the built-in pruners conform when they are served', () => {
  it.each([...builtinPruners.keys()])('%s', async (name) => {
    const network = createMemoryNetwork()
    const service = startPruner(network.connect(), {
      name: 'served',
      judge: ({ trial, history, objectives }) =>
        createPruner({ name, options: options[name] ?? {} }, objectives)(history, trial),
    })
    const peer = new PrunerPeer({ line: new Line(network.connect()), name: 'served' })
    const results = await runChecks(peer, prunerChecks({ questions: 50 }))
    await service.drain()
    expect(results.filter(({ state }) => state !== 'passed')).toEqual([])
  })
})

const failedIn = (results: readonly CheckResult[]) =>
  results.filter(({ state }) => state === 'failed').map(({ name }) => name)

const prunerFaults: Readonly<Record<PrunerFault, readonly string[]>> = {
  none: [],
  'has no queue group': ['transport.queue-group'],
  'says yes or no': [
    'transport.verdict',
    'transport.garbage',
    'transport.unknown-fields',
    'judging.no-reports',
    'judging.null',
    'judging.states',
    'judging.full',
    'judging.memory',
    'judging.at-once',
    'speed.judge',
  ],
  'judges by all that it ever saw': ['judging.memory', 'judging.at-once'],
  'falls over null': ['judging.null'],
  'needs a report': ['judging.no-reports', 'judging.null'],
}

describe('a wrong pruner is told by the checks that name its fault', () => {
  it.each(Object.entries(prunerFaults) as [PrunerFault, readonly string[]][])('%s', async (fault, names) => {
    const network = createMemoryNetwork()
    startWrongPruner(network.connect(), fault)
    const peer = new PrunerPeer({ line: new Line(network.connect()), name: 'wrong' })
    expect(failedIn(await runChecks(peer, prunerChecks({ questions: 20 })))).toEqual(names)
  })
})

const ablatorFaults: Readonly<Record<AblatorFault, readonly string[]>> = {
  none: [],
  'names what is no component': ['removing.named'],
  'leaves the base out': ['removing.base'],
  'repeats itself': ['removing.once'],
  'never ends': [
    'removing.named',
    'removing.base',
    'removing.once',
    'removing.failures',
    'removing.impossible',
    'removing.one-component',
  ],
  'counts repeats from 1': ['removing.named'],
  'ignores what cannot go together': ['removing.impossible'],
  'gives up when a trial fails': ['removing.failures'],
}

describe('a wrong ablator is told by the checks that name its fault', () => {
  it.each(Object.entries(ablatorFaults) as [AblatorFault, readonly string[]][])('%s', async (fault, names) => {
    const network = createMemoryNetwork()
    startWrongAblator(network.connect(), fault)
    const peer = new AblatorPeer({ line: new Line(network.connect()), name: 'wrong' })
    const results = await runChecks(peer, ablatorChecks({ trials: 20 }))
    expect(results.filter(faulty).map(({ name }) => name)).toEqual(names)
  })
})

const workerFaults: Readonly<Record<WorkerFault, readonly string[]>> = {
  none: [],
  'announces another identity': ['presence.announce'],
  'does not beat': ['presence.beat', 'lease.ends', 'trial.said-again'],
  'leases a slot twice': ['lease.taken'],
  'has any slot': ['lease.no-such-slot'],
  'releases for anybody': ['lease.foreign-release'],
  'keeps the lease of the dead': ['lease.ends'],
  'takes attempts without a lease': ['trial.without-lease'],
  'lacks the metric': ['trial.runs'],
  'loses its reports': ['trial.reports-kept'],
  'runs twice what comes twice': ['trial.assigned-twice'],
  'says a result once': ['trial.said-again'],
  'ignores stops': ['trial.stopped'],
  'knows every attempt': ['trial.stop-unknown'],
}

describe('a wrong worker is told by the checks that name its fault', () => {
  it.concurrent.each(Object.entries(workerFaults) as [WorkerFault, readonly string[]][])('%s', async (fault, names) => {
    const network = createMemoryNetwork()
    await network.connect().streams.ensure()
    const actor = startWrongWorker(network.connect(), fault)
    // What never comes is waited for: a fault of silence is given less time.
    const isSilent = ['does not beat', 'says a result once'].includes(fault)
    const patience = isSilent ? { answerMs: 1000, thinkingMs: 1000 } : driversPatience
    const bundle = { sha256: 'a'.repeat(64), bytes: 1, module: 'none' }
    const peer = new WorkerPeer({
      line: new Line(network.connect(), patience),
      name: 'wrong',
      bundle,
      code: new Uint8Array(1),
      leaseEndsMs: 6000,
    })
    // A lease ends by the clock: it is waited for where its end is what is wrong, and once where it is right.
    const onLease = ['none', 'does not beat', 'keeps the lease of the dead'].includes(fault)
    const checks = workerChecks.filter(({ name }) => onLease || name !== 'lease.ends')
    const results = await runChecks(peer, checks)
    actor.end()
    // Short patience may run out where the machine is slow, too.
    expect(failedIn(results)).toEqual(isSilent ? expect.arrayContaining([...names]) : names)
  })
})
