import { describe, expect, it } from 'vitest'
import type { AttemptOutcome } from '../../protocol/index.ts'
import { verdict, type AttemptEnd } from '../../src/history/verdict.ts'

const policy = { maxAttempts: 3 }
const crash = { code: 'RUNNER_CRASHED', message: 'the runner process ended (SIGKILL) while it ran the trial' }
const ended = (outcome: AttemptOutcome): AttemptEnd => ({
  type: 'trial.ended',
  at: 2,
  trial: 0,
  attempt: 1,
  worker: 'w1',
  outcome,
  startedAt: 1,
  endedAt: 2,
  points: 0,
})
const lost: AttemptEnd = { type: 'trial.lost', at: 2, trial: 0, attempt: 1, worker: 'w1', reason: 'no beat' }

describe('verdict', () => {
  it('ends a trial with the numbers that train returned', () => {
    expect(verdict(ended({ kind: 'done', metrics: { accuracy: 0.9 } }), 0, policy)).toEqual({
      kind: 'final',
      state: 'done',
      metrics: { accuracy: 0.9 },
    })
  })

  it.each(['pruned', 'cancelled'] as const)('takes a stop that is %s as the final state of the same name', (reason) => {
    expect(verdict(ended({ kind: 'stopped', reason, metrics: { a: 1 } }), 0, policy)).toEqual({
      kind: 'final',
      state: reason,
      metrics: { a: 1 },
    })
  })

  it('draws nothing from an attempt whose place was taken by another', () => {
    expect(verdict(ended({ kind: 'stopped', reason: 'superseded', metrics: {} }), 0, policy)).toEqual({
      kind: 'ignore',
    })
  })

  it('does not try again what train threw, for it would end alike', () => {
    const fault = { code: 'TRAIN_FAILED', message: 'train threw no' }
    expect(verdict(ended({ kind: 'failed', problem: fault }), 0, policy)).toEqual({
      kind: 'final',
      state: 'failed',
      metrics: {},
      problem: fault,
    })
  })

  it('tries again after a crash or a lost worker, until the attempts are used up', () => {
    for (const event of [ended({ kind: 'crashed', problem: crash }), lost]) {
      expect(verdict(event, 0, policy).kind).toBe('retry')
      expect(verdict(event, 1, policy).kind).toBe('retry')
      expect(verdict(event, 2, policy)).toMatchObject({
        kind: 'final',
        state: 'failed',
        problem: { code: 'ATTEMPTS_EXHAUSTED' },
      })
    }
  })

  it('costs nothing to hand an attempt back, however often', () => {
    expect(verdict(ended({ kind: 'returned', reason: 'draining' }), 2, policy)).toEqual({ kind: 'return' })
  })
})
