/** All ranks make sure that they train the same model, before the first step. */
import { check, decode, encode, MaggyError } from '../../protocol/index.ts'
import { Type } from 'typebox'
import { faultOf, type RingOutcome } from './fault.ts'
import { requireSameVariables, type Manifest } from './manifest.ts'
import type { Ring } from './ring.ts'

const Variables = Type.Array(
  Type.Object({ name: Type.String(), shape: Type.Array(Type.Number()), dtype: Type.String() }),
)

/**
 * Compares the manifests' hashes; where they differ, the fault (RING_MANIFEST_DIFFERS) names the first variable and the two ranks, alike
 * on every rank.
 */
export async function agreeOnManifest(ring: Ring, manifest: Manifest): Promise<RingOutcome<void>> {
  const exchanged = await ring.exchange(encode(manifest.hash))
  if (exchanged.kind === 'fault') return exchanged
  const hashes = exchanged.value.map((bytes) => check(Type.String(), decode(bytes), 'ring.exchange'))
  const other = hashes.findIndex((hash) => hash !== hashes[0])
  if (other < 0) return { kind: 'done', value: undefined }
  const told = encode(manifest.entries.map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype })))
  const both = []
  for (const root of [0, other]) {
    const outcome = await ring.broadcast(root, told)
    if (outcome.kind === 'fault') return outcome
    both.push(check(Variables, decode(outcome.value), 'ring.broadcast'))
  }
  try {
    requireSameVariables(both[0] ?? [], both[1] ?? [], { mine: 0, theirs: other })
  } catch (error) {
    if (error instanceof MaggyError) return faultOf(error, null)
    throw error
  }
  return { kind: 'done', value: undefined }
}
