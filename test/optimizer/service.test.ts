import { describe, expect, it } from 'vitest'
import { observe, open, suggest, type Hparams, type Observation, type SearchSpace } from '../../protocol/index.ts'
import { ask, createMemoryNetwork } from '../../src/bus/index.ts'
import { startOptimizer, type OptimizerPlugin } from '../../src/optimizer/index.ts'
import { builtinSamplers, type Question } from '../../src/samplers/index.ts'
import { sample } from '../../src/space/index.ts'
import { optimizerContract } from '../contract/optimizer.contract.ts'

const start = (plugins: readonly OptimizerPlugin[]) => async () => {
  const network = createMemoryNetwork()
  const service = startOptimizer(network.connect('optimizer'), plugins, { id: 'o1' })
  return { bus: network.connect('driver'), stop: () => service.drain() }
}

// The built-ins are all held to it in test/conformance, on one bus each.
const few = { trials: 30, many: 500 }
optimizerContract('tpe', start([...builtinSamplers.values()]), { describe, it }, few)

/** One that takes its time and looks at all it is given. */
const slow: OptimizerPlugin = {
  name: 'slow',
  adaptive: true,
  create: () => async (question: Question) => {
    await Promise.resolve()
    const ended = question.history.filter(({ state }) => state === 'done').length
    for (let draw = 0; draw < ended; draw++) question.random.uniform()
    return sample(question.space, question.random)
  },
}
optimizerContract('slow', start([slow]), { describe, it }, few)

const space: SearchSpace = { x: { type: 'integer', low: 0, high: 100 } }
const wait = { timeoutMs: 1000 }

/** An optimizer of one function, and a driver's side to talk to it. */
function serve(
  suggestion: (question: Question) => unknown,
  limits?: { sessions: number; trials: number; bytes: number },
) {
  const network = createMemoryNetwork()
  const plugin: OptimizerPlugin = {
    name: 'mine',
    adaptive: true,
    create: () => async (question) => (await suggestion(question)) as Hparams,
  }
  const service = startOptimizer(network.connect(), [plugin], { id: 'o1', ...(limits === undefined ? {} : { limits }) })
  const bus = network.connect()
  const at = { optimizer: 'mine', instance: 'o1' }
  return {
    service,
    open: (experiment: string, history: Observation[] = []) =>
      ask(
        bus,
        open,
        { optimizer: 'mine' },
        {
          experiment,
          space,
          objectives: [{ metric: 'v', direction: 'minimize' }],
          seed: 1,
          options: {},
          trials: 9,
          history,
        },
        wait,
      ),
    suggest: (experiment: string, trial: number, count = 1) =>
      ask(bus, suggest, at, { experiment, trial, count }, wait),
    observe: (experiment: string, observations: Observation[]) =>
      ask(bus, observe, at, { experiment, observations, closed: false }, wait),
  }
}

const observation = (trial: number, x: number, state: Observation['state'] = 'done'): Observation => ({
  trial,
  hparams: { x },
  state,
  metrics: { v: x },
  step: null,
})

