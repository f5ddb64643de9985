/** Checks of an ablator: those of an optimizer that is asked and told, and that it leaves out only components that the study names. */
import {
  observeAblation,
  openAblation,
  suggestRemovals,
  type AblationObservation,
  type Component,
  type Removal,
} from '../../protocol/index.ts'
import { Finding, requires, type Check } from './check.ts'
import { asking } from './suggester/asking.ts'
import { observing } from './suggester/observing.ts'
import { SuggesterPeer, type Opened } from './suggester/peer.ts'
import { refusing } from './suggester/refusing.ts'
import { reopening } from './suggester/reopening.ts'
import { speed } from './suggester/speed.ts'
import { transport } from './suggester/transport.ts'

const objectives = [{ metric: 'value', direction: 'maximize' as const }]
const repeats = 3

const components: readonly Component[] = ['age', 'height', 'weight', 'eyes'].map((name) => ({
  kind: 'features',
  name: `feature:${name}`,
  features: [name],
}))

export class AblatorPeer extends SuggesterPeer<Removal, AblationObservation> {
  readonly role = 'ablator'
  readonly calls = { open: openAblation, suggest: suggestRemovals, observe: observeAblation }
  readonly unfit = 'ABLATOR_UNFIT'

  setting() {
    return { components, repeats, objectives, seed: 1, options: this.options, trials: 100, history: [] }
  }

  suggestionsIn(reply: Readonly<Record<string, unknown>>): readonly Removal[] {
    return (reply as { readonly removals: readonly Removal[] }).removals
  }

  /** An ablator that gives fewer than were asked for waits, whether it says so or not. */
  override async suggest(at: Opened, trial: number, count = 1) {
    const said = await super.suggest(at, trial, count)
    return { ...said, waiting: said.waiting || (said.suggestions.length < count && !said.exhausted) }
  }

  pending(trial: number, { without, repeat }: Removal): AblationObservation {
    return { trial, without, repeat, state: 'pending', metrics: {}, step: null }
  }

  done(trial: number, removal: Removal): AblationObservation {
    const value = 1 - 0.1 * removal.without.length - 0.01 * removal.repeat
    return { ...this.pending(trial, removal), state: 'done', metrics: { value }, step: 1 }
  }

  earlier(): readonly AblationObservation[] {
    return []
  }

  /** A study to its end, each trial told before the next; `outcome`: what becomes of a trial. */
  async study(
    payload: object,
    outcome: (trial: number, removal: Removal) => AblationObservation,
  ): Promise<AblationObservation[]> {
    const at = await this.opened({ ...payload })
    const history: AblationObservation[] = []
    for (;;) {
      const trial = history.length
      const { suggestions, exhausted } = await this.suggest(at, trial)
      const [removal] = suggestions
      if (removal === undefined) {
        requires(exhausted, () => `it gave nothing for trial ${trial}, and is not exhausted; no trial is pending`)
        return history
      }
      const observation = outcome(trial, removal)
      history.push(observation)
      requires(
        history.length <= mostTrials,
        () => `it comes to no end: ${mostTrials} trials of ${components.length} components`,
      )
      await this.observe(at, [observation])
    }
  }
}

/** More than all subsets of the components, each repeated. */
const mostTrials = 2 ** components.length * repeats + 1

const keyOf = ({ without, repeat }: Removal) => JSON.stringify([without.toSorted(), repeat])

const removing: readonly Check<AblatorPeer>[] = [
  {
    name: 'removing.named',
    says: 'leaves out components of the study only, each once, and numbers repeats from 0',
    why: 'what nobody named cannot be left out: the driver fails the experiment (ABLATOR_MISBEHAVED)',
    async run(peer) {
      const names = new Set(components.map(({ name }) => name))
      const history = await peer.study({}, (trial, removal) => peer.done(trial, removal))
      for (const { trial, without, repeat } of history) {
        const stranger = without.find((name) => !names.has(name))
        requires(stranger === undefined, () => `trial ${trial} leaves out ${stranger}, which is no component`)
        requires(new Set(without).size === without.length, () => `trial ${trial} leaves out the same component twice`)
        requires(repeat < repeats, () => `trial ${trial} is repeat ${repeat}; there are 0 to ${repeats - 1}`)
      }
      return `${history.length} trials of ${components.length} components, each ${repeats} times`
    },
  },
  {
    name: 'removing.base',
    says: 'tries the base, which leaves out nothing',
    why: 'what a component is worth is the difference to the base: without it there is nothing to tell',
    async run(peer) {
      const history = await peer.study({}, (trial, removal) => peer.done(trial, removal))
      requires(
        history.some(({ without }) => without.length === 0),
        () => 'no trial leaves out nothing',
      )
      return undefined
    },
  },
  {
    name: 'removing.once',
    says: 'tries nothing twice',
    why: 'repeats have seeds of their own; the same repeat again is the same trial, and counts as if it were another',
    async run(peer) {
      const history = await peer.study({}, (trial, removal) => peer.done(trial, removal))
      const different = new Set(history.map(keyOf)).size
      requires(different === history.length, () => `of ${history.length} trials only ${different} are different`)
      return undefined
    },
  },
  {
    name: 'removing.failures',
    says: 'comes to an end when every trial fails',
    why: 'a component without which nothing runs is what an ablation may find',
    async run(peer) {
      await peer.study({}, (trial, removal) => ({ ...peer.pending(trial, removal), state: 'failed' }))
      return undefined
    },
  },
  {
    name: 'removing.impossible',
    says: 'does not leave out together what cannot go together',
    why: 'such a trial is refused before it begins, and counts as not possible',
    async run(peer) {
      const [one = '', other = ''] = components.map(({ name }) => name)
      const history = await peer.study({ impossible: [[one, other]] }, (trial, removal) => peer.done(trial, removal))
      const wrong = history.find(({ without }) => without.includes(one) && without.includes(other))
      if (wrong !== undefined) throw new Finding('advised', `trial ${wrong.trial} leaves out ${one} and ${other}`)
      return undefined
    },
  },
  {
    name: 'removing.one-component',
    says: 'takes a study of one component, once',
    why: 'the smallest study is the one that people begin with',
    async run(peer) {
      const small = { components: components.slice(0, 1), repeats: 1 }
      const history = await peer.study(small, (trial, removal) => peer.done(trial, removal))
      requires(history.length > 0, () => 'it suggests nothing')
      return undefined
    },
  },
]

/** The checks, in the order of their groups. `trials`: of the check of speed, at most. */
export function ablatorChecks({ trials = 1000 }: { readonly trials?: number } = {}): Check<AblatorPeer>[] {
  return [...transport, ...removing, ...asking, ...observing, ...reopening, ...refusing, speed(trials)]
}
