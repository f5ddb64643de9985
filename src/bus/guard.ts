/** The one place where handlers are called: nothing that user code throws gets past it (I1 of bus.ts). */
import { encode, toProblem, type Problem } from '../../protocol/index.ts'
import type { Delivery, Handler } from './bus.ts'

/** A fault inside the bus that no caller can be told of. */
export type Fault =
  /** A handler threw, or its promise was rejected. */
  | { readonly kind: 'handler'; readonly subject: string; readonly problem: Problem }
  /** The connection was open but nothing came through it any more; it was built anew. */
  | { readonly kind: 'deaf'; readonly problem: Problem }
  /** The server refused something (a permission, a subscription), or the connection broke in an unexpected way. */
  | { readonly kind: 'connection'; readonly problem: Problem }
  /** Something that is kept is not as it was written, on one server at least. */
  | { readonly kind: 'store'; readonly problem: Problem }

export type OnFault = (fault: Fault) => void

/** A delivery as the transport sees it; the guard makes sure that it is answered once at most. */
export interface RawDelivery {
  readonly subject: string
  readonly data: Uint8Array
  /** Sends the answer; undefined if no peer waits for one. Throws BUS_TOO_LARGE only. */
  readonly reply: ((data: Uint8Array, lend: boolean) => void) | undefined
}

/** Wraps a handler. Deliveries of one subscription are started in order, and not awaited. */
export function guarded(handler: Handler, onFault: OnFault): (raw: RawDelivery) => void {
  return ({ subject, data, reply }) => {
    let answered = reply === undefined
    const respond = (answer: Uint8Array, { lend } = { lend: false }): void => {
      if (answered) return
      reply?.(answer, lend)
      answered = true
    }
    const failed = (error: unknown): void => {
      const fault = toProblem(error)
      if (!answered) {
        const { stack: _, ...told } = fault
        respond(encode({ error: told }, subject))
      }
      report(onFault, { kind: 'handler', subject, problem: fault })
    }
    const delivery: Delivery = { subject, data, wantsReply: reply !== undefined, respond }
    try {
      const running = handler(delivery)
      if (running instanceof Promise) running.catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}

/** A listener for faults must not become one. */
export function report(onFault: OnFault, fault: Fault): void {
  try {
    onFault(fault)
  } catch (error) {
    // Nothing is left to tell it to but the process itself, as a warning: it ends nothing.
    process.emitWarning(error instanceof Error ? error : String(error), { code: 'MAGGY_FAULT_LISTENER' })
  }
}
