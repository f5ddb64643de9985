/** The runner's checkpoints in the object store: its second thread has the bus, so it is asked. */
import { RemoteError, type AttemptRef, type Problem } from '../../protocol/index.ts'
import type { CheckpointStore } from '../../src/train/index.ts'
import type { FromComm, ToComm } from './comm-messages.ts'

interface Waiting {
  readonly resolve: (data: Uint8Array | undefined) => void
  readonly reject: (error: Error) => void
}

export interface Checkpoints {
  readonly of: (attempt: AttemptRef) => CheckpointStore
  /** Messages of the second thread. */
  readonly hear: (message: FromComm) => void
}

/** `onWaiting`: whether any answer is awaited. */
export function createCheckpoints(
  toComm: (message: ToComm) => void,
  onWaiting: (waiting: boolean) => void,
): Checkpoints {
  const waiting = new Map<number, Waiting>()
  let last = 0

  const ask = (question: (id: number) => ToComm): Promise<Uint8Array | undefined> => {
    last += 1
    const id = last
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      onWaiting(true)
      toComm(question(id))
    })
  }
  const settle = (id: number, fault: Problem | undefined, data?: Uint8Array): void => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0) onWaiting(false)
    if (fault === undefined) asked?.resolve(data)
    else asked?.reject(new RemoteError(fault))
  }

  return {
    of: (attempt) => ({
      put: async (_, data) => {
        await ask((id) => ({ type: 'store', id, attempt, data }))
      },
      get: (trial) => ask((id) => ({ type: 'fetch', id, attempt, of: trial })),
    }),
    hear: (message) => {
      if (message.type === 'stored') settle(message.id, message.problem)
      else if (message.type === 'fetched') settle(message.id, message.problem, message.data)
    },
  }
}
