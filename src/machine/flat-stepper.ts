/**
 * A flat machine as a pure step, for histories of tens of thousands of trials: an xstate snapshot costs a kilobyte, and a transition
 * ten times what this one takes. It reads the very chart (states without states in them, named guards, named actions), and nothing
 * else of xstate; test/machine/flat-stepper.test.ts holds it to what xstate makes of the same events.
 */
import type { AnyStateMachine, ContextFrom, EventFromLogic, InputFrom, StateValueFrom } from 'xstate'
import { contextOf, flatChart, type Action, type Scope, type Transition } from './flat-chart.ts'

export interface FlatSnapshot<M extends AnyStateMachine> {
  readonly value: StateValueFrom<M>
  readonly context: ContextFrom<M>
}

export interface FlatStepper<M extends AnyStateMachine> {
  initial(input: InputFrom<M>): FlatSnapshot<M>
  /** The next snapshot (the same one if nothing changed), and the names of the actions that are left to the caller. */
  next(snapshot: FlatSnapshot<M>, event: EventFromLogic<M>): readonly [FlatSnapshot<M>, readonly string[]]
}

/** Throws for a machine that is not flat. */
export function flatStepper<M extends AnyStateMachine>(machine: M): FlatStepper<M> {
  const chart = flatChart(machine)
  const { config, states, everywhere, isTimed } = chart
  if (isTimed) throw new Error(`${machine.id} is not flat`)

  /** Carries a transition out, and all that then follow without an event. */
  const settle = (value: string, context: unknown, event: Scope['event'], first: Transition | undefined) => {
    const effects: string[] = []
    const perform = ({ name, assign }: Action) => {
      if (assign === undefined) effects.push(name)
      else context = { ...(context as object), ...assign({ context, event }) }
    }
    let transition = first
    do {
      for (const action of transition?.actions ?? []) perform(action)
      const target = transition?.target
      if (target !== undefined && target !== value) {
        value = target
        for (const action of states.get(value)?.entry ?? []) perform(action)
      }
      transition = states.get(value)?.always.find(({ guard }) => guard === undefined || guard({ context, event }))
    } while (transition !== undefined)
    return { value, context, effects }
  }

  return {
    initial(input) {
      const context = contextOf(chart, input)
      const event = { type: 'xstate.init' }
      const entered: Transition = { target: config['initial'] as string, guard: undefined, actions: [] }
      const { value, context: after } = settle('', context, event, entered)
      return { value, context: after } as FlatSnapshot<M>
    },
    next(snapshot, event) {
      const { value, context } = snapshot as { value: string; context: unknown }
      const enabled = ({ guard }: Transition) => guard === undefined || guard({ context, event })
      const taken = states.get(value)?.on[event.type]?.find(enabled) ?? everywhere.on[event.type]?.find(enabled)
      if (taken === undefined) return [snapshot, []]
      const after = settle(value, context, event, taken)
      if (after.value === value && after.context === context) return [snapshot, after.effects]
      return [{ value: after.value, context: after.context } as FlatSnapshot<M>, after.effects]
    },
  }
}
