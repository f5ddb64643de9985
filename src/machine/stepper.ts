/**
 * A machine as a pure step: xstate's own `transition` makes an inert actor for every call, which costs more than the step itself
 * at a few hundred trials a second. This makes one for all of them.
 */
import {
  createActor,
  type AnyStateMachine,
  type EventFromLogic,
  type ExecutableActionsFrom,
  type InputFrom,
  type SnapshotFrom,
} from 'xstate'

export interface Stepper<M extends AnyStateMachine> {
  initial(input: InputFrom<M>): SnapshotFrom<M>
  /** The next snapshot, and the actions that are left to the caller. */
  next(snapshot: SnapshotFrom<M>, event: EventFromLogic<M>): [SnapshotFrom<M>, ExecutableActionsFrom<M>[]]
}

/** `example` is any input that the machine accepts. */
export function stepper<M extends AnyStateMachine>(machine: M, example: InputFrom<M>): Stepper<M> {
  const inert = createActor(machine as AnyStateMachine, { input: example })
  let actions: ExecutableActionsFrom<M>[] = []
  const scope: Parameters<M['transition']>[2] = {
    self: inert,
    id: '',
    sessionId: '',
    system: inert.system,
    logger: () => {},
    defer: () => {},
    stopChild: () => {},
    emit: () => {},
    actionExecutor: (action) => {
      actions.push(action as unknown as ExecutableActionsFrom<M>)
    },
  }
  return {
    initial: (input) => machine.getInitialSnapshot(scope, input) as SnapshotFrom<M>,
    next(snapshot, event) {
      actions = []
      const after = machine.transition(snapshot, event, scope) as SnapshotFrom<M>
      return [after, actions]
    },
  }
}