describe('the optimizer', () => {
  it('shows a sampler its own suggestions as pending until they are observed, by trial number', async () => {
    const seen: string[] = []
    const mine = serve(({ history, trial }) => {
      seen.push(history.map((each) => `${each.trial}${each.state}`).join())
      return { x: trial }
    })
    await mine.open('e1', [observation(2, 7), observation(0, 5)])
    await mine.suggest('e1', 3, 2)
    await mine.observe('e1', [observation(3, 3), observation(1, 9, 'failed')])
    await mine.suggest('e1', 5)
    expect(seen).toEqual(['0done,2done', '0done,2done,3pending', '0done,1failed,2done,3done,4pending'])
  })

  it('answers what was exhausted midway with those that there were', async () => {
    const mine = serve(({ trial }) => (trial < 2 ? { x: trial } : 'exhausted'))
    await mine.open('e1')
    expect(await mine.suggest('e1', 0, 5)).toEqual({ hparams: [{ x: 0 }, { x: 1 }], exhausted: true })
  })

  it('answers two questions at once one after the other, so that the second counts the first as pending', async () => {
    const mine = serve(async ({ history }) => {
      await Promise.resolve()
      return { x: history.length }
    })
    await mine.open('e1')
    const answers = await Promise.all([mine.suggest('e1', 0), mine.suggest('e1', 1), mine.suggest('e1', 1)])
    expect(answers.map(({ hparams }) => hparams[0])).toEqual([{ x: 0 }, { x: 1 }, { x: 1 }])
  })

  it('gives a sampler that waits a history that does not change under it', async () => {
    let release = () => {}
    let entered = () => {}
    const inside = new Promise<void>((resolve) => (entered = resolve))
    const gate = new Promise<void>((resolve) => (release = resolve))
    const mine = serve(async ({ history }) => {
      entered()
      await gate
      return { x: history.length }
    })
    await mine.open('e1')
    const answer = mine.suggest('e1', 5)
    await inside
    await mine.observe('e1', [observation(0, 1), observation(1, 1)])
    release()
    expect((await answer).hparams).toEqual([{ x: 0 }])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('out of ideas')
      },
      'it threw out of ideas',
    ],
    ['rejects', () => Promise.reject(new TypeError('no')), 'it threw no'],
    ['leaves the space', () => ({ x: 101 }), 'hparams.x is 101, outside of 0 to 100'],
    ['forgets a parameter', () => ({}), 'hparams.x is missing'],
    ['returns nothing', () => undefined, 'hparams is not a map of values by name'],
  ])('answers OPTIMIZER_MISBEHAVED when a sampler %s, and goes on', async (_, suggestion, reason) => {
    let misbehaves = true
    const mine = serve(() => (misbehaves ? suggestion() : { x: 1 }))
    await mine.open('e1')
    const message = `the optimizer mine gave a wrong answer: ${reason}`
    await expect(mine.suggest('e1', 0)).rejects.toMatchObject({ code: 'OPTIMIZER_MISBEHAVED', message })
    misbehaves = false
    expect((await mine.suggest('e1', 0)).hparams).toEqual([{ x: 1 }])
  })

  it('answers OPTIMIZER_UNFIT when a sampler cannot take the space', async () => {
    const network = createMemoryNetwork()
    startOptimizer(network.connect(), [...builtinSamplers.values()], { id: 'o1' })
    const endless: SearchSpace = { lr: { type: 'double', low: 0, high: 1 } }
    const asked = ask(
      network.connect(),
      open,
      { optimizer: 'grid' },
      {
        experiment: 'e1',
        space: endless,
        objectives: [{ metric: 'v', direction: 'minimize' }],
        seed: 1,
        options: {},
        trials: 9,
        history: [],
      },
      wait,
    )
    await expect(asked).rejects.toMatchObject({ code: 'OPTIMIZER_UNFIT' })
  })

  it('forgets the experiment that was not used for longest when there are too many', async () => {
    const mine = serve(() => ({ x: 1 }), { sessions: 2, trials: 100, bytes: 1e6 })
    await mine.open('e1')
    await mine.open('e2')
    await mine.suggest('e1', 0)
    await mine.open('e3')
    expect(mine.service.sessions).toBe(2)
    await expect(mine.suggest('e2', 0)).rejects.toMatchObject({ code: 'EXPERIMENT_UNKNOWN' })
    expect((await mine.suggest('e1', 0)).hparams).toEqual([{ x: 1 }])
  })

  it('forgets others when their histories grow too long together, never the one in use', async () => {
    const mine = serve(() => ({ x: 1 }), { sessions: 9, trials: 3, bytes: 1e6 })
    await mine.open('e1', [observation(0, 1), observation(1, 1)])
    await mine.open('e2')
    await mine.observe(
      'e2',
      [0, 1, 2, 3, 4].map((trial) => observation(trial, 1)),
    )
    expect(mine.service.sessions).toBe(1)
    expect((await mine.suggest('e2', 5)).hparams).toEqual([{ x: 1 }])
  })

  it('forgets others when what was told of them takes too many bytes, and counts what is forgotten no more', async () => {
    const mine = serve(() => ({ x: 1 }), { sessions: 9, trials: 1000, bytes: 10_000 })
    const long = (trial: number) => ({ ...observation(trial, 1), metrics: { ['m'.repeat(120)]: 1, v: 1 } })
    const some = (count: number) => Array.from({ length: count }, (_, trial) => long(trial))
    await mine.open('e1', some(30))
    await mine.open('e2', some(10))
    expect(mine.service.sessions).toBe(2)
    await mine.observe('e2', some(30))
    expect(mine.service.sessions).toBe(1)
    await expect(mine.suggest('e1', 40)).rejects.toMatchObject({ code: 'EXPERIMENT_UNKNOWN' })
    expect((await mine.suggest('e2', 40)).hparams).toEqual([{ x: 1 }])
    await mine.open('e2', [])
    await mine.open('e3', some(30))
    expect(mine.service.sessions).toBe(2)
  })

  it('says that it is busy rather than let questions pile up', async () => {
    let release = () => {}
    const gate = new Promise<void>((resolve) => (release = resolve))
    const mine = serve(() => gate.then(() => ({ x: 1 })))
    await mine.open('e1')
    const asked = Array.from({ length: 257 }, (_, trial) => mine.suggest('e1', trial))
    await expect(asked.at(-1)).rejects.toMatchObject({ code: 'OPTIMIZER_BUSY', problem: { retryable: true } })
    release()
    expect(await Promise.all(asked.slice(0, -1))).toHaveLength(256)
  })

  it('answers what it was asked before it leaves, and then nobody answers', async () => {
    let release = () => {}
    let entered = () => {}
    const inside = new Promise<void>((resolve) => (entered = resolve))
    const gate = new Promise<void>((resolve) => (release = resolve))
    const mine = serve(async () => {
      entered()
      await gate
      return { x: 1 }
    })
    await mine.open('e1')
    const asked = mine.suggest('e1', 0)
    await inside
    const drained = mine.service.drain()
    release()
    expect((await asked).hparams).toEqual([{ x: 1 }])
    await drained
    await expect(mine.suggest('e1', 1)).rejects.toMatchObject({ code: 'BUS_NO_RESPONDERS' })
  })

  it('shares the opening of experiments among processes, each answering for those that it opened', async () => {
    const network = createMemoryNetwork()
    for (const id of ['o1', 'o2']) startOptimizer(network.connect(), [...builtinSamplers.values()], { id })
    const bus = network.connect()
    const question = {
      space,
      objectives: [{ metric: 'v', direction: 'minimize' as const }],
      seed: 1,
      options: {},
      trials: 9,
      history: [],
    }
    const answers = []
    for (let number = 0; number < 20; number++) {
      const experiment = `e${number}`
      const { instance } = await ask(bus, open, { optimizer: 'random' }, { experiment, ...question }, wait)
      answers.push(await ask(bus, suggest, { optimizer: 'random', instance }, { experiment, trial: 0, count: 1 }, wait))
    }
    // One seed, one answer, whoever gave it.
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
  })
})
