import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createActor, createMachine } from 'xstate'
import { runnerMachine, type RunnerEvent } from '../../actors/worker/runner.machine.ts'
import { flatActor } from '../../src/machine/index.ts'
import { TestClock } from '../support/clock.ts'
import { runnerEffects } from '../support/runner-effects.ts'
import { assignmentOf } from '../support/worker-assignment.ts'

const effects = ['askTurn', 'passTurn', ...runnerEffects] as const

const begins = fc.constantFrom(null, 400).map((trialTimeoutMs): RunnerEvent => {
  return { type: 'begin', assignment: assignmentOf(1, { trialTimeoutMs }), file: 'f' }
})
const events: fc.Arbitrary<RunnerEvent> = fc.oneof(
  { weight: 3, arbitrary: begins },
  fc.record({ type: fc.constant('ended' as const), rssBytes: fc.constantFrom(10, 2_000), last: fc.boolean() }),
  fc.record({ type: fc.constant('exited' as const), reason: fc.constant('SIGKILL') }),
  fc.record({ type: fc.constant('stop' as const), cause: fc.constantFrom('pruned' as const, 'timeout' as const) }),
  fc.record({ type: fc.constant('started' as const), at: fc.nat(9) }),
  fc
    .constantFrom('turn' as const, 'ready' as const, 'silent' as const, 'handback' as const)
    .map((type): RunnerEvent => ({ type })),
)
// What ends it comes seldom.
const any = fc.oneof(
  { weight: 40, arbitrary: events },
  { weight: 6, arbitrary: fc.constantFrom<RunnerEvent>({ type: 'ready' }, { type: 'turn' }) },
  { weight: 1, arbitrary: fc.constantFrom<RunnerEvent>({ type: 'unfit' }, { type: 'dismiss' }) },
  { weight: 10, arbitrary: fc.constantFrom(1, 150, 450, 1_000, 5_000, 30_000, 120_000) },
)

interface Seen {
  readonly effect: string
  readonly context: unknown
  readonly event: string
}

/** Both have the same effects; one of them sends an event from within one. */
function recorded(seen: Seen[], send: (event: RunnerEvent) => void) {
  return runnerMachine.provide({
    actions: Object.fromEntries(
      effects.map((effect) => [
        effect,
        ({ context, event }: { context: unknown; event: { type: string } }) => {
          seen.push({ effect, context, event: /after/.test(event.type) ? 'after' : event.type })
          if (effect === 'tellEnded') send({ type: 'begin', assignment: assignmentOf(2), file: 'g' })
        },
      ]),
    ),
  })
}

describe('a flat actor', () => {
  it('makes of any events of a runner, and of time, what xstate makes of them: states, contexts, effects in their order', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), (sequence) => {
        const input = { maxServed: 3, maxRssBytes: 1_000 }
        const [ourClock, theirClock] = [new TestClock(), new TestClock()]
        const ourSeen: Seen[] = []
        const theirSeen: Seen[] = []
        const ours: {
          send(event: RunnerEvent): void
          start(): void
          state: string
          context: unknown
          isOver: boolean
        } = flatActor(
          recorded(ourSeen, (event) => {
            ours.send(event)
          }),
          { input, clock: ourClock },
        )
        const theirs = createActor(
          recorded(theirSeen, (event) => {
            theirs.send(event)
          }),
          {
            input,
            clock: theirClock,
          },
        )
        ours.start()
        theirs.start()
        for (const step of sequence) {
          // xstate complains of events that come too late.
          if (ours.isOver) break
          if (typeof step === 'number') {
            ourClock.increment(step)
            theirClock.increment(step)
          } else {
            ours.send(step)
            theirs.send(step)
          }
          const { value, context, status } = theirs.getSnapshot()
          expect({ state: ours.state, context: ours.context, isOver: ours.isOver }).toEqual({
            state: value,
            context,
            isOver: status === 'done',
          })
          expect(ourSeen).toEqual(theirSeen)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('tells once that it is over, and takes nothing after that', () => {
    let over = 0
    const clock = new TestClock()
    const onOver = () => void (over += 1)
    const actor = flatActor(runnerMachine, { input: { maxServed: 1, maxRssBytes: 1 }, clock, onOver })
    actor.start()
    actor.send({ type: 'dismiss' })
    actor.send({ type: 'turn' })
    clock.increment(1_000_000)
    expect(actor.state).toBe('ended')
    expect(over).toBe(1)
  })

  it('refuses a machine with states in its states', () => {
    const nested = createMachine({ id: 'deep', initial: 'a', states: { a: { initial: 'b', states: { b: {} } } } })
    expect(() => flatActor(nested, { input: undefined, clock: new TestClock() })).toThrow('deep is not flat')
  })
})
