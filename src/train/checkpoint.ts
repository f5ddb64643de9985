/** A trial's checkpoint as bytes: a model with its optimizer's state, or bytes that the user made. */
import { inspect } from 'node:util'
import { decode, encode, problem } from '../../protocol/index.ts'
import type { ModelParts } from '../artifact/index.ts'
import type { Checkpoint, SavedCheckpoint } from '../experiment/index.ts'
import { modelFrom, packModel, savesItself } from './packed-model.ts'

/** Where checkpoints lie, by trial; each trial has one at most. */
export interface CheckpointStore {
  put(trial: number, data: Uint8Array): Promise<void>
  get(trial: number): Promise<Uint8Array | undefined>
}

export interface CheckpointHandle {
  readonly checkpoint: Checkpoint
  /** Whether the trial has one, as far as is known here. */
  exists(): boolean
}

const maximumBytes = 2 ** 30

export function createCheckpoint(setting: {
  readonly store: CheckpointStore
  readonly trial: number
  readonly resumeFrom?: number | undefined
  /** The last step that was reported. */
  readonly step: () => number | null
  /** Where several workers train the trial: one saves for all, and what they share goes on by itself when they are lost. */
  readonly together?: { readonly speaks: boolean } | undefined
}): CheckpointHandle {
  const { store, trial, resumeFrom, step, together } = setting
  let exists = false
  return {
    exists: () => exists,
    checkpoint: {
      save: async (what) => {
        const at = step()
        const kept = what instanceof Uint8Array ? { kind: 'bytes', bytes: owned(what) } : await packed(what)
        if (kept.bytes.length > maximumBytes) throw invalid(`${kept.bytes.length} bytes are more than 1 GiB`)
        if (together?.speaks !== false) await store.put(trial, encode({ ...kept, step: at }))
        exists = true
      },
      latest: async () => {
        // Ranks that begin at different times must take the same way through train.
        const own = together === undefined ? await store.get(trial) : undefined
        exists ||= own !== undefined
        if (own !== undefined) return savedBy(trial, own)
        const other = resumeFrom === undefined ? undefined : await store.get(resumeFrom)
        return other === undefined || resumeFrom === undefined ? undefined : savedBy(resumeFrom, other)
      },
    },
  }
}

/** In this process only: for a training function that is explored. */
export function memoryStore(): CheckpointStore {
  const kept = new Map<number, Uint8Array>()
  return {
    put: async (trial, data) => void kept.set(trial, data),
    get: async (trial) => kept.get(trial),
  }
}

function savedBy(trial: number, data: Uint8Array): SavedCheckpoint {
  const { kind, step, bytes, info } = decode(data) as {
    kind: string
    step: number | null
    bytes: Uint8Array
    info?: string
  }
  return {
    trial,
    step,
    bytes,
    model: async <M extends object>() => {
      if (kind !== 'model' || info === undefined) throw invalid(`trial ${trial} saved bytes, not a model`)
      const rest = JSON.parse(info) as ModelParts
      return await modelFrom<M>({ ...rest, weightData: owned(bytes).buffer as ArrayBuffer })
    },
  }
}

/** tfjs's own format: the weights as one run of bytes, the rest as JSON. */
async function packed(model: object): Promise<{ kind: string; bytes: Uint8Array; info: string }> {
  if (!savesItself(model)) {
    throw invalid(`${inspect(model, { depth: 0 }).slice(0, 200)} is neither a model nor a Uint8Array`)
  }
  // The optimizer of a model that was never compiled has no state.
  const found = await packModel(
    model,
    'optimizer' in model && model.optimizer !== undefined && model.optimizer !== null,
  )
  if (found === undefined) throw invalid('the model gave nothing to save')
  return { kind: 'model', bytes: found.weights, info: JSON.stringify(found.rest) }
}

/** A copy that is exactly as large as its buffer: what is read out of a message rarely is. */
const owned = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)
const invalid = (reason: string) => problem('CHECKPOINT_INVALID', { reason })
