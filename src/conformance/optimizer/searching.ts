/** Checks of an optimizer alone: points that differ, points that the user has enqueued, many trials, and budgets. */
import type { Hparams, SearchSpace } from '../../../protocol/index.ts'
import { withFixed } from '../../space/index.ts'
import { Finding, requires, same, type Check } from '../check.ts'
import { cameText } from '../line.ts'
import { requiresInside, type OptimizerPeer } from './peer.ts'

const smallSpace: SearchSpace = {
  a: { type: 'integer', low: 1, high: 2 },
  b: { type: 'categorical', choices: ['x', 'y'] },
}

/** So many trials run at once in a large fleet. */
const mostPending = 64

const distinct = (all: readonly Hparams[]): number => new Set(all.map((each) => JSON.stringify(each))).size

/** `many`: trials that are told at once. */
export const searching = (many: number): readonly Check<OptimizerPeer>[] => [
  {
    name: 'asking.pending',
    says: `gives different points for trials that run at once, up to ${mostPending}`,
    why: 'a slot that tries what another one is trying already is wasted',
    async run(peer) {
      const at = await peer.opened()
      const found: Hparams[] = []
      for (let trial = 0; trial < mostPending; trial += 1) {
        const { suggestions } = await peer.suggest(at, trial)
        const [suggestion] = suggestions
        if (suggestion === undefined) break
        if ((suggestion.fidelity?.from ?? null) === null) found.push(suggestion.hparams)
      }
      const different = distinct(found)
      requires(different > found.length / 2 || found.length < 2, () => {
        return `of ${found.length} trials that run at once only ${different} are different`
      })
      return `${different} of ${found.length} different`
    },
  },
  {
    name: 'asking.exhausted',
    says: 'stays exhausted once it is',
    why: 'the driver ends the search at the first `exhausted`; one that takes it back has lost its count',
    async run(peer) {
      const at = await peer.opened({ space: smallSpace })
      for (let trial = 0; trial < 12; trial += 1) {
        const { suggestions, exhausted } = await peer.suggest(at, trial)
        const [suggestion] = suggestions
        if (exhausted && suggestion === undefined) {
          const later = await peer.suggest(at, trial + 5)
          requires(later.exhausted && later.suggestions.length === 0, () => 'it was exhausted, and then suggested more')
          return `exhausted after ${trial} trials in a space of 4 points`
        }
        if (suggestion !== undefined) await peer.observe(at, [peer.done(trial, suggestion)])
      }
      return 'never exhausted in a space of 4 points'
    },
  },
  {
    name: 'asking.enqueued',
    says: 'fills in what the user left open of the first trials',
    why: 'the driver puts in what the user fixed; what was made for other values beside it may lie outside of the space',
    async run(peer) {
      const [name, value] = Object.entries(await firstPoint(peer))[0] ?? []
      if (name === undefined || value === undefined) throw new Finding('skipped', 'the space has no parameter')
      const entry: Hparams = { [name]: value }
      const at = await peer.opened({ enqueue: [entry, {}] })
      const suggestion = await peer.one(at, 0)
      requiresInside(peer.space, withFixed(peer.space, entry, suggestion.hparams), 0)
      requiresInside(peer.space, (await peer.one(at, 1)).hparams, 1)
      return undefined
    },
  },
  {
    name: 'asking.budgets',
    says: 'says of each suggestion how far it goes, if it says so of any, and continues earlier trials only',
    why: 'the driver refuses fidelities that are not as many as hparams, and a trial that continues one that is not there',
    async run(peer) {
      const at = await peer.opened()
      for (let trial = 0; trial < 24; trial += 1) {
        const came = await peer.trySuggest(at, trial)
        requires(came.kind === 'ok', () => cameText(came))
        const { hparams, fidelities } = came.value as { hparams: Hparams[]; fidelities?: { from: number | null }[] }
        if (fidelities === undefined || hparams[0] === undefined)
          return fidelities === undefined ? 'it knows no budgets' : undefined
        requires(
          fidelities.length === hparams.length,
          () => `${fidelities.length} fidelities beside ${hparams.length} hparams`,
        )
        const from = fidelities[0]?.from ?? null
        requires(from === null || from < trial, () => `trial ${trial} continues trial ${from}`)
        const [suggestion] = peer.suggestionsIn(came.value as Record<string, unknown>)
        if (suggestion !== undefined) await peer.observe(at, [peer.done(trial, suggestion)])
      }
      return undefined
    },
  },
  {
    name: 'observing.many',
    says: `takes ${many.toLocaleString('en')} trials at once, and still answers`,
    why: 'a search that is resumed after weeks begins with all that it knows',
    async run(peer) {
      const at = await peer.opened({ trials: 2 * many })
      const { suggestions } = await peer.suggest(at, 0, 16)
      const all = Array.from({ length: many }, (_, trial) => {
        const suggestion = suggestions[trial % suggestions.length]
        return suggestion === undefined ? undefined : peer.done(trial, suggestion)
      }).filter((each) => each !== undefined)
      const page = Math.max(1, Math.floor(peer.line.bus.maxPayload / 2 / 400))
      const before = performance.now()
      for (let from = 0; from < all.length; from += page) await peer.observe(at, all.slice(from, from + page))
      const { suggestions: next, waiting, exhausted } = await peer.suggest(at, many)
      requires(next.length === 1 || waiting || exhausted, () => 'it suggests nothing after them')
      await peer.tryObserve(at, [], true)
      return `${Math.round(performance.now() - before)} ms with the next suggestion`
    },
  },
  {
    name: 'reopening.no-repetition',
    says: 'does not begin again at the points that it has tried, after a reopening',
    why: 'randomness that begins anew with the process suggests the same trials over and over',
    async run(peer) {
      const before = await peer.opened()
      const history = await peer.search(before, 6)
      const { experiment } = before
      const at = await peer.opened({ experiment, history })
      const tried = new Set(history.map(({ hparams }) => JSON.stringify(hparams)))
      let repeated = 0
      let asked = 0
      for (let trial = history.length; trial < history.length + 6; trial += 1) {
        const { suggestions } = await peer.suggest(at, trial)
        const [suggestion] = suggestions
        if (suggestion === undefined || (suggestion.fidelity?.from ?? null) !== null) continue
        asked += 1
        if (tried.has(JSON.stringify(suggestion.hparams))) repeated += 1
      }
      requires(
        asked < 2 || repeated <= asked / 2,
        () => `${repeated} of ${asked} suggestions after a reopening had been tried before it`,
      )
      return undefined
    },
  },
  {
    name: 'reopening.seed',
    says: 'takes its randomness from the seed that it is opened with',
    why: 'the same search twice gives the same suggestions; another seed is how a user tries again',
    async run(peer) {
      const first = await peer.opened({ seed: 3 })
      const { experiment } = first
      const wanted = await peer.suggest(first, 0, 4)
      const again = await peer.suggest(await peer.opened({ experiment, seed: 3 }), 0, 4)
      requires(same(wanted.suggestions, again.suggestions), () => 'with the same seed it suggests other points')
      return undefined
    },
  },
]

async function firstPoint(peer: OptimizerPeer): Promise<Hparams> {
  return (await peer.one(await peer.opened(), 0)).hparams
}
