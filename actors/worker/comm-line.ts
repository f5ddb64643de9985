/**
 * What the runner's main thread says to its second one. To wake that thread costs as much as all else of a trial of a millisecond: it hears
 * of a beginning when there is something to say of the attempt, or a moment later; of one that has ended by then it hears nothing.
 * A training that blocks this thread from its beginning cannot be stopped before it reports, and with its first report the other thread
 * hears of it.
 * I1 Whatever is said of an attempt comes after its beginning.
 */
import type { ToComm } from './comm-messages.ts'

const beginWithinMs = 5
const endWithinMs = 20

/** `later` has something done after so many ms, and returns what calls that off. */
export function createCommLine<Port>(
  post: (message: ToComm, ports?: readonly Port[]) => void,
  later: (work: () => void, ms: number) => () => void,
): (message: ToComm, ports?: readonly Port[]) => void {
  /** The beginning, or the end, that the other thread has not heard of. */
  let unsaid: ToComm | undefined
  let callOff: () => void = () => undefined

  const say = (): void => {
    callOff()
    const message = unsaid
    unsaid = undefined
    if (message !== undefined) post(message)
  }
  const keep = (message: ToComm, ms: number): void => {
    callOff()
    unsaid = message
    callOff = later(say, ms)
  }

  return (message, ports) => {
    if (message.type === 'begin') {
      // The beginning says that the one before has ended.
      keep(message, beginWithinMs)
    } else if (message.type === 'end' && unsaid?.type === 'begin') {
      callOff()
      unsaid = undefined
    } else if (message.type === 'end') {
      keep(message, endWithinMs)
    } else {
      // I1
      if (unsaid?.type === 'begin') say()
      post(message, ports)
    }
  }
}
