import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createMachine,
  initialTransition,
  transition,
  type AnyStateMachine,
  type EventFromLogic,
  type InputFrom,
} from 'xstate'
import { fleetMachine, type FleetEvent } from '../../actors/driver/fleet/fleet.machine.ts'
import { leaseMachine, type LeaseEvent } from '../../actors/driver/fleet/lease.machine.ts'
import { placeMachine, type PlaceEvent } from '../../actors/driver/fleet/place.machine.ts'
import { experimentMachine } from '../../src/history/experiment.machine.ts'
import { trialMachine } from '../../src/history/trial.machine.ts'
import { flatStepper } from '../../src/machine/index.ts'
import { experimentEvents, trialEvents } from '../history/arbitrary.ts'
import { plainWorker } from '../support/worker-info.ts'

/** It makes of the events what xstate makes of them, the effects in their order too. */
function expectSame<M extends AnyStateMachine>(machine: M, input: InputFrom<M>, events: readonly EventFromLogic<M>[]) {
  const steps = flatStepper(machine)
  let [theirs] = initialTransition<AnyStateMachine>(machine, input)
  let ours = steps.initial(input)
  for (const event of events) {
    const [after, actions] = transition<AnyStateMachine>(machine, theirs, event)
    const [next, effects] = steps.next(ours, event)
    expect(next).toEqual({ value: after.value, context: after.context })
    expect(effects).toEqual(actions.map(({ type }) => type))
    ;[theirs, ours] = [after, next]
  }
}

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
    const inputs = fc.record({ target: fc.integer({ min: 0, max: 4 }), maxFailed: fc.constantFrom(null, 1, 2) })
    fc.assert(
      fc.property(inputs, fc.array(experimentEvents, { maxLength: 30 }), (input, events) => {
        expectSame(experimentMachine, input, events)
      }),
    )
  })

  it('makes of any events of a place what xstate makes of them, the effects too', () => {
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
        expectSame(placeMachine, undefined, sequence)
      }),
    )
  })

  it('makes of any events of a lease what xstate makes of them, the effects too', () => {
    const at = fc.nat(40_000)
    const code = fc.constant('LEASE_UNKNOWN')
    const driver = fc.constantFrom(null, 'd1', 'd2')
    const events = fc.oneof(
      fc.record({ type: fc.constantFrom('lease.ask', 'lease.granted', 'lease.taken', 'lease.release', 'slot.served') }),
      fc.record({ type: fc.constantFrom('release.answered', 'release.unanswered', 'worker.gone') }),
      fc.record({ type: fc.constantFrom('lease.refused', 'slot.failed'), at, code }),
      fc.record({ type: fc.constant('worker.status'), holder: fc.constantFrom('nobody', 'us', 'another'), driver }),
      fc.record({ type: fc.constant('tick'), at }),
    ) as fc.Arbitrary<LeaseEvent>
    fc.assert(
      fc.property(fc.array(events, { maxLength: 20 }), (sequence) => {
        expectSame(leaseMachine, undefined, sequence)
      }),
    )
  })

  it('makes of any events of a worker, as a driver sees it, what xstate makes of them, the effects too', () => {
    const input = { worker: 'w1', suspectAfterMs: 2500, lostAfterMs: 8000, refusalsUntilLost: 3, at: 0 }
    const at = fc.nat(20_000)
    const status = { slots: [], unacknowledged: [], draining: false }
    const events = fc.oneof(
      fc.record({
        type: fc.constant('worker.announce'),
        info: fc.constant(plainWorker),
        status: fc.constant(status),
        at,
      }),
      fc.record({ type: fc.constant('worker.beat'), status: fc.constant(status), at }),
      fc.record({ type: fc.constant('worker.ping'), answered: fc.constantFrom('alive', 'refused', 'silent'), at }),
      fc.record({ type: fc.constantFrom('tick', 'bus.connected'), at }),
      fc.record({ type: fc.constant('worker.leave') }),
    ) as fc.Arbitrary<FleetEvent>
    fc.assert(
      fc.property(fc.array(events, { maxLength: 20 }), (sequence) => {
        expectSame(fleetMachine, input, sequence)
      }),
    )
  })

  it('refuses a machine with states in its states', () => {
    const nested = createMachine({ id: 'deep', initial: 'a', states: { a: { initial: 'b', states: { b: {} } } } })
    expect(() => flatStepper(nested)).toThrow('deep is not flat')
  })
})
