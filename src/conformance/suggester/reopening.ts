/** Checks of an optimizer or an ablator whose experiment is opened again: after its process died, or because it forgot. */
import { Finding, requires, same, type Check } from '../check.ts'
import type { SuggesterPeer } from './peer.ts'

type Peer = SuggesterPeer<object, { trial: number; state: string }>
const trials = 6

export const reopening: readonly Check<Peer>[] = [
  {
    name: 'reopening.same-answer',
    says: 'suggests the same after a reopening with what was known',
    why: 'a process may die at any time; the search goes on as if it had not, and can be repeated from its log',
    async run(peer) {
      const before = await peer.opened()
      const history = await peer.search(before, trials)
      const next = history.length
      const wanted = await peer.one(before, next)
      const { experiment } = before
      const came = await peer.one(await peer.opened({ experiment, history }), next)
      requires(same(wanted, came), () => {
        return `for trial ${next} it suggested ${JSON.stringify(wanted)} before, and ${JSON.stringify(came)} after it`
      })
      return undefined
    },
  },
  {
    name: 'reopening.pending',
    says: 'counts the trials that are pending when it is opened again',
    why: 'they still run: without them it suggests them once more',
    async run(peer) {
      const before = await peer.opened()
      const { suggestions } = await peer.suggest(before, 0, 4)
      const history = suggestions.map((suggestion, trial) => peer.pending(trial, suggestion))
      const next = await peer.suggest(before, suggestions.length)
      const { experiment } = before
      const came = await peer.suggest(await peer.opened({ experiment, history }), suggestions.length)
      requires(same(next.suggestions, came.suggestions), () => {
        return `with ${history.length} trials pending it suggested ${JSON.stringify(next.suggestions)} before, and ${JSON.stringify(came.suggestions)} after it`
      })
      return undefined
    },
  },
  {
    name: 'reopening.forgets-the-old',
    says: 'goes by the history of the last opening, and by no memory of the one before',
    why: 'what a driver tells comes out of the log; what a process remembers may be of trials that were never kept',
    async run(peer) {
      const fresh = await peer.opened()
      const { experiment } = fresh
      const wanted = await peer.one(fresh, trials)
      await peer.tryObserve(fresh, [], true)
      await peer.search(await peer.opened({ experiment }), 3)
      const came = await peer.one(await peer.opened({ experiment, history: [] }), trials)
      requires(same(wanted, came), () => {
        return `opened again with an empty history it suggests ${JSON.stringify(came)}, and when nothing had been before ${JSON.stringify(wanted)}`
      })
      return undefined
    },
  },
  {
    name: 'reopening.killed',
    says: 'goes on after kill -9 in the middle of a question',
    why: 'the driver opens the experiment on the process that comes next, with what the log holds, and nothing is lost',
    async run(peer) {
      const { restart } = peer
      if (restart === undefined) {
        throw new Finding('skipped', 'the suite can kill only what it has started: give it the command with --start')
      }
      const before = await peer.opened()
      const history = await peer.search(before, trials)
      const next = history.length
      const wanted = await peer.one(before, next)
      // Its answer never comes, and nobody waits for it.
      peer.trySuggest(before, next + 1, 4).catch(() => undefined)
      await restart()
      const { experiment } = before
      const came = await peer.one(await peer.opened({ experiment, history }), next)
      requires(
        same(wanted, came),
        () =>
          `for trial ${next} it suggested ${JSON.stringify(wanted)} before it was killed, and ${JSON.stringify(came)} after`,
      )
      return undefined
    },
  },
]
