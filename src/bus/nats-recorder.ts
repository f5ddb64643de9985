/**
 * Records into streams that acknowledge before they have written to the disk (`persist_mode: async`): what a server that is killed
 * had acknowledged and not yet written is said again when the bus is back.
 * I1 In order: an entry that is recorded after an outage comes after those that are sent again.
 * I2 Once: an entry keeps its id, and the server knows those that it has. It remembers them far longer than `unsureMs`.
 * I3 Bounded, by time and by bytes.
 */
import { isProblem } from '../../protocol/index.ts'
import type { Wire } from './nats-wire.ts'

/** A server writes what it has acknowledged within less. */
const unsureMs = 10_000
const unsureBytes = 16 * 2 ** 20
const tries = 50

export interface Recordable {
  readonly subject: string
  readonly data: Uint8Array
  readonly id: string
  readonly timeoutMs: number
}

/** `publish` rejects if it is not kept. */
export function createRecorder(
  wire: Pick<Wire, 'onStatus'>,
  publish: (entry: Recordable) => Promise<void>,
  now: () => number = Date.now,
): (entry: Recordable) => Promise<void> {
  const unsure: { readonly entry: Recordable; readonly at: number }[] = []
  let bytes = 0
  let repeating: Promise<void> | undefined

  const forget = (): void => {
    const oldest = now() - unsureMs
    while (unsure.length > 0 && ((unsure[0]?.at ?? 0) < oldest || bytes > unsureBytes)) {
      bytes -= unsure.shift()?.entry.data.length ?? 0
    }
  }

  async function repeat(): Promise<void> {
    for (const { entry } of unsure.slice()) {
      for (let left = tries; left > 0; left -= 1) {
        try {
          await publish(entry)
          break
        } catch (error) {
          // Down again: then all of it is said again when it is up. Anything else will not be better the next time.
          if (
            isProblem(error, 'BUS_DISCONNECTED', 'BUS_CLOSED') ||
            !isProblem(error, 'BUS_TIMEOUT', 'BUS_NO_RESPONDERS')
          )
            return
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
      }
    }
  }

  wire.onStatus((status) => {
    if (status !== 'connected' || unsure.length === 0) return
    const mine = (repeating ?? Promise.resolve()).then(repeat).finally(() => {
      if (repeating === mine) repeating = undefined
    })
    repeating = mine
  })

  /** Resolves once nothing is being said again. */
  async function quiet(): Promise<void> {
    const turn = repeating
    if (turn === undefined) return
    await turn
    await quiet()
  }

  return async (entry) => {
    await quiet()
    await publish(entry)
    unsure.push({ entry: { ...entry, data: new Uint8Array(entry.data) }, at: now() })
    bytes += entry.data.length
    forget()
  }
}
