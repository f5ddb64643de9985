import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { initialTransition, transition } from 'xstate'
import type { Change } from '../../protocol/index.ts'
import { experimentMachine, type ExperimentEvent } from '../../src/history/experiment.machine.ts'
import { handledEvents, mermaid, statesOf } from '../support/mermaid.ts'

const at = 1
const opened: ExperimentEvent = { type: 'optimizer.opened', at, instance: 'o1', adaptive: true }
const gone: ExperimentEvent = { type: 'optimizer.lost' }
const changed = (change: Change): ExperimentEvent => ({ type: 'experiment.changed', at, id: 'c', change })
const swapped = changed({ optimizer: { name: 'tpe', options: {} } })
const asked = (target: number): ExperimentEvent => ({ type: 'asked', target, maxFailed: null })
const paused: ExperimentEvent = { type: 'experiment.paused', at }
const halted: ExperimentEvent = { type: 'experiment.paused', at, now: true }
const exhausted: ExperimentEvent = { type: 'optimizer.exhausted', at }
const suggested: ExperimentEvent = { type: 'trial.suggested', at, trial: 0, hparams: {}, seed: 1 }
const settled = (state: 'done' | 'pruned' | 'failed' | 'cancelled'): ExperimentEvent => ({
  type: 'trial.settled',
  state,
})
const finish: ExperimentEvent = { type: 'experiment.stopping', at, mode: 'finish' }
const cancel: ExperimentEvent = { type: 'experiment.stopping', at, mode: 'cancel' }
const concludes: ExperimentEvent = { type: 'experiment.stopping', at, mode: 'cancel', reason: 'target' }
const failing: ExperimentEvent = {
  type: 'experiment.failing',
  at,
  problem: { code: 'OPTIMIZER_UNFIT', message: 'cannot take this' },
}
const ended = (state: 'done' | 'stopped' | 'failed'): ExperimentEvent => ({
  type: 'experiment.ended',
  at,
  state,
  best: null,
})
const resumed: ExperimentEvent = { type: 'experiment.resumed', at }
const reopened: ExperimentEvent = { type: 'trial.reopened' }

const visited = new Set<string>()
const taken = new Set<string>()

function play(input: { target: number; maxFailed?: number }, ...events: ExperimentEvent[]) {
  let [snapshot, actions] = initialTransition(experimentMachine, { maxFailed: null, ...input })
  const effects = [actions.map(({ type }) => type)]
  visited.add(snapshot.value)
  for (const event of events) {
    taken.add(`${snapshot.value} on ${event.type}`)
    ;[snapshot, actions] = transition(experimentMachine, snapshot, event)
    visited.add(snapshot.value)
    effects.push(actions.map(({ type }) => type))
  }
  return { state: snapshot.value, context: snapshot.context, effects, last: effects.at(-1) }
}

