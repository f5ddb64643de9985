/**
 * A flat machine as a pure step, for histories of tens of thousands of trials: an xstate snapshot costs a kilobyte, and a transition
 * ten times what this one takes. It reads the very chart (states without states in them, named guards, named actions), and nothing
 * else of xstate; test/machine/flat-stepper.test.ts holds it to what xstate makes of the same events.
 */
import type { AnyStateMachine, ContextFrom, EventFromLogic, InputFrom, StateValueFrom } from 'xstate'

export interface FlatSnapshot<M extends AnyStateMachine> {
  readonly value: StateValueFrom<M>
  readonly context: ContextFrom<M>
}

export interface FlatStepper<M extends AnyStateMachine> {
  initial(input: InputFrom<M>): FlatSnapshot<M>
  /** The next snapshot (the same one if nothing changed), and the names of the actions that are left to the caller. */
  next(snapshot: FlatSnapshot<M>, event: EventFromLogic<M>): readonly [FlatSnapshot<M>, readonly string[]]
}

interface Scope {
  readonly context: unknown
  readonly event: { readonly type: string }
}
interface Action {
  readonly name: string
  /** The context after it; undefined: it is an effect, left to the caller. */
  readonly assign: ((scope: Scope) => object) | undefined
}
interface Transition {
  readonly target: string | undefined
  readonly guard: ((scope: Scope) => boolean) | undefined
  readonly actions: readonly Action[]
}
interface State {
  readonly on: Readonly<Record<string, readonly Transition[]>>
  readonly always: readonly Transition[]
  readonly entry: readonly Action[]
}

type Raw = Readonly<Record<string, unknown>>

/** Throws for a machine that is not flat. */
export function flatStepper<M extends AnyStateMachine>(machine: M): FlatStepper<M> {
  const config = machine.config as Raw
  const { guards, actions } = machine.implementations as unknown as Record<'guards' | 'actions', Raw>

  const actionOf = (name: string): Action => {
    const found = actions[name] as { type?: string; assignment?: unknown } | undefined
    if (found?.type !== 'xstate.assign') return { name, assign: undefined }
    const { assignment } = found
    if (typeof assignment === 'function') return { name, assign: assignment as Action['assign'] }
    return { name, assign: () => assignment as object }
  }
  const transitionOf = (raw: unknown): Transition => {
    const { target, guard, actions: named } = (typeof raw === 'string' ? { target: raw } : raw) as Raw
    const check = guard === undefined ? undefined : (guards[guard as string] as Transition['guard'])
    if (guard !== undefined && check === undefined) throw new Error(`no guard ${JSON.stringify(guard)}`)
    const to = (target as string | undefined)?.replace(/^\./, '')
    return { target: to, guard: check, actions: listOf(named).map(String).map(actionOf) }
  }
  const stateOf = (raw: Raw): State => {
    if (raw['states'] !== undefined || raw['invoke'] !== undefined || raw['exit'] !== undefined)
      throw new Error(`${machine.id} is not flat`)
    const on = Object.entries((raw['on'] ?? {}) as Raw)
    return {
      on: Object.fromEntries(on.map(([type, given]) => [type, listOf(given).map(transitionOf)])),
      always: listOf(raw['always']).map(transitionOf),
      entry: listOf(raw['entry']).map(String).map(actionOf),
    }
  }
  const states = new Map(Object.entries(config['states'] as Raw).map(([name, raw]) => [name, stateOf(raw as Raw)]))
  const everywhere = stateOf({ on: config['on'] })

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
      const given = config['context']
      const context = typeof given === 'function' ? (given as (from: { input: unknown }) => unknown)({ input }) : given
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

function listOf(given: unknown): readonly unknown[] {
  return given === undefined ? [] : Array.isArray(given) ? given : [given]
}
