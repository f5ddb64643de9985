/**
 * An experiment's conversation with its optimizer (or its ablator, see suggester.ts): opened on whichever process answers to the
 * name, and opened again, with the whole history, when that process is gone.
 * I1 An optimizer is told of every result before it is asked for more.
 * I2 Only a non-adaptive optimizer is asked ahead of time.
 */
import { codeOf, encode, toProblem } from '../../../protocol/index.ts'
import type { Observed } from '../../../src/history/index.ts'
import type { Answer, Opened, Suggester, Suggestion } from './suggester.ts'

/** Suggestions that are asked for at once where results do not matter. */
const ahead = 16

/** Whether an error means that the process is gone or has forgotten us: opening again will help. */
export function opensAgain(error: unknown): boolean {
  const code = codeOf(error)
  return (
    code === 'BUS_NO_RESPONDERS' ||
    code === 'BUS_TIMEOUT' ||
    code === 'BUS_DISCONNECTED' ||
    code === 'EXPERIMENT_UNKNOWN'
  )
}

/** Whether the same question may be answered later, without anybody changing anything. */
export function isRetryable(error: unknown): boolean {
  return toProblem(error).retryable === true
}

export class Session {
  readonly #suggester: Suggester
  readonly #pageBytes: number
  readonly instance: string
  readonly adaptive: boolean
  readonly notes: readonly string[]
  #unsaid: Observed[] = []
  /** How many events of the log the suggester knows of: all that had settled by then was told. */
  #told: number
  #observed: number
  #ready: Suggestion[] = []
  #exhausted = false

  private constructor(suggester: Suggester, pageBytes: number, reply: Opened, told: number) {
    this.#suggester = suggester
    this.#pageBytes = pageBytes
    this.instance = reply.instance
    this.adaptive = reply.adaptive
    this.notes = reply.notes ?? []
    this.#told = told
    this.#observed = told
  }

  /** `told`: how many events of the log the history rests on. */
  static async open(
    suggester: Suggester,
    history: readonly Observed[],
    told: number,
    maxPayload: number,
  ): Promise<Session> {
    const pageBytes = maxPayload / 4
    const [first = [], ...more] = pagesOf([...history, ...suggester.warmStart], pageBytes)
    const session = new Session(suggester, pageBytes, await suggester.open(first), told)
    for (const page of more) await suggester.observe(session.instance, page, false)
    return session
  }

  /** Notes a result; it is said before the next suggestion is asked for. */
  observe(observation: Observed, logged: number): void {
    if (!this.adaptive) return
    this.#unsaid.push(observation)
    this.#observed = logged
  }

  /** `trial`: the number of the first trial to suggest for. Rejects with …_MISBEHAVED for what cannot be run. */
  async suggest(trial: number, count: number): Promise<Answer & { readonly told: number }> {
    let waiting = false
    if (this.#ready.length < count && !this.#exhausted) {
      await this.#tell()
      const first = trial + this.#ready.length
      const wanted = this.adaptive ? count : Math.max(count, ahead) - this.#ready.length
      const answer = await this.#suggester.suggest(this.instance, first, wanted)
      this.#checkCount(answer, wanted)
      waiting = answer.waiting
      this.#ready.push(...answer.suggestions)
      this.#exhausted = answer.exhausted
    }
    const told = this.#told
    const suggestions = this.#ready.splice(0, count).map((suggestion) => ({ ...suggestion, told }))
    const short = this.#ready.length === 0 && suggestions.length < count
    return { suggestions, waiting: waiting && short, exhausted: this.#exhausted && short, told }
  }

  /** A question that costs nothing. Rejects with BUS_NO_RESPONDERS when its process is gone. */
  async knock(): Promise<void> {
    await this.#suggester.observe(this.instance, [], false)
  }

  /** The experiment is over: the optimizer may forget it. */
  async close(): Promise<void> {
    await this.#suggester.observe(this.instance, this.#unsaid.splice(0), true)
  }

  async #tell(): Promise<void> {
    while (this.#unsaid.length > 0) {
      const [page = []] = pagesOf(this.#unsaid, this.#pageBytes)
      await this.#suggester.observe(this.instance, page, false)
      this.#unsaid.splice(0, page.length)
    }
    this.#told = this.#observed
  }

  #checkCount({ suggestions, exhausted, waiting }: Answer, wanted: number): void {
    const given = suggestions.length
    if (given > wanted || (given < wanted && !exhausted && !waiting)) {
      throw this.#suggester.misbehaved(`${given} suggestions where ${wanted} were asked for`)
    }
  }
}

/** Cuts a history into pages that fit a message of `bytes`. */
export function pagesOf(history: readonly Observed[], bytes: number): Observed[][] {
  const pages: Observed[][] = [[]]
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
