/** How fast a ring is, from what its members say about themselves. */
import type { PayloadOf, ringProgress, RingStanding } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'

type Said = PayloadOf<typeof ringProgress>

interface Member {
  readonly said: Said
  readonly at: number
  readonly samplesPerSecond: number
}

/** A member that computes so many times as long as the others is worth a word. */
const slowTimes = 1.5
/** A member that was silent for so long does not count. */
const staleMs = 5000

export class Pace {
  readonly #clock: Clock
  readonly #members = new Map<number, Member>()
  /** When a member last finished a step that it had not. */
  #movedAt = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  hear(attempt: number, said: Said): void {
    const at = this.#clock.elapsed()
    const before = this.#members.get(attempt)
    const seconds = before === undefined ? 0 : (at - before.at) / 1000
    const samples = before === undefined ? 0 : said.samples - before.said.samples
    const samplesPerSecond = seconds > 0 ? Math.max(0, samples / seconds) : 0
    this.#members.set(attempt, { said, at, samplesPerSecond })
    if (said.finished !== before?.said.finished) this.#movedAt = at
  }

  /** The members that others wait for, and since when no step was finished. Undefined: nobody waits, or nobody is waited for. */
  awaited<M extends { readonly attempt: number }>(
    members: readonly M[],
  ): { readonly members: readonly M[]; readonly since: number } | undefined {
    const now = this.#clock.elapsed()
    const computing = members.filter(({ attempt }) => {
      const member = this.#members.get(attempt)
      return member === undefined || now - member.at >= staleMs || member.said.waitMs < member.said.stepMs / 2
    })
    if (computing.length === 0 || computing.length === members.length) return undefined
    return { members: computing, since: this.#movedAt }
  }

  /** The member that has passed the most gradient steps, of those that were heard, and the last of these. Undefined: none was heard. */
  furthest<M extends { readonly attempt: number }>(
    members: readonly M[],
  ): { readonly member: M; readonly step: number } | undefined {
    let found: { readonly member: M; readonly step: number } | undefined
    for (const member of members) {
      const step = this.#members.get(member.attempt)?.said.finished
      if (step !== undefined && step > (found?.step ?? -1)) found = { member, step }
    }
    return found
  }

  /** Over the members that are there now; the others are forgotten. */
  read(
    members: readonly { readonly attempt: number; readonly worker: string }[],
  ): Pick<RingStanding, 'step' | 'samplesPerSecond' | 'communication' | 'straggler'> {
    for (const attempt of this.#members.keys()) {
      if (!members.some((member) => member.attempt === attempt)) this.#members.delete(attempt)
    }
    const now = this.#clock.elapsed()
    const known = members.flatMap(({ attempt, worker }) => {
      const member = this.#members.get(attempt)
      return member === undefined ? [] : [{ worker, ...member }]
    })
    const lively = known.filter(({ at }) => now - at < staleMs)
    const finished = known.map(({ said }) => said.finished)
    const total = sum(lively.map(({ said }) => said.stepMs))
    return {
      step: finished.length === 0 || Math.min(...finished) < 0 ? null : Math.min(...finished),
      samplesPerSecond: sum(lively.map(({ samplesPerSecond }) => samplesPerSecond)),
      communication: total === 0 ? 0 : Math.min(1, sum(lively.map(({ said }) => said.waitMs)) / total),
      straggler: stragglerAmong(
        lively.map(({ worker, said }) => ({ worker, ms: Math.max(0, said.stepMs - said.waitMs) })),
      ),
    }
  }
}

/** Finds a member that computes much longer than the median of the others: they wait for it at every step. */
function stragglerAmong(members: readonly { worker: string; ms: number }[]): RingStanding['straggler'] {
  const [slowest, ...others] = members.toSorted((a, b) => b.ms - a.ms)
  const typical = others[Math.floor((others.length - 1) / 2)]
  if (slowest === undefined || typical === undefined || typical.ms === 0) return null
  const times = slowest.ms / typical.ms
  return times < slowTimes ? null : { worker: slowest.worker, times }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
