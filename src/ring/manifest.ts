/** All variables of a model fused into one vector, and the hash by which ranks know that they mean the same. */
import { createHash } from 'node:crypto'
import { problem } from '../../protocol/index.ts'

export interface VariableSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: string
}

export interface ManifestEntry extends VariableSpec {
  /** Elements. */
  readonly offset: number
  readonly length: number
}

export interface Manifest {
  readonly entries: readonly ManifestEntry[]
  /** Elements of the fused vector. */
  readonly length: number
  /** sha256 in hex, over names, shapes and dtypes in order. */
  readonly hash: string
}

/** The order of the variables is that of the model: it counts. */
export function createManifest(variables: readonly VariableSpec[]): Manifest {
  let offset = 0
  const entries = variables.map(({ name, shape, dtype }) => {
    const length = shape.reduce((product, size) => product * size, 1)
    const entry = { name, shape, dtype, offset, length }
    offset += length
    return entry
  })
  const text = JSON.stringify(variables.map(({ name, shape, dtype }) => [name, shape, dtype]))
  return { entries, length: offset, hash: createHash('sha256').update(text).digest('hex') }
}

const told = (variable: VariableSpec | undefined): string =>
  variable === undefined ? 'nothing' : `${variable.name} ${variable.dtype}[${variable.shape.join(',')}]`

const same = (a: VariableSpec, b: VariableSpec): boolean =>
  a.name === b.name && a.dtype === b.dtype && a.shape.join() === b.shape.join()

/** Throws RING_MANIFEST_DIFFERS, which names the first variable that is not the same on both ranks. */
export function requireSameVariables(
  mine: readonly VariableSpec[],
  theirs: readonly VariableSpec[],
  ranks: { readonly mine: number; readonly theirs: number },
): void {
  const count = Math.max(mine.length, theirs.length)
  for (let index = 0; index < count; index += 1) {
    const [a, b] = [mine[index], theirs[index]]
    if (a !== undefined && b !== undefined && same(a, b)) continue
    throw problem('RING_MANIFEST_DIFFERS', {
      index,
      rank: ranks.mine,
      variable: told(a),
      otherRank: ranks.theirs,
      otherVariable: told(b),
    })
  }
}

/** The variable that holds an element, for messages about a value in the fused vector. */
export function variableAt(manifest: Manifest, element: number): ManifestEntry | undefined {
  return manifest.entries.find(({ offset, length }) => element >= offset && element < offset + length)
}
