/**
 * A training function as a member's ring thread sees it, without tfjs: step after step it gives which shard its gradient is of, and keeps of each
 * step how often each shard was in the mean.
 */
import type { MessagePort } from 'node:worker_threads'
import { createRecord } from '../../src/ring/index.ts'
import { createRingMemory, type FromRing, type RingLine, type ToRing } from '../../src/train/index.ts'
import type { ProcessClock } from './event-clock.ts'

/** What newcomers take over. */
interface State {
  /** The generation in which its members began together, from the start or from a checkpoint. */
  readonly lineage: number
  /** By collective: how often each shard was in its mean. */
  readonly steps: readonly string[]
}

export type End = ({ readonly kind: 'done' } & State) | { readonly kind: 'failed'; readonly code: string }

export interface SimulatedTraining {
  readonly line: RingLine
  /** Comes to its first step. */
  begin(): void
}

const bytesOf = (state: State): Uint8Array => new TextEncoder().encode(JSON.stringify(state))
const stateOf = (bytes: Uint8Array): State => JSON.parse(new TextDecoder().decode(bytes)) as State
const checkpointEvery = 5

export function simulateTraining(options: {
  readonly clock: ProcessClock
  /** Of the shards that the data are cut into. */
  readonly shards: number
  readonly seat: number
  readonly steps: number
  /** Milliseconds that the next step takes. */
  readonly stepMs: () => number
  readonly onEnd: (end: End) => void
}): SimulatedTraining {
  const { clock, shards, onEnd } = options
  let hear: (message: ToRing) => void = () => undefined
  let open = true
  const shard = options.seat % shards
  let next = 0
  /** Collectives before this one are passed. */
  let first = 0
  let isLate = false
  let chases = 0
  const record = createRecord()
  let lineage = 0
  let steps: string[] = []

  const say = (message: ToRing): void => {
    clock.setTimeout(() => {
      if (open) hear(message)
    }, 0)
  }
  const end = (how: End): void => {
    open = false
    onEnd(how)
  }
  const later = (work: () => void, ms: number): void => {
    clock.setTimeout(() => {
      if (open) work()
    }, ms)
  }

  function join(): void {
    const variables = [{ name: 'v', shape: [1], dtype: 'float32' }]
    say({ type: 'join', manifest: 'a'.repeat(64), variables, step: next, chases })
  }

  function step(): void {
    if (next === options.steps) {
      hear({ type: 'leave', reason: 'done' })
      return end({ kind: 'done', lineage, steps })
    }
    const vector = new Float32Array(new SharedArrayBuffer(4 * shards))
    vector[shard % shards] = 1
    say({
      type: 'reduce',
      collective: next,
      vector,
      weight: isLate && next === first ? 0 : 1,
      ownWeight: 1,
      key: 'k',
      exactFrom: 0,
      step: next,
      samples: next,
      doing: `computes step ${next}`,
      told: [0, 1],
    })
  }

  function take(message: FromRing): void {
    switch (message.type) {
      case 'ahead':
        record.take(message.record)
        chases += 1
        // What it passes takes a tenth of the time.
        later(
          () => {
            next = Math.max(next, Math.min(message.step, record.next))
            join()
          },
          (options.stepMs() * Math.max(1, message.step - next)) / 10,
        )
        return
      case 'begin': {
        if (message.next < next) return end({ kind: 'failed', code: 'RING_PASSED' })
        const { place, seats, state } = message
        first = message.next
        next = first
        isLate = seats === null
        if (state !== null) steps = [...stateOf(state).steps]
        lineage = state !== null && isLate ? stateOf(state).lineage : place.generation
        return later(step, options.stepMs())
      }
      case 'reduced': {
        const { place, vector, weight } = message
        steps[next] = Array.from(vector, (mean) => Math.round(mean * weight)).join('')
        next += 1
        if (place.rank === 0 && next % checkpointEvery === 0)
          say({ type: 'checkpoint', next, bytes: bytesOf({ lineage, steps }) })
        return later(step, options.stepMs())
      }
      case 'export':
        return say({ type: 'state', bytes: bytesOf({ lineage, steps }) })
      case 'failed':
        return end({ kind: 'failed', code: message.problem.code })
      case 'gathered':
        return
    }
  }

  const port = {
    on: (_: 'message', handler: typeof hear) => {
      hear = handler
    },
    postMessage: (message: FromRing) => {
      // Its own copy, as through a port; what is in shared memory stays there.
      later(() => {
        take(message)
      }, 0)
    },
    close: () => undefined,
  }
  return {
    line: { port: port as unknown as MessagePort, memory: createRingMemory() },
    begin: join,
  }
}
