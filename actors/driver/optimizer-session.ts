/**
 * An experiment's conversation with its optimizer: opened on whichever process answers to the name, and opened again, with the
 * whole history, when that process is gone.
 * I1 An optimizer is told of every result before it is asked for more.
 * I2 Only a non-adaptive optimizer is asked ahead of time.
 */
import {
  codeOf,
  encode,
  observe,
  open,
  problem,
  suggest,
  type Fidelity,
  type ReplyOf,
  type Hparams,
  type Observation,
  type PayloadOf,
  type Submission,
} from '../../protocol/index.ts'
import { ask, type Bus } from '../../src/bus/index.ts'
import { validateHparams } from '../../src/space/index.ts'

const timeoutMs = 10_000
/** Suggestions that are asked for at once where results do not matter. */
const ahead = 16
/** Trials of earlier experiments are numbered from here, beyond all of this one. */
const firstWarm = 2 ** 40

export interface Suggested {
  readonly hparams: Hparams
  readonly fidelity?: Fidelity
}

export interface Suggestions {
  readonly suggested: readonly Suggested[]
  /** No more until a pending trial has ended. */
  readonly waiting: boolean
  readonly exhausted: boolean
}

/** Whether an error means that the process is gone or has forgotten us, and opening again will help. */
export function opensAgain(error: unknown): boolean {
  const code = codeOf(error)
  return (
    code === 'BUS_NO_RESPONDERS' ||
    code === 'BUS_TIMEOUT' ||
    code === 'BUS_DISCONNECTED' ||
    code === 'OPTIMIZER_BUSY' ||
    code === 'EXPERIMENT_UNKNOWN'
  )
}

export class OptimizerSession {
  readonly #bus: Bus
  readonly #submission: Submission
  readonly instance: string
  readonly adaptive: boolean
  readonly notes: readonly string[]
  #unsaid: Observation[] = []
  #ready: Suggested[] = []
  #exhausted = false

  private constructor(bus: Bus, submission: Submission, reply: ReplyOf<typeof open>) {
    this.#bus = bus
    this.#submission = submission
    this.instance = reply.instance
    this.adaptive = reply.adaptive
    this.notes = reply.notes ?? []
  }

  static async open(bus: Bus, submission: Submission, history: readonly Observation[]): Promise<OptimizerSession> {
    const { experiment, context } = submission
    const { space, objectives, seed, trials, warmStart = [], policy } = context
    const { parallel } = policy
    const before = warmStart.map(({ hparams, metrics }, index): Observation => {
      return { trial: firstWarm + index, hparams, state: 'done', metrics, step: null }
    })
    const pages = pagesOf([...history, ...before], bus.maxPayload / 4)
    const reply = await ask(
      bus,
      open,
      { optimizer: context.optimizer.name },
      {
        experiment,
        space,
        objectives,
        seed,
        options: context.optimizer.options,
        trials,
        ...(parallel === null ? {} : { parallel }),
        history: pages[0] ?? [],
      },
      { timeoutMs },
    )
    const session = new OptimizerSession(bus, submission, reply)
    for (const page of pages.slice(1)) await session.#say(page, false)
    return session
  }

  /** Notes a result; it is said before the next suggestion is asked for. */
  observe(observation: Observation): void {
    if (this.adaptive) this.#unsaid.push(observation)
  }

  /** `trial`: the number of the first trial to suggest for. Rejects with OPTIMIZER_MISBEHAVED for hparams outside the space. */
  async suggest(trial: number, count: number): Promise<Suggestions> {
    const queued = this.#submission.context.enqueue?.slice(trial, trial + count) ?? []
    if (queued.length > 0) {
      for (const [index, hparams] of queued.entries()) {
        this.observe({ trial: trial + index, hparams, state: 'pending', metrics: {}, step: null })
      }
      return { suggested: queued.map((hparams) => ({ hparams })), waiting: false, exhausted: false }
    }
    let waiting = false
    if (this.#ready.length < count && !this.#exhausted) {
      await this.#tell()
      const first = trial + this.#ready.length
      const wanted = this.adaptive ? count : Math.max(count, ahead) - this.#ready.length
      const { optimizer } = this.#submission.context
      const reply = await ask(
        this.#bus,
        suggest,
        { optimizer: optimizer.name, instance: this.instance },
        { experiment: this.#submission.experiment, trial: first, count: wanted },
        { timeoutMs: 60_000 },
      )
      waiting = reply.waiting ?? false
      this.#ready.push(...this.#checked(reply, wanted, first))
      this.#exhausted = reply.exhausted
    }
    const suggested = this.#ready.splice(0, count)
    return {
      suggested,
      waiting,
      exhausted: this.#exhausted && this.#ready.length === 0 && suggested.length < count,
    }
  }

  /** The experiment is over: the optimizer may forget it. */
  async close(): Promise<void> {
    await this.#say(this.#unsaid.splice(0), true)
  }

  async #tell(): Promise<void> {
    while (this.#unsaid.length > 0) {
      const [page = []] = pagesOf(this.#unsaid, this.#bus.maxPayload / 4)
      await this.#say(page, false)
      this.#unsaid.splice(0, page.length)
    }
  }

  async #say(observations: readonly Observation[], closed: boolean): Promise<void> {
    const { experiment, context } = this.#submission
    await ask(
      this.#bus,
      observe,
      { optimizer: context.optimizer.name, instance: this.instance },
      { experiment, observations: [...observations], closed },
      { timeoutMs },
    )
  }

  #checked(
    { hparams: given, fidelities, exhausted, waiting = false }: PayloadOf<{ payload: (typeof suggest)['reply'] }>,
    wanted: number,
    first: number,
  ): Suggested[] {
    const misbehaved = (reason: string) =>
      problem('OPTIMIZER_MISBEHAVED', { optimizer: this.#submission.context.optimizer.name, reason })
    if (given.length > wanted) throw misbehaved(`${given.length} suggestions where ${wanted} were asked for`)
    if (given.length < wanted && !exhausted && !waiting)
      throw misbehaved(`${given.length} suggestions where ${wanted} were asked for`)
    for (const hparams of given) {
      try {
        validateHparams(this.#submission.context.space, hparams)
      } catch (error) {
        throw misbehaved(error instanceof Error ? error.message : String(error))
      }
    }
    if (fidelities === undefined) return given.map((hparams) => ({ hparams }))
    if (fidelities.length !== given.length) {
      throw misbehaved(`${fidelities.length} fidelities beside ${given.length} suggestions`)
    }
    return given.map((hparams, index) => {
      const fidelity = fidelities[index] as Fidelity
      const { from } = fidelity
      if (from !== null && from >= first + index) throw misbehaved(`trial ${first + index} continues trial ${from}`)
      return { hparams, fidelity }
    })
  }
}

/** Cuts a history into pages that fit a message of `bytes`. */
function pagesOf(history: readonly Observation[], bytes: number): Observation[][] {
  const pages: Observation[][] = [[]]
  let size = 0
  for (const observation of history) {
    const length = encode(observation).length
    if (size + length > bytes) {
      pages.push([])
      size = 0
    }
    pages.at(-1)?.push(observation)
    size += length
  }
  return pages
}
