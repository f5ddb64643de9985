/** How an optimizer or an ablator refuses. */
import { requiresError } from '../answers.ts'
import { Finding, requires, type Check } from '../check.ts'
import type { SuggesterPeer } from './peer.ts'

type Peer = SuggesterPeer<object, { trial: number; state: string }>

export const refusing: readonly Check<Peer>[] = [
  {
    name: 'refusing.option',
    says: 'refuses an option that it does not have, with its code for what it cannot take, and the path of the option',
    why: 'a slip of the pen in an option would go unnoticed, and the search would not be the one that was asked for',
    async run(peer) {
      const option = 'noSuchOption'
      const came = await peer.tryOpen({ options: { ...peer.options, [option]: 1 } })
      if (came.kind === 'ok')
        throw new Finding('advised', `it takes an option that it cannot know, ${option}, without a word`)
      requiresError(came, peer.unfit)
      requires(
        came.message.includes(`options.${option}`),
        () => `the message should name the path options.${option}; it is: ${came.message}`,
      )
      return undefined
    },
  },
]
