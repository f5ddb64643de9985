/** The runner's artifacts: the second thread has the bus and asks this one for the bytes, a part at a time, so that nothing is held twice. */
import { describe, isProblem, problem, RemoteError, toProblem, type AttemptRef } from '../../protocol/index.ts'
import type { ArtifactSource, ArtifactStore } from '../../src/train/index.ts'
import type { FromComm, ToComm } from './comm-messages.ts'

interface Saving {
  readonly source: ArtifactSource
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export interface Artifacts {
  readonly of: (attempt: AttemptRef) => ArtifactStore
  /** Messages of the second thread. */
  readonly hear: (message: FromComm) => void
}

/** `onWaiting`: whether any answer is awaited. */
export function createArtifacts(toComm: (message: ToComm) => void, onWaiting: (waiting: boolean) => void): Artifacts {
  const saving = new Map<number, Saving>()
  let last = 0

  async function give(id: number, offset: number, length: number): Promise<void> {
    const asked = saving.get(id)
    if (asked === undefined) return
    try {
      toComm({ type: 'piece', id, data: await asked.source.read(offset, length) })
    } catch (error) {
      const { name } = asked.source
      const fault = isProblem(error) ? error : problem('ARTIFACT_INVALID', { name, reason: describe(error) })
      toComm({ type: 'piece', id, problem: toProblem(fault) })
    }
  }

  return {
    of: (attempt) => ({
      save: (source) =>
        new Promise((resolve, reject) => {
          last += 1
          saving.set(last, { source, resolve, reject })
          onWaiting(true)
          const { name, kind, bytes } = source
          toComm({ type: 'upload', id: last, attempt, name, kind, bytes })
        }),
    }),
    hear: (message) => {
      if (message.type === 'wanted') void give(message.id, message.offset, message.length)
      if (message.type !== 'uploaded') return
      const asked = saving.get(message.id)
      saving.delete(message.id)
      if (saving.size === 0) onWaiting(false)
      if (message.problem === undefined) asked?.resolve()
      else asked?.reject(new RemoteError(message.problem))
    },
  }
}
