/** The driver's side of a conversation with an optimizer. */
import {
  firstEarlierTrial,
  observe,
  open,
  suggest,
  type Fidelity,
  type Hparams,
  type Objective,
  type Observation,
  type SearchSpace,
} from '../../../protocol/index.ts'
import { faultIn } from '../../space/index.ts'
import { requires } from '../check.ts'
import { SuggesterPeer, type Opened, type SuggesterPeerOptions } from '../suggester/peer.ts'

export interface Proposed {
  readonly hparams: Hparams
  readonly fidelity?: Fidelity
}

export interface OptimizerPeerOptions extends SuggesterPeerOptions {
  /** The space that is used where a check has none of its own. Default: a double and an integer on steps, and a choice. */
  readonly space?: SearchSpace
}

/** Any optimizer should take it, a grid too. */
const usualSpace: SearchSpace = {
  x: { type: 'double', low: 0, high: 1, step: 0.001 },
  n: { type: 'integer', low: 1, high: 64, log: true },
  kind: { type: 'categorical', choices: ['a', 'b', 'c'] },
}

const objectives: readonly Objective[] = [{ metric: 'value', direction: 'minimize' }]

export class OptimizerPeer extends SuggesterPeer<Proposed, Observation> {
  readonly role = 'optimizer'
  readonly calls = { open, suggest, observe }
  readonly unfit = 'OPTIMIZER_UNFIT'
  readonly space: SearchSpace

  constructor({ space = usualSpace, ...given }: OptimizerPeerOptions) {
    super(given)
    this.space = space
  }

  setting() {
    return { space: this.space, objectives, seed: 1, options: this.options, trials: 100, history: [] }
  }

  suggestionsIn(reply: Readonly<Record<string, unknown>>): readonly Proposed[] {
    const { hparams, fidelities } = reply as { hparams: readonly Hparams[]; fidelities?: readonly Fidelity[] }
    return hparams.map((each, index) => {
      const fidelity = fidelities?.[index]
      return { hparams: each, ...(fidelity === undefined ? {} : { fidelity }) }
    })
  }

  pending(trial: number, { hparams, fidelity }: Proposed): Observation {
    return {
      trial,
      hparams,
      ...(fidelity === undefined ? {} : { fidelity }),
      state: 'pending',
      metrics: {},
      step: null,
    }
  }

  done(trial: number, suggestion: Proposed): Observation {
    const value = valueOf(suggestion.hparams)
    return { ...this.pending(trial, suggestion), state: 'done', metrics: { value }, step: 1 }
  }

  earlier({ hparams }: Proposed): readonly Observation[] {
    return [0, 1].map((index) => this.done(firstEarlierTrial + index, { hparams }))
  }

  /** Suggestions for `trials` trials, each inside the space; told of each before the next is asked for. */
  async searchInside(space: SearchSpace, trials: number, payload: object = {}): Promise<Hparams[]> {
    const at: Opened = await this.opened({ space, ...payload })
    const found: Hparams[] = []
    for (let trial = 0; trial < trials; trial += 1) {
      const { suggestions } = await this.suggest(at, trial)
      const [suggestion] = suggestions
      if (suggestion === undefined) break
      requiresInside(space, suggestion.hparams, trial)
      found.push(suggestion.hparams)
      await this.observe(at, [this.done(trial, suggestion)])
    }
    requires(found.length > 0, () => 'it suggests nothing at all')
    await this.tryObserve(at, [], true)
    return found
  }
}

export function requiresInside(space: SearchSpace, hparams: Hparams, trial: number): void {
  const fault = faultIn(space, hparams)
  requires(fault === undefined, () => `trial ${trial}: ${fault?.path} ${fault?.reason}`)
}

/** A smooth value of the numbers, the same for the same hparams. */
function valueOf(hparams: Hparams): number {
  const numbers = Object.values(hparams).filter((value) => typeof value === 'number')
  return numbers.reduce((sum, number, index) => sum + Math.abs(Math.tanh(number / 10) - 0.3 / (index + 1)), 0)
}
