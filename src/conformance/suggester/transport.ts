/** How an optimizer or an ablator answers on the bus, whatever it answers. */
import { encode, problem, toProblem } from '../../../protocol/index.ts'
import { requires, same, type Check } from '../check.ts'
import { cameText } from '../line.ts'
import { otherVersion, requiresAnyError, requiresError } from '../answers.ts'
import type { SuggesterPeer } from './peer.ts'

type Peer = SuggesterPeer<object, { trial: number; state: string }>

/** Opens of which this suite takes some for itself, to see whether the actor shares them. */
const shared = 48

export const transport: readonly Check<Peer>[] = [
  {
    name: 'transport.served-before-reply',
    says: 'serves its instance before it answers open',
    why: 'the first question follows the answer at once; nobody there means to the driver that the process has died',
    async run(peer) {
      // The first of all checks, for a process that answers by one instance serves it late only once.
      for (let round = 0; round < 20; round += 1) {
        const at = await peer.openedOrSkip()
        const came = await peer.tryObserve(at, [])
        requires(came.kind !== 'nobody', () => 'it answered open, and then nobody listened at its instance')
        await peer.tryObserve(at, [], true)
      }
      return undefined
    },
  },
  {
    name: 'transport.open',
    says: 'answers open with its instance, and says whether results matter to it',
    why: 'without this answer no experiment begins: the driver says OPTIMIZER_UNAVAILABLE or ABLATOR_UNAVAILABLE, and tries for ever',
    async run(peer) {
      const { instance, adaptive } = await peer.opened()
      return `instance ${instance}, ${adaptive ? 'adaptive' : 'not adaptive'}`
    },
  },
  {
    name: 'transport.knock',
    says: 'answers an observe that tells nothing',
    why: 'by this the driver finds out whether a process that thinks for long still lives',
    async run(peer) {
      await peer.observe(await peer.opened(), [])
      return undefined
    },
  },
  {
    name: 'transport.queue-group',
    says: 'hears open as a member of the queue group of its role',
    why: 'otherwise two processes of that name both open each experiment, and the answer of one is lost',
    async run(peer) {
      const { bus } = peer.line
      const subject = peer.subject('open')
      let taken = 0
      const busy = encode({ error: toProblem(problem('OPTIMIZER_BUSY', { optimizer: peer.name, waiting: 0 })) })
      const decoy = bus.subscribe(
        subject,
        (delivery) => {
          taken += 1
          delivery.respond(busy)
        },
        { queue: peer.role },
      )
      try {
        await bus.flush()
        for (let round = 0; round < shared; round += 1) await peer.tryOpen()
      } finally {
        decoy.unsubscribe()
        await bus.flush()
      }
      peer.line.note(
        `${shared} times ${subject}, with another member in the queue group \`${peer.role}\``,
        `that one got ${taken}`,
      )
      requires(
        taken < shared,
        () => `another member of the group \`${peer.role}\` got all ${shared}, as if it were alone`,
      )
      requires(taken > 0, () => `another member of the group \`${peer.role}\` got none of ${shared}`)
      return undefined
    },
  },
  otherVersion((peer) => ({
    subject: peer.subject('open'),
    payload: { experiment: peer.fresh(), ...peer.setting() },
  })),
  {
    name: 'transport.unknown-fields',
    says: 'leaves alone what it does not know in a message',
    why: 'a newer driver of the same major version may say more',
    async run(peer) {
      const at = await peer.opened({ somethingNew: { a: [1] } })
      await peer.one(at, 0)
      return undefined
    },
  },
  {
    name: 'transport.garbage',
    says: 'answers garbage with an error, and goes on',
    why: 'one message that is not valid, from whomever, must not end a process that serves all experiments',
    async run(peer) {
      const at = await peer.opened()
      for (const [verb, bytes] of garbage(at.experiment)) {
        const came = await peer.line.ask(peer.subject(verb, at.instance), bytes, peer.line.patience.answerMs)
        requiresAnyError(came)
      }
      await peer.one(at, 0)
      return undefined
    },
  },
  {
    name: 'transport.apart',
    says: 'keeps two experiments apart',
    why: 'one process serves many experiments at once; what one tells must not reach another, nor its end end another',
    async run(peer) {
      const alone = await peer.opened({ seed: 7 })
      const wanted = await peer.one(alone, 0)
      const { experiment } = alone
      const one = await peer.opened({ experiment, seed: 7 })
      const other = await peer.opened({ seed: 8 })
      await peer.search(other, 3)
      const came = await peer.one(one, 0)
      requires(same(wanted, came), () => 'another experiment changed what it suggests in this one')
      await peer.tryObserve(other, [], true)
      await peer.suggest(one, 1)
      return undefined
    },
  },
  {
    name: 'transport.unknown-experiment',
    says: 'answers EXPERIMENT_UNKNOWN of what it was not told to open',
    why: 'by this code the driver opens the experiment again; any other one fails it, and a made-up answer has no history',
    async run(peer) {
      const { instance } = await peer.opened()
      const stranger = { experiment: peer.fresh(), instance }
      requiresError(await peer.trySuggest(stranger, 0), 'EXPERIMENT_UNKNOWN')
      requiresError(await peer.tryObserve(stranger, []), 'EXPERIMENT_UNKNOWN')
      return undefined
    },
  },
  {
    name: 'transport.closed',
    says: 'forgets an experiment that is closed',
    why: 'a process that serves for months otherwise grows with every experiment that it ever had',
    async run(peer) {
      const at = await peer.opened()
      await peer.one(at, 0)
      const came = await peer.tryObserve(at, [], true)
      requires(came.kind === 'ok', () => `closing it should be answered, and there came ${cameText(came)}`)
      requiresError(await peer.trySuggest(at, 1), 'EXPERIMENT_UNKNOWN')
      return undefined
    },
  },
]

type Verb = 'open' | 'suggest' | 'observe'

/** Bytes that are nothing, and messages that lack what they need. */
function garbage(experiment: string): readonly (readonly [Verb, Uint8Array])[] {
  const bytes: readonly Uint8Array[] = [
    new Uint8Array(),
    new Uint8Array([0xc1]),
    encode(null),
    encode([1, 2]),
    encode({}),
  ]
  const wrong: readonly (readonly [Verb, unknown])[] = [
    ['suggest', { experiment, trial: -1, count: 1 }],
    ['suggest', { experiment, trial: 'zero', count: 1 }],
    ['suggest', { experiment, trial: 0, count: 0 }],
    ['observe', { experiment, observations: [{ trial: 0 }], closed: false }],
    ['observe', { experiment, observations: 'none', closed: false }],
    ['open', { experiment: 'not an identity!', seed: -1 }],
  ]
  const verbs = ['open', 'suggest', 'observe'] as const
  return [
    ...verbs.flatMap((verb) => bytes.map((each) => [verb, each] as const)),
    ...wrong.map(([verb, payload]) => [verb, encode(payload)] as const),
  ]
}
