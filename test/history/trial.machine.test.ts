import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { initialTransition, transition } from 'xstate'
import { trialMachine, type TrialEvent, type TrialInput } from '../../src/history/trial.machine.ts'
import { handledEvents, mermaid, statesOf } from '../support/mermaid.ts'

const at = 1
const input = { trial: 0, hparams: { lr: 0.1 }, maxAttempts: 3 }
const assigned = (attempt: number, worker = 'w1'): TrialEvent => ({
  type: 'trial.assigned',
  at,
  trial: 0,
  attempt,
  worker,
  slot: 0,
})
const started = (attempt: number): TrialEvent => ({ type: 'trial.started', attempt, at })
const stopping = (attempt: number): TrialEvent => ({
  type: 'trial.stopping',
  at,
  trial: 0,
  attempt,
  reason: 'pruned',
  step: 3,
})
const lost = (attempt: number, worker = 'w1'): TrialEvent => ({
  type: 'trial.lost',
  at,
  trial: 0,
  attempt,
  worker,
  reason: 'gone',
})
type Outcome = Extract<TrialEvent, { type: 'trial.ended' }>['outcome']
const ended = (attempt: number, outcome: Outcome, worker = 'w1'): TrialEvent => ({
  type: 'trial.ended',
  at,
  trial: 0,
  attempt,
  worker,
  outcome,
  startedAt: 1,
  endedAt: 2,
  points: 0,
})
const ok: Outcome = { kind: 'done', metrics: { accuracy: 0.9 } }
const fault = { code: 'TRAIN_FAILED', message: 'train threw x' }
const failed: Outcome = { kind: 'failed', problem: fault }
const crashed: Outcome = { kind: 'crashed', problem: { code: 'RUNNER_CRASHED', message: 'the runner died' } }
const pruned: Outcome = { kind: 'stopped', reason: 'pruned', metrics: { accuracy: 0.4 } }
const cancelled: Outcome = { kind: 'stopped', reason: 'cancelled', metrics: {} }
const superseded: Outcome = { kind: 'stopped', reason: 'superseded', metrics: {} }
const returned: Outcome = { kind: 'returned', reason: 'drain' }
const cancel: TrialEvent = { type: 'trial.cancelled' }
const resumed: TrialEvent = { type: 'experiment.resumed' }

const visited = new Set<string>()
const taken = new Set<string>()

function play(...events: TrialEvent[]) {
  return playFrom(input, events)
}

function playFrom(from: TrialInput, events: readonly TrialEvent[]) {
  let [snapshot] = initialTransition(trialMachine, from)
  visited.add(snapshot.value)
  for (const event of events) {
    taken.add(`${snapshot.value} on ${event.type}`)
    ;[snapshot] = transition(trialMachine, snapshot, event)
    visited.add(snapshot.value)
  }
  return snapshot
}

