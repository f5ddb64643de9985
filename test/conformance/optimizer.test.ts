import { describe, expect, it } from 'vitest'
import { createMemoryNetwork } from '../../src/bus/index.ts'
import { driversPatience, Line, optimizerChecks, OptimizerPeer, runChecks } from '../../src/conformance/index.ts'
import { startOptimizer } from '../../src/optimizer/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { builtinSchedulers } from '../../src/schedulers/index.ts'
import { startWrongOptimizer, type OptimizerFault } from './wrong-optimizers.ts'

const plugins = [...builtinSamplers.values(), ...builtinSchedulers.values()]
const options: Readonly<Record<string, Record<string, unknown>>> = {
  asha: { maxBudget: 9 },
  hyperband: { maxBudget: 9 },
  bohb: { maxBudget: 9 },
  pbt: { maxBudget: 9, interval: 3 },
}

describe('the built-in optimizers conform', () => {
  it.each(plugins.map(({ name }) => name))('%s', async (name) => {
    const network = createMemoryNetwork()
    const service = startOptimizer(network.connect(), plugins, { id: 'o1' })
    const peer = new OptimizerPeer({ line: new Line(network.connect()), name, options: options[name] ?? {} })
    const results = await runChecks(peer, optimizerChecks({ trials: 60 }))
    await service.drain()
    expect(results.filter(({ state }) => state === 'failed' || state === 'advised')).toEqual([])
    expect(results.filter(({ state }) => state === 'passed').length).toBeGreaterThan(20)
  })
})

/** Each fault, and the checks that name it. */
const faults: Readonly<Record<OptimizerFault, readonly string[]>> = {
  none: [],
  'serves its instance after it has answered': ['transport.served-before-reply'],
  'has no queue group': ['transport.queue-group'],
  'dies of garbage': ['transport.garbage'],
  'answers errors as plain text': [
    'transport.garbage',
    'transport.unknown-experiment',
    'transport.closed',
    'refusing.option',
  ],
  'takes other versions for its own': ['transport.other-version'],
  'refuses fields that it does not know': ['transport.unknown-fields'],
  'mixes experiments up': ['transport.apart'],
  'makes up an experiment that it does not know': ['transport.unknown-experiment', 'transport.closed'],
  'never forgets': ['transport.closed'],
  'does not answer an empty observe': ['transport.knock', 'transport.unknown-experiment'],
  'leaves the bounds of doubles': [
    'values.double',
    'values.double-log',
    'values.single',
    'values.log-law',
    'values.many',
  ],
  'leaves the steps': [
    'values.double-step',
    'values.double-log-step',
    'values.integer-step',
    'values.integer-log-step',
    'values.constant',
    'values.conditions',
    'values.constraints',
    'asking.enqueued',
    'reopening.no-repetition',
  ],
  'ignores log': ['values.double-log-step', 'values.log-law'],
  'makes text of every choice': ['values.kinds'],
  'gives inactive parameters': ['values.kinds', 'values.conditions', 'values.inactive-constraints'],
  'ignores conditions that are false': ['values.kinds', 'values.conditions', 'values.inactive-constraints'],
  'ignores constraints': ['values.constraints', 'values.inactive-constraints'],
  'leaves out constants': ['values.constant'],
  'gives NaN for wide ranges': ['values.finite'],
  'gives one suggestion, however many are asked for': ['asking.count'],
  'gives more than asked for': ['asking.count', 'asking.two-at-once', 'observing.many', 'reopening.same-answer'],
  'answers anew when it is asked again': [
    'transport.apart',
    'asking.same-trial-twice',
    'observing.twice',
    'observing.out-of-order',
    'observing.split-history',
    'reopening.same-answer',
    'reopening.pending',
    'reopening.forgets-the-old',
    'reopening.seed',
  ],
  'gives the same point to all that run at once': ['asking.pending'],
  'takes back that it is exhausted': ['asking.exhausted'],
  'waits for nothing': [
    'values.double',
    'values.double-log',
    'values.double-step',
    'values.double-log-step',
    'values.integer',
    'values.integer-log',
    'values.integer-step',
    'values.integer-log-step',
    'values.discrete',
    'values.categorical',
    'values.constant',
    'values.kinds',
    'values.conditions',
    'values.constraints',
    'values.inactive-constraints',
    'values.finite',
    'values.single',
    'values.names',
    'values.many',
    'asking.waits-for-something',
  ],
  'counts twice what it is told twice': ['observing.twice', 'reopening.same-answer'],
  'minds the order in which it is told': ['observing.out-of-order'],
  'forgets the history of open': ['observing.split-history', 'reopening.same-answer', 'reopening.pending'],
  'falls over null': ['observing.states'],
  'falls over trials that it did not suggest': ['observing.unknown-trial'],
  'forgets pending trials': ['reopening.pending'],
  'remembers across openings': ['reopening.forgets-the-old'],
  'begins anew when it is opened again': [
    'values.log-law',
    'reopening.same-answer',
    'reopening.pending',
    'reopening.no-repetition',
  ],
  'draws from a generator of its own': [
    'transport.apart',
    'observing.twice',
    'observing.out-of-order',
    'observing.split-history',
    'reopening.same-answer',
    'reopening.pending',
    'reopening.forgets-the-old',
    'reopening.seed',
  ],
  'refuses without a path': ['refusing.option'],
  'refuses with a code of its own': ['refusing.option'],
}

describe('a wrong optimizer is told by the checks that name its fault', () => {
  it.each(Object.entries(faults) as [OptimizerFault, readonly string[]][])('%s', async (fault, names) => {
    const network = createMemoryNetwork()
    const actor = startWrongOptimizer(network.connect(), fault)
    // Whoever is silent is waited for: a fault that is silent is given less time.
    const isSilent = fault === 'dies of garbage' || fault === 'does not answer an empty observe'
    const patience = isSilent ? { answerMs: 100, thinkingMs: 100 } : driversPatience
    const peer = new OptimizerPeer({ line: new Line(network.connect(), patience), name: 'wrong' })
    const results = await runChecks(peer, optimizerChecks({ trials: 20, many: 400 }))
    actor.end()
    const found = results.filter(({ state }) => state === 'failed')
    // Short patience may run out where the machine is slow, too.
    expect(found.map(({ name }) => name)).toEqual(isSilent ? expect.arrayContaining([...names]) : names)
  })
})
