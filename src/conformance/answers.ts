/** Answers that a check asks for by an error, and the check of versions, which is the same for every kind of actor. */
import { version } from '../../protocol/index.ts'
import { Finding, requires, type Check } from './check.ts'
import { cameText, type Came, type Line } from './line.ts'

/** An error with this code is what should come. */
export function requiresError(came: Came, code: string): asserts came is Extract<Came, { kind: 'error' }> {
  requires(came.kind === 'error' && came.code === code, () => `${code} should come, and there came ${cameText(came)}`)
}

/** An error is what should come, with whatever code. */
export function requiresAnyError(came: Came): void {
  requires(
    came.kind === 'error',
    () => `an error with a code and a message should come, and there came ${cameText(came)}`,
  )
}

/** `question`: a subject of the actor's and what is asked there. */
export const otherVersion = <Peer extends { readonly line: Line }>(
  question: (peer: Peer) => { readonly subject: string; readonly payload: object },
): Check<Peer> => ({
  name: 'transport.other-version',
  says: 'answers another major version with VERSION_UNSUPPORTED',
  why: 'a driver of another version is told so, instead of being taken at words that mean something else',
  async run(peer) {
    const { subject, payload } = question(peer)
    const came = await peer.line.ask(subject.replace(`maggy.${version}.`, 'maggy.v999.'), payload)
    if (came.kind === 'nobody') throw new Finding('advised', 'nobody hears other versions: subscribe to maggy.*.call.…')
    requiresError(came, 'VERSION_UNSUPPORTED')
    return undefined
  },
})