describe('an experiment', () => {
  it('opens its optimizer, searches, finishes, and ends done when the last trial settles (I2)', () => {
    const two = [opened, suggested, suggested]
    expect(play({ target: 2 }).effects[0]).toEqual(['openOptimizer'])
    expect(play({ target: 2 }, opened).state).toBe('searching')
    expect(play({ target: 2 }, ...two).state).toBe('finishing')
    expect(play({ target: 2 }, ...two).last).toEqual(['closeOptimizer'])
    expect(play({ target: 2 }, ...two, settled('done')).state).toBe('finishing')
    const last = play({ target: 2 }, ...two, settled('done'), settled('failed'))
    expect([last.state, last.last]).toEqual(['endingDone', ['endDone']])
    expect(play({ target: 2 }, ...two, settled('done'), settled('failed'), ended('done')).state).toBe('done')
  })

  it('finishes early when the optimizer has nothing more to suggest', () => {
    expect(play({ target: 9 }, opened, suggested, exhausted).state).toBe('finishing')
    expect(play({ target: 9 }, opened, suggested, exhausted, settled('pruned')).state).toBe('endingDone')
    expect(play({ target: 9 }, opened, suggested, gone, exhausted).state).toBe('finishing')
  })

  it('opens the other optimizer when it was swapped, at once or while it is still opening', () => {
    const searching = play({ target: 3 }, opened, suggested, swapped)
    expect([searching.state, searching.last]).toEqual(['opening', ['openOptimizer']])
    const opening = play({ target: 3 }, swapped)
    expect([opening.state, opening.last]).toEqual(['opening', ['openOptimizer']])
    expect(play({ target: 1 }, opened, suggested, swapped).state).toBe('finishing')
  })

  it('opens the optimizer again when it is gone, with trials still running', () => {
    const lost = play({ target: 3 }, opened, suggested, gone)
    expect([lost.state, lost.last]).toEqual(['opening', ['openOptimizer']])
    expect(play({ target: 3 }, opened, suggested, gone, settled('done'), opened).state).toBe('searching')
  })

  it('goes on whatever fails, unless it was told when to give up (I3)', () => {
    const failures = [suggested, settled('failed'), suggested, settled('failed')]
    expect(play({ target: 9 }, opened, ...failures).state).toBe('searching')
    const given = play({ target: 9, maxFailed: 2 }, opened, ...failures)
    expect([given.state, given.last]).toEqual(['givingUp', ['giveUp']])
    expect(play({ target: 9, maxFailed: 2 }, opened, ...failures, failing).state).toBe('endingFailed')
    expect(play({ target: 2, maxFailed: 1 }, opened, suggested, suggested, settled('failed')).state).toBe('givingUp')
    expect(play({ target: 3, maxFailed: 1 }, opened, suggested, gone, settled('failed')).state).toBe('givingUp')
    // What an ablation cannot leave out is nobody's failure.
    const refused: ExperimentEvent = { type: 'trial.settled', state: 'failed', refused: true }
    expect(play({ target: 9, maxFailed: 1 }, opened, suggested, refused).state).toBe('searching')
  })

  it('fails with the reason when its optimizer refuses it, and cancels what runs', () => {
    const refused = play({ target: 3 }, failing)
    expect([refused.state, refused.context.problem?.code]).toEqual(['endingFailed', 'OPTIMIZER_UNFIT'])
    const running = play({ target: 3 }, opened, suggested, failing)
    expect([running.state, running.last]).toEqual(['failing', ['closeOptimizer', 'cancelTrials']])
    expect(play({ target: 3 }, opened, suggested, failing, settled('cancelled')).state).toBe('endingFailed')
    expect(play({ target: 1 }, opened, suggested, failing, settled('cancelled'), ended('failed')).state).toBe('failed')
  })

  it('stops when told: what runs may end (finish), or is cancelled now (cancel)', () => {
    for (const before of [[], [opened], [opened, suggested, exhausted]]) {
      const stop = play({ target: 2 }, ...before, finish)
      const now = play({ target: 2 }, ...before, cancel)
      const open = before.length > 1
      expect([stop.state, now.state]).toEqual(open ? ['stopping', 'cancelling'] : ['endingStopped', 'endingStopped'])
    }
    expect(play({ target: 2 }, opened, suggested, finish).last).toEqual([
      'closeOptimizer',
      'cancelQueued',
      'handBackWaiting',
    ])
    expect(play({ target: 2 }, opened, suggested, finish, cancel).state).toBe('cancelling')
    expect(play({ target: 2 }, opened, suggested, finish, settled('done')).state).toBe('endingStopped')
    const over = play({ target: 2 }, opened, suggested, cancel, settled('cancelled'), ended('stopped'))
    expect([over.state, over.context.open]).toEqual(['stopped', 0])
  })

  it('ends done when a stop rule is met, and cancels what is under way (I4)', () => {
    for (const before of [[opened], [opened, suggested], [opened, suggested, gone], [opened, suggested, exhausted]]) {
      const over = play({ target: 2 }, ...before, concludes)
      expect(over.state).toBe(before.length > 1 ? 'concluding' : 'endingDone')
    }
    const over = play({ target: 9 }, opened, suggested, concludes)
    expect(over.last).toEqual(['closeOptimizer', 'cancelTrials'])
    expect(play({ target: 9 }, opened, suggested, concludes, settled('cancelled'), ended('done')).state).toBe('done')
  })

  it('takes up where it was when it is resumed, with the cancelled trials open again', () => {
    const stopped = [opened, suggested, cancel, settled('cancelled'), ended('stopped')]
    const again = play({ target: 2 }, ...stopped, reopened, resumed)
    expect([again.state, again.context.open, again.last]).toEqual(['opening', 1, ['openOptimizer']])
    const all = [opened, suggested, suggested, cancel, settled('cancelled'), settled('done'), ended('stopped')]
    expect(play({ target: 2 }, ...all, reopened, resumed).state).toBe('finishing')
    const failed = [opened, suggested, settled('failed'), failing, ended('failed')]
    expect(play({ target: 2, maxFailed: 1 }, ...failed, resumed).state).toBe('opening')
  })

  it('hands nothing out while it is paused, and goes on where it was (I5)', () => {
    for (const [pause, state] of [
      [paused, 'paused'],
      [halted, 'halted'],
    ] as const) {
      for (const before of [[], [opened], [opened, suggested, exhausted]]) {
        expect(play({ target: 2 }, ...before, pause).state).toBe(state)
        expect(play({ target: 2 }, ...before, pause, resumed).state).toBe('opening')
        expect(play({ target: 2 }, ...before, pause, failing).state).toBe(
          before.length > 1 ? 'failing' : 'endingFailed',
        )
        expect(play({ target: 2 }, ...before, pause, cancel).state).toBe(
          before.length > 1 ? 'cancelling' : 'endingStopped',
        )
      }
      const running = [opened, suggested, suggested]
      expect(play({ target: 3 }, ...running, pause, settled('done'), settled('done')).state).toBe(state)
      expect(play({ target: 2 }, ...running, pause, settled('done'), settled('done')).state).toBe('endingDone')
      const twice = [suggested, settled('failed'), suggested]
      expect(play({ target: 9, maxFailed: 2 }, opened, ...twice, pause, settled('failed')).state).toBe('givingUp')
    }
    expect(play({ target: 2 }, opened, paused).last).toEqual(['closeOptimizer', 'handBackWaiting'])
    expect(play({ target: 2 }, opened, paused, halted).last).toEqual(['closeOptimizer', 'handBackAll'])
  })

  it('opens its optimizer anew when it was changed, and goes on with more than was asked (I6)', () => {
    const done = [opened, suggested, settled('done'), ended('done')]
    expect(play({ target: 1 }, ...done, resumed).state).toBe('done')
    expect(play({ target: 1 }, ...done, asked(2), changed({ trials: 2 }), resumed).state).toBe('opening')
    expect(play({ target: 1 }, ...done, reopened, resumed).state).toBe('finishing')
    expect(play({ target: 1 }, opened, suggested, asked(2), changed({ trials: 2 })).state).toBe('opening')
    expect(play({ target: 1 }, opened, suggested, changed({ failed: true })).state).toBe('finishing')
    expect(play({ target: 2 }, opened, changed({ pruner: null })).state).toBe('searching')
    expect(play({ target: 3 }, opened, suggested, asked(1), changed({ trials: 1 })).state).toBe('finishing')
  })

  it('has ended when its log says so, whatever it still waited for, and once', () => {
    for (const state of ['done', 'stopped', 'failed'] as const) {
      expect(play({ target: 3 }, opened, suggested, ended(state)).state).toBe(state)
      for (const next of ['done', 'stopped', 'failed'] as const) {
        expect(play({ target: 3 }, opened, ended(state), ended(next)).state).toBe(state)
      }
    }
  })

  it('never suggests more than was asked, and ends only when all has settled (I1, I2)', () => {
    const event = fc.constantFrom<ExperimentEvent>(
      opened,
      gone,
      suggested,
      settled('done'),
      settled('failed'),
      finish,
      cancel,
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(event, { maxLength: 40 }), (target, events) => {
        let [snapshot] = initialTransition(experimentMachine, { target, maxFailed: null })
        for (const next of events) {
          // The driver suggests only while searching, and only open trials settle.
          if (next.type === 'trial.suggested' && snapshot.value !== 'searching') continue
          if (next.type === 'trial.settled' && snapshot.context.open === 0) continue
          ;[snapshot] = transition(experimentMachine, snapshot, next)
          expect(snapshot.context.suggested).toBeLessThanOrEqual(target)
          if (snapshot.value.startsWith('ending')) expect(snapshot.context.open).toBe(0)
        }
      }),
    )
  })

  it('has no state and no handled event that these tests do not reach', () => {
    expect(play({ target: 1 }, opened, suggested, failing).state).toBe('failing')
    expect(play({ target: 1 }, opened, suggested, cancel).state).toBe('cancelling')
    expect([...visited].sort()).toEqual(statesOf(experimentMachine).sort())
    expect(handledEvents(experimentMachine).filter((pair) => !taken.has(pair))).toEqual([])
  })

  it('is drawn', async () => {
    await expect(mermaid(experimentMachine)).toMatchFileSnapshot('drawings/experiment.mmd')
  })
})
