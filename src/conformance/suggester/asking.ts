/** How an optimizer or an ablator answers when it is asked for suggestions. */
import { requires, same, type Check } from '../check.ts'
import type { SuggesterPeer } from './peer.ts'

type Peer = SuggesterPeer<object, { trial: number; state: string }>

export const asking: readonly Check<Peer>[] = [
  {
    name: 'asking.count',
    says: 'gives as many suggestions as are asked for: 1, 4, 16',
    why: 'the driver refuses more, and fewer of one that is neither waiting nor exhausted, and fails the experiment',
    async run(peer) {
      const at = await peer.opened()
      let trial = 0
      for (const count of [1, 4, 16]) {
        const { suggestions, waiting, exhausted } = await peer.suggest(at, trial, count)
        const given = suggestions.length
        requires(given <= count, () => `${count} were asked for, and ${given} came`)
        requires(given === count || waiting || exhausted, () => {
          return `${count} were asked for, ${given} came, and it is neither waiting nor exhausted`
        })
        await peer.observe(
          at,
          suggestions.map((suggestion, index) => peer.done(trial + index, suggestion)),
        )
        if (exhausted) break
        trial += given
      }
      return undefined
    },
  },
  {
    name: 'asking.same-trial-twice',
    says: 'gives the same suggestion for a trial that is asked about again',
    why: 'the driver asks again when a reply was lost; another answer would leave a trial pending for ever that nobody runs',
    async run(peer) {
      const at = await peer.opened()
      await peer.one(at, 0)
      const first = await peer.one(at, 1)
      await peer.one(at, 2)
      const again = await peer.one(at, 1)
      requires(same(first, again), () => `for trial 1 it gave ${JSON.stringify(first)} first, and then another one`)
      return undefined
    },
  },
  {
    name: 'asking.two-at-once',
    says: 'answers two questions that come at once',
    why: 'a driver that took the experiment over may ask while the question of the one before it is still under way',
    async run(peer) {
      const at = await peer.opened()
      const answers = await Promise.all([peer.suggest(at, 0), peer.suggest(at, 1)])
      requires(
        answers.every(({ suggestions, waiting, exhausted }) => suggestions.length === 1 || waiting || exhausted),
        () => 'one of two questions came to nothing',
      )
      return undefined
    },
  },
  {
    name: 'asking.waits-for-something',
    says: 'waits only while a trial is pending',
    why: 'nothing would ever end the wait: the driver fails the experiment',
    async run(peer) {
      const at = await peer.opened()
      const { suggestions, waiting } = await peer.suggest(at, 0)
      requires(suggestions.length > 0 || !waiting, () => 'it waits, and no trial is pending')
      return undefined
    },
  },
]
