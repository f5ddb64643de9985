/** The chart of a machine without states in its states: named guards, actions and delays. It is read once, and stepped without xstate. */
import type { AnyStateMachine } from 'xstate'

export interface Scope {
  readonly context: unknown
  readonly event: { readonly type: string }
}
export interface Action {
  readonly name: string
  /** The context after it; undefined: it is an effect, left to the caller. */
  readonly assign: ((scope: Scope) => object) | undefined
}
export interface Transition {
  readonly target: string | undefined
  readonly guard: ((scope: Scope) => boolean) | undefined
  readonly actions: readonly Action[]
}
interface Delayed {
  /** Milliseconds after the state was entered. */
  readonly delay: (scope: Scope) => number
  readonly transitions: readonly Transition[]
}
interface State {
  /** By the type of event; `*`: any other. */
  readonly on: Readonly<Record<string, readonly Transition[]>>
  readonly always: readonly Transition[]
  readonly entry: readonly Action[]
  readonly exit: readonly Action[]
  readonly after: readonly Delayed[]
  readonly isFinal: boolean
}

export interface FlatChart {
  readonly config: Raw
  readonly states: ReadonlyMap<string, State>
  /** What holds in all states. */
  readonly everywhere: State
  /** Whether a state is left by time, or does something when it is left. */
  readonly isTimed: boolean
}

type Raw = Readonly<Record<string, unknown>>

/** Throws for a machine that is not flat. */
export function flatChart(machine: AnyStateMachine): FlatChart {
  const config = machine.config as Raw
  const { guards, actions, delays } = machine.implementations as unknown as Record<'guards' | 'actions' | 'delays', Raw>

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
  const delayOf = (name: string): Delayed['delay'] => {
    const found = delays[name] ?? Number(name)
    return typeof found === 'function' ? (found as Delayed['delay']) : () => found as number
  }
  const stateOf = (raw: Raw): State => {
    if (raw['states'] !== undefined || raw['invoke'] !== undefined) throw new Error(`${machine.id} is not flat`)
    const on = Object.entries((raw['on'] ?? {}) as Raw)
    const after = Object.entries((raw['after'] ?? {}) as Raw)
    return {
      on: Object.fromEntries(on.map(([type, given]) => [type, listOf(given).map(transitionOf)])),
      always: listOf(raw['always']).map(transitionOf),
      entry: listOf(raw['entry']).map(String).map(actionOf),
      exit: listOf(raw['exit']).map(String).map(actionOf),
      after: after.map(([name, given]) => ({ delay: delayOf(name), transitions: listOf(given).map(transitionOf) })),
      isFinal: raw['type'] === 'final',
    }
  }
  const states = new Map(Object.entries(config['states'] as Raw).map(([name, raw]) => [name, stateOf(raw as Raw)]))
  const isTimed = [...states.values()].some(({ exit, after }) => exit.length + after.length > 0)
  return { config, states, everywhere: stateOf({ on: config['on'] }), isTimed }
}

/** The context in which a machine begins. */
export function contextOf({ config }: FlatChart, input: unknown): unknown {
  const given = config['context']
  return typeof given === 'function' ? (given as (from: { input: unknown }) => unknown)({ input }) : given
}

function listOf(given: unknown): readonly unknown[] {
  return given === undefined ? [] : Array.isArray(given) ? given : [given]
}
