/**
 * The driver's side of a conversation with an optimizer or an ablator: open, suggest, observe. The methods whose name begins with `try` give
 * whatever came; the others end the check when the answer is not one that a driver could use.
 */
import { randomBytes } from 'node:crypto'
import { check, isProblem, subjectFor, type Call } from '../../../protocol/index.ts'
import { Finding } from '../check.ts'
import { cameText, type Came, type Line } from '../line.ts'

export interface SuggesterCalls {
  readonly open: Call
  readonly suggest: Call
  readonly observe: Call
}

/** Where an experiment was opened. */
export interface Opened {
  readonly experiment: string
  readonly instance: string
  readonly adaptive: boolean
}

/** A trial as it is told. */
export interface Told {
  readonly trial: number
  readonly state: string
}

/** Kills the actor with SIGKILL and starts it again; resolves when it answers. */
export type Restart = () => Promise<void>

export interface SuggesterPeerOptions {
  readonly line: Line
  /** The name that experiments know the actor by. */
  readonly name: string
  readonly options?: Readonly<Record<string, unknown>>
  /** Where the suite started the actor itself. */
  readonly restart?: Restart
}

/** `Observation`: a trial with what was suggested for it. */
export abstract class SuggesterPeer<Suggestion extends object, Observation extends Told> {
  abstract readonly role: 'optimizer' | 'ablator'
  abstract readonly calls: SuggesterCalls
  readonly line: Line
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
  readonly restart: Restart | undefined
  readonly #run = randomBytes(4).toString('hex')
  #count = 0

  constructor({ line, name, options = {}, restart }: SuggesterPeerOptions) {
    this.line = line
    this.name = name
    this.options = options
    this.restart = restart
  }

  /** The default content of `open`, beside the experiment. */
  abstract setting(): Readonly<Record<string, unknown>>
  /** The suggestions in a reply to `suggest`. */
  abstract suggestionsIn(reply: Readonly<Record<string, unknown>>): readonly Suggestion[]
  abstract pending(trial: number, suggestion: Suggestion): Observation
  /** Done, with a value that depends on the suggestion alone. */
  abstract done(trial: number, suggestion: Suggestion): Observation
  /** Trials of earlier experiments (a warm start), where the role knows such. */
  abstract earlier(suggestion: Suggestion): readonly Observation[]
  /** The code for an experiment that it cannot take. */
  abstract readonly unfit: string

  /** An identity that no other check uses. */
  fresh(): string {
    this.#count += 1
    return `conformance-${this.#run}-${this.#count}`
  }

  subject(verb: 'open' | 'suggest' | 'observe', instance = ''): string {
    const params = { [this.role]: this.name, instance }
    return subjectFor(this.calls[verb] as { subject: string }, params as never)
  }

  tryOpen(payload: Readonly<Record<string, unknown>> = {}): Promise<Came> {
    const experiment = this.fresh()
    return this.line.ask(this.subject('open'), { experiment, ...this.setting(), ...payload })
  }

  async answers(): Promise<boolean> {
    const { kind } = await this.line.probe(this.subject('open'))
    return kind !== 'nobody' && kind !== 'silence'
  }

  /** Skips the check when the actor refuses the setting as unfit. */
  async opened(payload: Readonly<Record<string, unknown>> = {}): Promise<Opened> {
    const experiment = typeof payload['experiment'] === 'string' ? payload['experiment'] : this.fresh()
    const came = await this.tryOpen({ ...payload, experiment })
    if (came.kind === 'error' && came.code === this.unfit) {
      throw new Finding('skipped', `it refuses this: ${came.code}, ${came.message}`)
    }
    const { instance, adaptive } = this.#value(came, this.calls.open, 'open') as Omit<Opened, 'experiment'>
    return { experiment, instance, adaptive }
  }

  /** For checks of something else: what is wrong with opening is said by its own check. */
  async openedOrSkip(): Promise<Opened> {
    try {
      return await this.opened()
    } catch (error) {
      if (error instanceof Finding) throw new Finding('skipped', `open fails: see transport.open`)
      throw error
    }
  }

  trySuggest(
    { experiment, instance }: Pick<Opened, 'experiment' | 'instance'>,
    trial: number,
    count = 1,
  ): Promise<Came> {
    return this.line.ask(this.subject('suggest', instance), { experiment, trial, count }, this.line.patience.thinkingMs)
  }

  async suggest(at: Opened, trial: number, count = 1): Promise<Suggested<Suggestion>> {
    const came = await this.trySuggest(at, trial, count)
    const reply = this.#value(came, this.calls.suggest, 'suggest') as Readonly<Record<string, unknown>>
    return {
      suggestions: this.suggestionsIn(reply),
      waiting: reply['waiting'] === true,
      exhausted: reply['exhausted'] === true,
    }
  }

  /** One suggestion; skips the check where there is none to be had. */
  async one(at: Opened, trial: number): Promise<Suggestion> {
    const { suggestions, waiting, exhausted } = await this.suggest(at, trial)
    const [suggestion] = suggestions
    if (suggestion !== undefined) return suggestion
    if (waiting || exhausted) throw new Finding('skipped', `it has nothing to suggest for trial ${trial}`)
    throw new Finding('failed', `it gave nothing for trial ${trial}, and is neither waiting nor exhausted`)
  }

  tryObserve(
    { experiment, instance }: Pick<Opened, 'experiment' | 'instance'>,
    observations: readonly unknown[],
    closed = false,
  ): Promise<Came> {
    return this.line.ask(this.subject('observe', instance), { experiment, observations, closed })
  }

  async observe(at: Opened, observations: readonly Observation[]): Promise<void> {
    this.#value(await this.tryObserve(at, observations), this.calls.observe, 'observe')
  }

  /** So many trials, one after the other, each told before the next is asked for. Fewer, where there are no more. */
  async search(at: Opened, trials: number, from = 0): Promise<Observation[]> {
    const history: Observation[] = []
    for (let trial = from; trial < from + trials; trial += 1) {
      const { suggestions } = await this.suggest(at, trial)
      const [suggestion] = suggestions
      if (suggestion === undefined) break
      const observation = this.done(trial, suggestion)
      history.push(observation)
      await this.observe(at, [observation])
    }
    return history
  }

  #value(came: Came, call: Call, verb: string): unknown {
    if (came.kind !== 'ok') throw new Finding('failed', `${verb} was not answered as it should be: ${cameText(came)}`)
    try {
      return check(call.reply, came.value, verb)
    } catch (error) {
      if (!isProblem(error, 'MESSAGE_INVALID')) throw error
      throw new Finding('failed', `the answer to ${verb} is not valid: ${error.message}`)
    }
  }
}

export interface Suggested<Suggestion> {
  readonly suggestions: readonly Suggestion[]
  readonly waiting: boolean
  readonly exhausted: boolean
}
