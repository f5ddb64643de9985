/** An artifact that train saves: a model, bytes, or a file, read a part at a time. */
import { open } from 'node:fs/promises'
import { inspect } from 'node:util'
import { artifactBytesAtMost, artifactNamePattern, problem, type ArtifactKind } from '../../protocol/index.ts'
import { modelHead, modelJson } from '../artifact/index.ts'
import type { ArtifactSaver } from '../experiment/index.ts'
import { packModel, savesItself } from './packed-model.ts'

export interface ArtifactSource {
  readonly name: string
  readonly kind: ArtifactKind
  readonly bytes: number
  /** So many bytes from there on; fewer only where it ends. The receiver's own. */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>
}

export interface ArtifactStore {
  /** Resolves once it is kept. */
  save(source: ArtifactSource): Promise<void>
}

export interface ArtifactHandle {
  readonly artifact: ArtifactSaver
  /** Resolves once all that was saved is kept, awaited or not; rejects with the first fault. */
  settled(): Promise<void>
}

const namePattern = new RegExp(artifactNamePattern)

/** `together`: several workers train the trial; one saves for all. */
export function createArtifacts(
  store: ArtifactStore,
  together: { readonly speaks: boolean } | undefined,
): ArtifactHandle {
  /** One after the other: a name that is saved twice ends as it was saved last. */
  let last: Promise<void> = Promise.resolve()
  let fault: { readonly error: unknown } | undefined
  return {
    artifact: {
      save: (name, what) => {
        if (together?.speaks === false) return Promise.resolve()
        const saving = last.then(() => save(store, name, what))
        last = saving.catch((error: unknown) => {
          fault ??= { error }
        })
        return saving
      },
    },
    async settled() {
      for (let seen: unknown; seen !== last;) await (seen = last)
      if (fault !== undefined) throw fault.error
    },
  }
}

async function save(store: ArtifactStore, name: string, what: unknown): Promise<void> {
  if (typeof name !== 'string' || !namePattern.test(name)) {
    throw invalid(inspect(name).slice(0, 200), 'that is no name for it')
  }
  if (typeof what === 'string') return await saveFile(store, name, what)
  if (what instanceof Uint8Array) return await store.save(sized(name, 'bytes', [what]))
  if (typeof what === 'object' && what !== null && savesItself(what)) {
    // For predicting: the optimizer's state is of use to a checkpoint only.
    const packed = await packModel(what, false)
    if (packed === undefined) throw invalid(name, 'the model gave nothing to save')
    return await store.save(sized(name, 'model', [modelHead(modelJson({ ...packed.rest })), packed.weights]))
  }
  throw invalid(name, `${inspect(what, { depth: 0 }).slice(0, 200)} is no model, no Uint8Array and no path`)
}

async function saveFile(store: ArtifactStore, name: string, path: string): Promise<void> {
  let file
  try {
    file = await open(path, 'r')
  } catch (error) {
    throw problem('ARTIFACT_INVALID', { name, reason: `${path}: ${(error as Error).message}` }, { cause: error })
  }
  try {
    const found = await file.stat()
    if (!found.isFile()) throw invalid(name, `${path} is no file`)
    const { size } = found
    const handle = file
    await store.save({
      ...limited(name, 'bytes', size),
      read: async (offset, length) => {
        const data = new Uint8Array(Math.min(length, size - offset))
        let read = 0
        while (read < data.length) {
          const { bytesRead } = await handle.read(data, read, data.length - read, offset + read)
          if (bytesRead === 0) break
          read += bytesRead
        }
        return data.subarray(0, read)
      },
    })
  } finally {
    await file.close()
  }
}

/** Pieces one behind the other; what is asked for is copied, and nothing else. */
function sized(name: string, kind: ArtifactKind, pieces: readonly Uint8Array[]): ArtifactSource {
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return {
    ...limited(name, kind, bytes),
    async read(offset, length) {
      const data = new Uint8Array(Math.min(length, bytes - offset))
      let begin = 0
      for (const piece of pieces) {
        const from = Math.max(0, offset - begin)
        const to = Math.min(piece.length, offset + data.length - begin)
        if (from < to) data.set(piece.subarray(from, to), begin + from - offset)
        begin += piece.length
      }
      return data
    },
  }
}

function limited(name: string, kind: ArtifactKind, bytes: number): Pick<ArtifactSource, 'name' | 'kind' | 'bytes'> {
  if (bytes > artifactBytesAtMost) throw invalid(name, `${bytes} bytes are more than ${artifactBytesAtMost}`)
  return { name, kind, bytes }
}

const invalid = (name: string, reason: string) => problem('ARTIFACT_INVALID', { name, reason })
