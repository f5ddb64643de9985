/** Checks of the use that an optimizer or an ablator makes of results. Its answers must depend on what is known, never on how it came to be known. */
import { cameText } from '../line.ts'
import { requires, same, type Check } from '../check.ts'
import type { Opened, SuggesterPeer } from './peer.ts'

type Peer = SuggesterPeer<object, { trial: number; state: string }>
const trials = 8

/** The next suggestion, after `tell` has told a fresh session of these trials. */
async function after(
  peer: Peer,
  experiment: string,
  next: number,
  tell: (at: Opened) => Promise<void>,
  history: readonly object[] = [],
): Promise<object> {
  const at = await peer.opened({ experiment, history })
  await tell(at)
  return peer.one(at, next)
}

/** A search of a few trials, and what is suggested after it in a session that is told of it in order. */
async function known(peer: Peer) {
  const experiment = peer.fresh()
  const history = await peer.search(await peer.opened({ experiment }), trials)
  const next = history.length
  const wanted = await after(peer, experiment, next, (at) => peer.observe(at, history))
  const differs = (came: object, how: string) => {
    requires(same(wanted, came), () => {
      return `told ${how}, it suggests ${JSON.stringify(came)} for trial ${next}; told once, in order, ${JSON.stringify(wanted)}`
    })
  }
  return { experiment, history, next, differs }
}

export const observing: readonly Check<Peer>[] = [
  {
    name: 'observing.twice',
    says: 'counts a trial that it is told of twice once',
    why: 'the driver tells again what it got no answer for',
    async run(peer) {
      const { experiment, history, next, differs } = await known(peer)
      const came = await after(peer, experiment, next, async (at) => {
        await peer.observe(at, history)
        await peer.observe(at, history.slice(2))
      })
      differs(came, 'twice')
      return undefined
    },
  },
  {
    name: 'observing.out-of-order',
    says: 'does not mind the order in which it is told',
    why: 'trials end in any order, and after a reopening they are told by number: the search would go elsewhere, and could not be repeated',
    async run(peer) {
      const { experiment, history, next, differs } = await known(peer)
      const came = await after(peer, experiment, next, async (at) => {
        for (const observation of history.toReversed()) await peer.observe(at, [observation])
      })
      differs(came, 'one by one, the last trial first')
      return undefined
    },
  },
  {
    name: 'observing.split-history',
    says: 'takes the rest of a history that does not fit into open by observe',
    why: 'a message holds a few megabytes; a long history is told in several, before anything is asked',
    async run(peer) {
      const { experiment, history, next, differs } = await known(peer)
      const middle = Math.floor(history.length / 2)
      const rest = history.slice(middle)
      const came = await after(peer, experiment, next, (at) => peer.observe(at, rest), history.slice(0, middle))
      differs(came, 'half by open and half by observe')
      return undefined
    },
  },
  {
    name: 'observing.late',
    says: 'takes the result of a trial that others have overtaken',
    why: 'trials take their time: the slowest of all may be the first one',
    async run(peer) {
      const at = await peer.opened()
      const { suggestions } = await peer.suggest(at, 0, 6)
      const [first, ...others] = suggestions.map((suggestion, trial) => peer.done(trial, suggestion))
      await peer.observe(at, others)
      await peer.suggest(at, suggestions.length)
      if (first !== undefined) await peer.observe(at, [first])
      await peer.suggest(at, suggestions.length + 1)
      return undefined
    },
  },
  {
    name: 'observing.unknown-trial',
    says: 'takes the result of a trial that it never suggested',
    why: 'after a reopening all trials are such, and those of earlier experiments (numbered from 2^40 on) always are',
    async run(peer) {
      const at = await peer.opened()
      const suggestion = await peer.one(at, 0)
      const unseen = [3, 77].map((trial) => peer.done(trial, suggestion))
      await peer.observe(at, [...unseen, ...peer.earlier(suggestion)])
      await peer.suggest(at, 1)
      return undefined
    },
  },
  {
    name: 'observing.states',
    says: 'takes trials that ended in every way, with metrics that are null or missing',
    why: 'trials fail, are pruned and cancelled, and what they report may not be finite: null stands for that',
    async run(peer) {
      const at = await peer.opened()
      const { suggestions } = await peer.suggest(at, 0, 7)
      const ended = suggestions.map((suggestion, trial) => ({
        ...peer.done(trial, suggestion),
        ...endings[trial % endings.length],
      }))
      for (const observation of ended) {
        const came = await peer.tryObserve(at, [observation])
        requires(came.kind === 'ok', () => `a trial that is ${observation.state} was answered with ${cameText(came)}`)
      }
      await peer.suggest(at, suggestions.length)
      return undefined
    },
  },
]

const endings: readonly { state: string; metrics: Record<string, number | null>; step: number | null }[] = [
  { state: 'done', metrics: { value: null }, step: 1 },
  { state: 'pruned', metrics: { value: 0.5 }, step: 1 },
  { state: 'pruned', metrics: {}, step: null },
  { state: 'failed', metrics: {}, step: null },
  { state: 'cancelled', metrics: {}, step: null },
  { state: 'done', metrics: { other: 1 }, step: null },
  { state: 'done', metrics: { value: 0.25, other: null }, step: 3 },
]
