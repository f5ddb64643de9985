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
  type Hparams,
  type Observation,
  type OptimizationContext,
  type Submission,
} from '../../protocol/index.ts'
import { ask, type Bus } from '../../src/bus/index.ts'
import { validateHparams } from '../../src/space/index.ts'

const timeoutMs = 10_000
/** Suggestions that are asked for at once where results do not matter. */
const ahead = 16

export type Suggestions = { readonly hparams: readonly Hparams[]; readonly exhausted: boolean }

/** Only a search has an optimizer. */
export function searchOf({ context }: Submission): OptimizationContext {
  if (context.kind === 'optimization') return context
  throw problem('INTERNAL', { reason: `a context of kind ${context.kind} asks no optimizer` })
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
  #unsaid: Observation[] = []
  #ready: Hparams[] = []
  #exhausted = false

  private constructor(bus: Bus, submission: Submission, reply: { instance: string; adaptive: boolean }) {
    this.#bus = bus
    this.#submission = submission
    this.instance = reply.instance
    this.adaptive = reply.adaptive
  }

  static async open(bus: Bus, submission: Submission, history: readonly Observation[]): Promise<OptimizerSession> {
    const { experiment } = submission
    const context = searchOf(submission)
    const { space, objectives, seed, trials } = context
    const pages = pagesOf(history, bus.maxPayload / 4)
    const reply = await ask(
      bus,
      open,
      { optimizer: context.optimizer.name },
      { experiment, space, objectives, seed, options: context.optimizer.options, trials, history: pages[0] ?? [] },
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
    if (this.#ready.length < count && !this.#exhausted) {
      await this.#tell()
      const first = trial + this.#ready.length
      const wanted = this.adaptive ? count : Math.max(count, ahead) - this.#ready.length
      const { optimizer } = searchOf(this.#submission)
      const reply = await ask(
        this.#bus,
        suggest,
        { optimizer: optimizer.name, instance: this.instance },
        { experiment: this.#submission.experiment, trial: first, count: wanted },
        { timeoutMs: 60_000 },
      )
      this.#check(reply.hparams, wanted, reply.exhausted)
      this.#ready.push(...reply.hparams)
      this.#exhausted = reply.exhausted
    }
    const hparams = this.#ready.splice(0, count)
    return { hparams, exhausted: this.#exhausted && this.#ready.length === 0 && hparams.length < count }
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
    const { experiment } = this.#submission
    const context = searchOf(this.#submission)
    await ask(
      this.#bus,
      observe,
      { optimizer: context.optimizer.name, instance: this.instance },
      { experiment, observations: [...observations], closed },
      { timeoutMs },
    )
  }

  #check(given: readonly Hparams[], wanted: number, exhausted: boolean): void {
    const misbehaved = (reason: string) =>
      problem('OPTIMIZER_MISBEHAVED', { optimizer: searchOf(this.#submission).optimizer.name, reason })
    if (given.length > wanted) throw misbehaved(`${given.length} suggestions where ${wanted} were asked for`)
    if (given.length < wanted && !exhausted)
      throw misbehaved(`${given.length} suggestions where ${wanted} were asked for`)
    for (const hparams of given) {
      try {
        validateHparams(searchOf(this.#submission).space, hparams)
      } catch (error) {
        throw misbehaved(error instanceof Error ? error.message : String(error))
      }
    }
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
