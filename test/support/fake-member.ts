/** Members of rings on a fake worker: they say and answer what a runner's second thread does, when the test says so. */
import {
  codeOf,
  formRing,
  joinRing,
  leaveRing,
  problem,
  ringProgress,
  startRing,
  suspectMember,
  type Assignment,
  type PayloadOf,
  type ReplyOf,
  type RingPlan,
} from '../../protocol/index.ts'
import { answer, ask, tell, type Subscription } from '../../src/bus/index.ts'
import type { FakeWorker } from './fake-worker.ts'

export class FakeMember {
  readonly worker: FakeWorker
  readonly assignment: Assignment
  readonly ring: string
  /** Generations that it was told to form, and to start. */
  readonly formed: RingPlan[] = []
  readonly started: number[] = []
  #subscriptions: Subscription[] = []

  /** Of the attempt that this worker holds of a trial, in this slot where it has several. */
  constructor(worker: FakeWorker, trial: number, slot?: number) {
    const assignment = worker.assignments.findLast(
      (each) => each.attempt.trial === trial && (slot === undefined || each.slot === slot),
    )
    if (assignment?.ring === undefined) throw new Error(`${worker.id} has no part in a ring of trial ${trial}`)
    this.worker = worker
    this.assignment = assignment
    this.ring = assignment.ring.ring
    const address = { worker: worker.id, ring: this.ring, slot: String(assignment.slot) }
    this.#subscriptions = [
      answer(worker.bus, formRing, address, (plan) => {
        if (plan.generation < this.generation) throw this.#stale(plan.generation)
        if (plan.generation > this.generation) this.formed.push(plan)
        return { generation: plan.generation, holding: { finished: -1, pending: 0, fresh: false } }
      }),
      answer(worker.bus, startRing, address, ({ generation }) => {
        if (generation !== this.generation) throw this.#stale(generation)
        if (!this.started.includes(generation)) this.started.push(generation)
        return {}
      }),
    ]
  }

  get generation(): number {
    return this.formed.at(-1)?.generation ?? 0
  }

  get rank(): number {
    return this.formed.at(-1)?.rank ?? -1
  }

  /** Who is in its generation, if it was started. */
  get peers(): string[] | undefined {
    const plan = this.formed.at(-1)
    if (plan === undefined || this.started.at(-1) !== plan.generation) return undefined
    return plan.members.map(({ worker }) => worker)
  }

  /** Comes to its first step. */
  async join(step = 0, chases = 0): Promise<ReplyOf<typeof joinRing> | string | undefined> {
    const holding = { finished: -1, pending: 0, fresh: true }
    const payload = { slot: this.assignment.slot, manifest: 'a'.repeat(64), holding, step, chases }
    return await heard(ask(this.worker.bus, joinRing, this.#me, payload, { timeoutMs: 60_000 }))
  }

  async suspect(rank: number | null, code = 'RING_PEER_LOST', generation = this.generation): Promise<unknown> {
    const payload = { generation, rank: this.rank, suspect: rank, code, step: 3 }
    return await heard(ask(this.worker.bus, suspectMember, this.#me, payload, { timeoutMs: 60_000 }))
  }

  async leave(reason: PayloadOf<typeof leaveRing>['reason']): Promise<void> {
    const payload = { generation: this.generation, rank: this.rank, finished: 3, reason }
    await ask(this.worker.bus, leaveRing, this.#me, payload, { timeoutMs: 60_000 })
    this.vanish()
  }

  progress(said: Partial<PayloadOf<typeof ringProgress>>): void {
    const quiet = { finished: 0, samples: 0, stepMs: 100, waitMs: 10, predecessorMs: 0 }
    tell(this.worker.bus, ringProgress, this.#me, { generation: this.generation, rank: this.rank, ...quiet, ...said })
  }

  /** Its runner is gone without a word. */
  vanish(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
  }

  get #me() {
    return { worker: this.worker.id, ring: this.ring }
  }

  #stale(generation: number) {
    return problem('RING_STALE', { generation, ring: this.ring, current: this.generation })
  }
}

/** The answer, or the code of the refusal. */
async function heard<T>(asked: Promise<T>): Promise<T | string | undefined> {
  try {
    return await asked
  } catch (error) {
    const code = codeOf(error)
    if (code === undefined) throw error
    return code
  }
}