describe('a trial', () => {
  it('goes from queued over assigned and running to done, and keeps its metrics', () => {
    const trial = play(assigned(1), started(1), ended(1, ok))
    expect(trial.value).toBe('done')
    expect(trial.context).toMatchObject({ attempt: 1, spent: 0, metrics: { accuracy: 0.9 }, worker: 'w1' })
  })

  it('is pruned by way of stopping, and keeps the last metrics it reported', () => {
    expect(play(assigned(1), started(1), stopping(1)).value).toBe('stopping')
    const trial = play(assigned(1), started(1), stopping(1), ended(1, pruned))
    expect([trial.value, trial.context.metrics]).toEqual(['pruned', { accuracy: 0.4 }])
    expect(play(assigned(1), stopping(1), ended(1, pruned)).value).toBe('pruned')
  })

  it('that was told to stop, and returned first, is done', () => {
    expect(play(assigned(1), started(1), stopping(1), ended(1, ok)).value).toBe('done')
  })

  it('is tried again when train throws, where its context says so: so often, and apart from what is lost (I5)', () => {
    const from = { ...input, throwsAtMost: 2 }
    const once = playFrom(from, [assigned(1, 'w7'), ended(1, failed, 'w7')])
    expect([once.value, once.context.threwOn, once.context.spent, once.context.problem]).toEqual([
      'queued',
      'w7',
      0,
      fault,
    ])
    const twice = [assigned(1), ended(1, failed), assigned(2), ended(2, crashed), assigned(3), ended(3, failed)]
    expect(playFrom(from, twice)).toMatchObject({ value: 'queued', context: { thrown: 2, spent: 1 } })
    expect(playFrom(from, [...twice, assigned(4), ended(4, failed)])).toMatchObject({
      value: 'failed',
      context: { problem: fault },
    })
    expect(playFrom(from, [...twice, assigned(4), ended(4, ok)]).value).toBe('done')
    const late: Outcome = { kind: 'failed', problem: { code: 'TRIAL_TIMEOUT', message: 'took too long' } }
    expect(playFrom(from, [assigned(1), ended(1, late)]).value).toBe('failed')
    expect(playFrom({ ...from, shared: true }, [assigned(1), ended(1, failed)]).value).toBe('failed')
    // What ended already is not counted twice.
    expect(playFrom(from, [assigned(1), ended(1, failed), ended(1, failed)]).context.thrown).toBe(1)
  })

  it('that has failed is open again when a user says so, with all its attempts (I6)', () => {
    const anew: TrialEvent = { type: 'experiment.changed', at, id: 'c', change: { failed: true } }
    const trial = play(assigned(1), ended(1, failed), anew)
    expect([trial.value, trial.context.problem, trial.context.attempt]).toEqual(['queued', null, 1])
    expect(play(assigned(1), ended(1, failed), anew, assigned(2), ended(2, ok)).value).toBe('done')
    expect(play(assigned(1), ended(1, ok), anew).value).toBe('done')
    const other: TrialEvent = { type: 'experiment.changed', at, id: 'c', change: { trials: 3 } }
    expect(play(assigned(1), ended(1, failed), other).value).toBe('failed')
    const impossible: Outcome = { kind: 'failed', problem: { code: 'SURGERY_REFUSED', message: 'cannot go' } }
    expect(play(assigned(1), ended(1, impossible), anew).value).toBe('failed')
  })

  it('is dropped while it waits when another repeat of its configuration was pruned', () => {
    expect(play({ type: 'trial.dropped' }).value).toBe('pruned')
    expect(play(assigned(1), { type: 'trial.dropped' }).value).toBe('assigned')
  })

  it('fails at once when train throws, for it would throw again', () => {
    const trial = play(assigned(1), started(1), ended(1, failed))
    expect([trial.value, trial.context.problem]).toEqual(['failed', fault])
  })

  it('is tried again after a crash or a loss, and fails when its attempts are used up (I2)', () => {
    expect(play(assigned(1), ended(1, crashed)).value).toBe('queued')
    expect(play(assigned(1), started(1), lost(1)).value).toBe('queued')
    expect(play(assigned(1), stopping(1), lost(1), lost(1)).value).toBe('queued')
    const trial = play(assigned(1), lost(1), assigned(2), ended(2, crashed), assigned(3), started(3), lost(3))
    expect([trial.value, trial.context.problem?.code]).toEqual(['failed', 'ATTEMPTS_EXHAUSTED'])
  })

  it('that is handed back unbegun costs no attempt (I2)', () => {
    const rounds = Array.from({ length: 10 }, (_, n) => [assigned(n + 1), ended(n + 1, returned)]).flat()
    const trial = play(...rounds)
    expect([trial.value, trial.context.spent]).toEqual(['queued', 0])
  })

  it('takes the late result of an attempt that was given up, and nothing after it (I1)', () => {
    const late = play(assigned(1), started(1), lost(1), assigned(2, 'w2'), started(2), ended(1, ok))
    expect(late.value).toBe('done')
    expect(play(assigned(1), lost(1), ended(1, ok)).value).toBe('done')
    expect(play(assigned(1), ended(1, ok), ended(2, failed), lost(1), assigned(2)).value).toBe('done')
  })

  it('does not mind the late failure of an attempt that was given up', () => {
    const events = [assigned(1), lost(1), assigned(2, 'w2'), started(2)]
    expect(play(...events, ended(1, failed)).value).toBe('running')
    expect(play(...events, ended(1, crashed)).value).toBe('running')
    expect(play(...events, lost(1)).value).toBe('running')
    expect(play(...events, ended(1, superseded)).value).toBe('running')
    expect(play(...events, started(1), stopping(1)).value).toBe('running')
  })

  it('is cancelled from wherever it is, and open again when the experiment is resumed (I3)', () => {
    expect(play(cancel).value).toBe('cancelled')
    expect(play(assigned(1), cancel).value).toBe('cancelled')
    expect(play(assigned(1), started(1), cancel).value).toBe('cancelled')
    expect(play(assigned(1), stopping(1), cancel).value).toBe('cancelled')
    expect(play(assigned(1), started(1), ended(1, cancelled)).value).toBe('cancelled')
    expect(play(assigned(1), ended(1, cancelled), cancel).value).toBe('cancelled')
    const cold = [assigned(1), started(1), ended(1, cancelled)]
    expect(play(...cold, ended(1, ok)).value).toBe('cancelled')
    expect(play(...cold, lost(1)).value).toBe('cancelled')
    expect(play(...cold, resumed).value).toBe('queued')
    expect(play(...cold, resumed, assigned(2), ended(2, ok)).value).toBe('done')
  })

  it('that failed is open again with fresh attempts if it is all that its experiment is (I3)', () => {
    const tired = [assigned(1), lost(1), assigned(2), lost(2), assigned(3), lost(3)]
    expect(play(...tired, resumed).value).toBe('failed')
    const again = playFrom({ ...input, sole: true }, [...tired, resumed])
    expect([again.value, again.context.problem]).toEqual(['queued', null])
    expect(playFrom({ ...input, sole: true }, [...tired, resumed, assigned(4), lost(4)]).value).toBe('queued')
  })

  describe('that several workers train together (I4)', () => {
    const shared = (...events: TrialEvent[]) => playFrom({ ...input, shared: true }, events)
    const three = [assigned(1), assigned(2, 'w2'), started(1), assigned(3, 'w3')]
    const left = (...events: TrialEvent[]) => shared(...events).context.parts.map(({ attempt }) => attempt)

    it('has an attempt with each, and whoever comes later has one too', () => {
      expect(left(...three)).toEqual([1, 2, 3])
      expect(shared(...three).value).toBe('running')
    })

    it('goes on, at no cost, as long as one is left', () => {
      const two = [...three, lost(1), ended(3, crashed, 'w3')]
      expect(shared(...two)).toMatchObject({ value: 'running', context: { spent: 0, worker: 'w2' } })
      expect(left(...two)).toEqual([2])
      expect(left(...three, ended(2, returned, 'w2'), lost(2))).toEqual([1, 3])
      expect(left(...three, stopping(2), lost(1), ended(2, crashed))).toEqual([3])
    })

    it('has failed once its parts crash one after the other, as often as each has tries, and nothing is saved in between', () => {
      const crashes = (from: number, to: number): TrialEvent[] =>
        Array.from({ length: to - from }, (_, index) => [
          ended(from + index, crashed, `w${(from + index) % 2}`),
          assigned(from + index + 2, `w${(from + index) % 2}`),
        ]).flat()
      const two = [assigned(1), assigned(2, 'w0'), started(1)]
      const saved: TrialEvent = {
        type: 'trial.saved',
        at: 1,
        trial: 0,
        attempt: 1,
        worker: 'w1',
        ring: true,
        sha256: 'a'.repeat(64),
        bytes: 1,
      }
      expect(shared(...two, ...crashes(1, 6))).toMatchObject({ value: 'running', context: { crashes: 5 } })
      const last = shared(...two, ...crashes(1, 7))
      expect(last).toMatchObject({ value: 'failed', context: { problem: { code: 'ATTEMPTS_EXHAUSTED' } } })
      expect(last.context.problem?.message).toContain('the runner died')
      expect(shared(...two, ...crashes(1, 6), saved, ...crashes(6, 11)).value).toBe('running')
      // Whoever reads the log is not told that it has begun.
      expect(shared(...two.slice(0, 2), ...crashes(1, 6), saved).context.crashes).toBe(0)
      expect(shared(...two, ...crashes(1, 6), lost(6), lost(7)).context.spent).toBe(1)
    })

    it('is tried again once all are lost, and that costs one attempt', () => {
      const none = [...three, lost(1), lost(2), lost(3)]
      expect(shared(...none)).toMatchObject({ value: 'queued', context: { spent: 1, parts: [] } })
      expect(shared(...none, lost(3)).context.spent).toBe(1)
      expect(shared(...none, assigned(4)).context.parts).toHaveLength(1)
    })

    it('is done with the first result, and failed with the first failure', () => {
      expect(shared(...three, ended(2, ok, 'w2')).value).toBe('done')
      expect(shared(...three, ended(2, failed, 'w2')).value).toBe('failed')
      expect(shared(...three, lost(2), ended(2, failed, 'w2')).value).toBe('running')
    })
  })

  it('of one worker is not assigned twice', () => {
    expect(play(assigned(1), assigned(2)).context.attempt).toBe(1)
    expect(play(assigned(1), started(1), assigned(2)).context.attempt).toBe(1)
  })

  it('ends in one final state and never leaves it, whatever comes (I1)', () => {
    const attempt = fc.integer({ min: 1, max: 4 })
    const outcome = fc.constantFrom(ok, failed, crashed, pruned, superseded, returned)
    const event = fc.oneof(
      attempt.map((n) => assigned(n)),
      attempt.map(started),
      attempt.map(stopping),
      attempt.map((n) => lost(n)),
      fc.tuple(attempt, outcome).map(([n, how]) => ended(n, how)),
    )
    const final = new Set(['done', 'pruned', 'failed'])
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        let [snapshot] = initialTransition(trialMachine, input)
        let end: string | null = null
        for (const next of events) {
          ;[snapshot] = transition(trialMachine, snapshot, next)
          if (end !== null) expect(snapshot.value).toBe(end)
          else if (final.has(snapshot.value)) end = snapshot.value
          expect(snapshot.context.spent).toBeLessThan(3)
        }
      }),
    )
  })

  it('has no state and no handled event that these tests do not reach', () => {
    expect([...visited].sort()).toEqual(statesOf(trialMachine).sort())
    expect(handledEvents(trialMachine).filter((pair) => !taken.has(pair))).toEqual([])
  })

  it('is drawn', async () => {
    await expect(mermaid(trialMachine)).toMatchFileSnapshot('drawings/trial.mmd')
  })
})
