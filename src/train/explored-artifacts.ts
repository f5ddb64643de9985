/** Artifacts of a training function that is explored: in memory, or as files in a folder. */
import { join } from 'node:path'
import { partBytes, type ArtifactKind } from '../../protocol/index.ts'
import { splitModel, writeArtifactFile, partsOfModel } from '../artifact/index.ts'
import type { ExploredArtifact } from '../experiment/index.ts'
import type { ArtifactSource, ArtifactStore } from './artifact.ts'
import { modelFrom } from './packed-model.ts'

/** `kept`: what was saved, by name. `folder` undefined: it is held in memory. */
export function exploredArtifacts(
  folder: string | undefined,
): ArtifactStore & { readonly kept: Map<string, ExploredArtifact> } {
  const kept = new Map<string, ExploredArtifact>()
  return {
    kept,
    async save(source) {
      const { name, kind, bytes } = source
      if (folder === undefined) {
        const data = new Uint8Array(bytes)
        let at = 0
        for await (const part of partsOf(source)) {
          data.set(part, at)
          at += part.length
        }
        kept.set(name, heldArtifact(name, kind, data))
      } else {
        const path = join(folder, name)
        await writeArtifactFile({ name, kind, parts: partsOf(source) }, path, true)
        kept.set(name, { name, kind, bytes, path })
      }
    },
  }
}

async function* partsOf({ bytes, read }: ArtifactSource): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes;) {
    const part = await read(at, partBytes)
    if (part.length === 0) return
    yield part
    at += part.length
  }
}

function heldArtifact(name: string, kind: ArtifactKind, data: Uint8Array): ExploredArtifact {
  const base = { name, kind, bytes: data.length, data }
  if (kind !== 'model') return base
  return {
    ...base,
    async model<M extends object = object>(): Promise<M> {
      const { json, weights } = splitModel(data) ?? { json: new Uint8Array(), weights: new Uint8Array() }
      return await modelFrom<M>(partsOfModel(json, weights))
    },
  }
}
