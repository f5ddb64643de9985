/**
 * Assignments on their way to workers: those that one turn of the event loop makes for one worker go out in one message, in order, if the
 * worker takes several. For trials of milliseconds, messages cost more than all else.
 */
import {
  assign,
  assignSeveral,
  isProblem,
  problem,
  RemoteError,
  severalAtMost,
  type Assignment,
} from '../../../protocol/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'

export type Position = 'running' | 'next'

interface Waiting {
  readonly assignment: Assignment
  readonly taken: (position: Position) => void
  readonly refused: (error: unknown) => void
}

const timeoutMs = 2000

export class Assigning {
  readonly #bus: Bus
  readonly #takesSeveral: (worker: string) => boolean
  /** By worker. */
  readonly #waiting = new Map<string, Waiting[]>()

  constructor(bus: Bus, takesSeveral: (worker: string) => boolean) {
    this.#bus = bus
    this.#takesSeveral = takesSeveral
  }

  /** Rejects with what the worker refuses it with, or the bus. */
  assign(worker: string, assignment: Assignment): Promise<Position> {
    if (!this.#takesSeveral(worker)) return this.#assignOne(worker, assignment)
    return new Promise((taken, refused) => {
      const one = { assignment, taken, refused }
      const waiting = this.#waiting.get(worker)
      if (waiting === undefined) {
        this.#waiting.set(worker, [one])
        queueMicrotask(() => {
          this.#send(worker)
        })
      } else waiting.push(one)
    })
  }

  #send(worker: string): void {
    const waiting = this.#waiting.get(worker) ?? []
    this.#waiting.delete(worker)
    for (let first = 0; first < waiting.length; first += severalAtMost)
      void this.#assignAll(worker, waiting.slice(first, first + severalAtMost))
  }

  async #assignAll(worker: string, waiting: readonly Waiting[]): Promise<void> {
    if (waiting.length === 1) return this.#each(worker, waiting)
    try {
      const assignments = waiting.map(({ assignment }) => assignment)
      const { answers } = await ask(this.#bus, assignSeveral, { worker }, { assignments }, { timeoutMs })
      for (const [index, { taken, refused }] of waiting.entries()) {
        const answer = answers[index]
        if (answer === undefined) refused(problem('ANSWER_INVALID', { subject: assignSeveral.name, reason: 'too few' }))
        else if ('position' in answer) taken(answer.position)
        else refused(new RemoteError(answer.problem))
      }
    } catch (error) {
      if (isProblem(error, 'BUS_TOO_LARGE', 'MESSAGE_TOO_LARGE')) return this.#each(worker, waiting)
      for (const { refused } of waiting) refused(error)
    }
  }

  #each(worker: string, waiting: readonly Waiting[]): void {
    for (const { assignment, taken, refused } of waiting) this.#assignOne(worker, assignment).then(taken, refused)
  }

  async #assignOne(worker: string, assignment: Assignment): Promise<Position> {
    const { position } = await ask(this.#bus, assign, { worker }, assignment, { timeoutMs })
    return position
  }
}
