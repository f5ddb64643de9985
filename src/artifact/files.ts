/**
 * Artifacts as files.
 * I1 A file, or a model's folder, is there whole or not at all: it is written beside its place, and moved when all has come.
 * I2 What is there already stays, unless it is to be replaced.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { problem, type ArtifactKind } from '../../protocol/index.ts'
import { lengthBytes, modelFile, modelJsonAtMost, weightsFile } from './model.ts'

interface Incoming {
  readonly name: string
  readonly kind: ArtifactKind
  /** Throws where they are not what they should be. */
  readonly parts: AsyncIterable<Uint8Array>
}

/** Writes an artifact to this path: a file, or of a model a folder. Rejects with FILE_REFUSED, ARTIFACT_CORRUPT. */
export async function writeArtifactFile(incoming: Incoming, path: string, force = false): Promise<void> {
  const place = resolve(path)
  if (!force) await refuseExisting(place)
  await mkdir(dirname(place), { recursive: true })
  const beside = `${place}.${randomBytes(4).toString('hex')}.part`
  try {
    if (incoming.kind === 'model') await writeModel(incoming, beside)
    else await writeBytes(incoming, beside)
    if (force) await rm(place, { recursive: true, force: true })
    else await refuseExisting(place)
    await rename(beside, place)
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
}

/** I2. Throws FILE_REFUSED. */
export async function refuseExisting(path: string): Promise<void> {
  try {
    await stat(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  throw problem('FILE_REFUSED', { path, reason: 'it is there already; --force replaces it' })
}

async function writeBytes({ parts }: Incoming, path: string): Promise<void> {
  const file = await open(path, 'wx')
  try {
    for await (const part of parts) await writeAll(file, part)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function writeModel(incoming: Incoming, folder: string): Promise<void> {
  await mkdir(folder)
  const json = await open(join(folder, modelFile), 'wx')
  const weights = await open(join(folder, weightsFile), 'wx')
  try {
    for await (const { of, data } of splitParts(incoming)) await writeAll(of === 'json' ? json : weights, data)
    await json.sync()
    await weights.sync()
  } finally {
    await json.close()
    await weights.close()
  }
}

/** An artifact as the files that it is: one, or of a model two. Read each to its end before the next. */
export async function* filesOf(incoming: Incoming): AsyncGenerator<{
  readonly path: string
  readonly parts: AsyncIterable<Uint8Array>
}> {
  const { name, kind, parts } = incoming
  if (kind !== 'model') {
    yield { path: name, parts }
    return
  }
  const pieces = splitParts(incoming)
  const json: Uint8Array[] = []
  let piece = await pieces.next()
  for (; piece.done !== true && piece.value.of === 'json'; piece = await pieces.next()) json.push(piece.value.data)
  const first = piece.done === true ? [] : [piece.value.data]
  yield { path: `${name}/${modelFile}`, parts: inOrder(json) }
  yield { path: `${name}/${weightsFile}`, parts: inOrder(first, pieces) }
}

async function* inOrder(
  parts: readonly Uint8Array[],
  more?: AsyncIterable<{ readonly data: Uint8Array }>,
): AsyncGenerator<Uint8Array> {
  yield* parts
  if (more !== undefined) for await (const { data } of more) yield data
}

/** The pieces of a model's two files. */
async function* splitParts({ name, parts }: Pick<Incoming, 'name' | 'parts'>): AsyncGenerator<{
  readonly of: 'json' | 'weights'
  readonly data: Uint8Array
}> {
  let head = new Uint8Array()
  let left: number | undefined
  for await (const part of parts) {
    let rest = part
    if (left === undefined) {
      const joined = new Uint8Array(Buffer.concat([head, part]))
      if (joined.length < lengthBytes) {
        head = joined
        continue
      }
      left = new DataView(joined.buffer).getUint32(0)
      if (left > modelJsonAtMost) throw problem('ARTIFACT_CORRUPT', { name })
      rest = joined.subarray(lengthBytes)
    }
    const json = rest.subarray(0, left)
    left -= json.length
    yield { of: 'json', data: json }
    if (json.length < rest.length) yield { of: 'weights', data: rest.subarray(json.length) }
  }
  if (left !== 0) throw problem('ARTIFACT_CORRUPT', { name })
}

async function writeAll(file: FileHandle, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length;) at += (await file.write(data, at)).bytesWritten
}
