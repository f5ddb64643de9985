import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMachine, initialTransition, transition } from 'xstate'
import { placeMachine, type PlaceEvent } from '../../actors/driver/fleet/place.machine.ts'
import { experimentMachine } from '../../src/history/experiment.machine.ts'
import { trialMachine } from '../../src/history/trial.machine.ts'
import { flatStepper } from '../../src/machine/index.ts'
import { experimentEvents, trialEvents } from '../history/arbitrary.ts'

describe('a flat stepper', () => {
  it('makes of any events of a trial what xstate makes of them', () => {
    const steps = flatStepper(trialMachine)
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.array(trialEvents, { maxLength: 20 }), (shared, sole, events) => {
        const input = { trial: 0, hparams: {}, maxAttempts: 2, shared, sole }
        let [theirs] = initialTransition(trialMachine, input)
        let ours = steps.initial(input)
        for (const event of events) {
          ;[theirs] = transition(trialMachine, theirs, event)
          ;[ours] = steps.next(ours, event)
          expect(ours).toEqual({ value: theirs.value, context: theirs.context })
        }
      }),
    )
  })

  it('makes of any events of an experiment what xstate makes of them, the effects in their order too', () => {
    const steps = flatStepper(experimentMachine)
    const inputs = fc.record({ target: fc.integer({ min: 0, max: 4 }), maxFailed: fc.constantFrom(null, 1, 2) })
    fc.assert(
      fc.property(inputs, fc.array(experimentEvents, { maxLength: 30 }), (input, events) => {
        let [theirs] = initialTransition(experimentMachine, input)
        let ours = steps.initial(input)
        for (const event of events) {
          const [after, actions] = transition(experimentMachine, theirs, event)
          const [next, effects] = steps.next(ours, event)
          expect(next).toEqual({ value: after.value, context: after.context })
          expect(effects).toEqual(actions.map(({ type }) => type))
          ;[theirs, ours] = [after, next]
        }
      }),
    )
  })

  it('makes of any events of a place what xstate makes of them, the effects too', () => {
    const steps = flatStepper(placeMachine)
    const attempt = fc.record({ experiment: fc.constant('e1'), trial: fc.nat(2), attempt: fc.constant(1) })
    const events = fc.oneof(
      fc.record({ type: fc.constantFrom('place.reserve', 'place.expect'), attempt, at: fc.nat(9) }),
      fc.record({ type: fc.constant('place.disown'), attempt }),
      fc.record({
        type: fc.constant('trial.assign'),
        answered: fc.constantFrom('running', 'next', 'refused', 'silent'),
      }),
      fc.record({ type: fc.constant('worker.status'), attempt: fc.constantFrom('running', 'next', 'kept', 'nowhere') }),
      fc.record({ type: fc.constantFrom('log.kept', 'place.promote', 'place.free', 'worker.gone') }),
    ) as fc.Arbitrary<PlaceEvent>
    fc.assert(
      fc.property(fc.array(events, { maxLength: 20 }), (sequence) => {
        let [theirs] = initialTransition(placeMachine)
        let ours = steps.initial(undefined)
        for (const event of sequence) {
          const [after, actions] = transition(placeMachine, theirs, event)
          const [next, effects] = steps.next(ours, event)
          expect(next).toEqual({ value: after.value, context: after.context })
          expect(effects).toEqual(actions.map(({ type }) => type))
          ;[theirs, ours] = [after, next]
        }
      }),
    )
  })

  it('refuses a machine with states in its states', () => {
    const nested = createMachine({ id: 'deep', initial: 'a', states: { a: { initial: 'b', states: { b: {} } } } })
    expect(() => flatStepper(nested)).toThrow('deep is not flat')
  })
})
