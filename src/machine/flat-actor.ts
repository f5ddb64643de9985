/**
 * A flat machine that runs: it takes events, carries its effects out, and is moved by time. xstate takes ten times as long for an event, and
 * there are three in each trial. It reads the very chart; test/machine/flat-actor.test.ts holds it to what xstate makes of the same events.
 */
import type { AnyStateMachine, ContextFrom, EventFromLogic, InputFrom, StateValueFrom } from 'xstate'
import { contextOf, flatChart, type Action, type Scope, type Transition } from './flat-chart.ts'

export interface FlatActor<M extends AnyStateMachine> {
  /** While an event is taken in: as it was before. */
  readonly state: StateValueFrom<M>
  readonly context: ContextFrom<M>
  readonly isOver: boolean
  /** Enters the first state. */
  start(): void
  /** One that comes while another is taken in is taken in after it. */
  send(event: EventFromLogic<M>): void
}

interface Timers {
  setTimeout(work: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

/** Throws for a machine that is not flat. `onOver` is called once it is in a final state. */
export function flatActor<M extends AnyStateMachine>(
  machine: M,
  options: { readonly input: InputFrom<M>; readonly clock: Timers; readonly onOver?: () => void },
): FlatActor<M> {
  const { clock } = options
  const chart = flatChart(machine)
  const { config, states, everywhere } = chart
  const effects = machine.implementations.actions as Readonly<Record<string, ((scope: Scope) => void) | undefined>>
  let value = ''
  let context = contextOf(chart, options.input)
  let seen = { value: config['initial'] as string, context }
  let timers: unknown[] = []
  let isOver = false
  let isBusy = false
  const inbox: (() => void)[] = []

  const perform = (actions: readonly Action[], event: Scope['event']): void => {
    for (const { name, assign } of actions) {
      if (assign === undefined) effects[name]?.({ context, event })
      else context = { ...(context as object), ...assign({ context, event }) }
    }
  }
  const enter = (target: string, event: Scope['event']): void => {
    value = target
    const state = states.get(target)
    perform(state?.entry ?? [], event)
    for (const { delay, transitions } of state?.after ?? []) {
      const timed = { type: `after ${target}` }
      // Cleared when the state is left.
      timers.push(clock.setTimeout(() => take(() => follow(transitions, timed)), delay({ context, event })))
    }
    isOver = state?.isFinal ?? false
  }
  const leave = (event: Scope['event']): void => {
    for (const timer of timers) clock.clearTimeout(timer)
    timers = []
    perform(states.get(value)?.exit ?? [], event)
  }
  const enabledIn = (transitions: readonly Transition[] | undefined, event: Scope['event']): Transition | undefined =>
    transitions?.find(({ guard }) => guard === undefined || guard({ context, event }))

  /** Carries out the first of these that may be taken, and all that then follow without an event. False: none may. */
  const follow = (transitions: readonly Transition[] | undefined, event: Scope['event']): boolean => {
    let taken = enabledIn(transitions, event)
    if (taken === undefined) return false
    while (taken !== undefined) {
      const isMove: boolean = taken.target !== undefined && taken.target !== value
      if (isMove) leave(event)
      perform(taken.actions, event)
      if (isMove) enter(taken.target ?? value, event)
      taken = enabledIn(states.get(value)?.always, event)
    }
    return true
  }

  /** One thing after the other. */
  function take(work: () => void): void {
    inbox.push(work)
    if (isBusy) return
    isBusy = true
    try {
      // What comes meanwhile is appended.
      for (const next of inbox) {
        if (!isOver) next()
        seen = { value, context }
      }
    } finally {
      inbox.length = 0
      isBusy = false
    }
    if (isOver) options.onOver?.()
  }

  return {
    get state() {
      return seen.value as StateValueFrom<M>
    },
    get context() {
      return seen.context as ContextFrom<M>
    },
    get isOver() {
      return isOver
    },
    start: () => {
      take(() =>
        follow([{ target: config['initial'] as string, guard: undefined, actions: [] }], { type: 'xstate.init' }),
      )
    },
    send: (event: Scope['event']) => {
      if (isOver) return
      take(() => {
        const { on } = states.get(value) ?? everywhere
        for (const transitions of [on[event.type], on['*'], everywhere.on[event.type], everywhere.on['*']])
          if (follow(transitions, event)) return
      })
    },
  }
}
