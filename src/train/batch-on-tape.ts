/** How many samples a gradient is of, where nobody says it: the first data that went into what is on the tape. */
import type { Tf } from './backend.ts'

interface TapeTensor {
  readonly id: number
  readonly shape: readonly number[]
}

interface TapeNode {
  readonly inputs: Readonly<Record<string, TapeTensor>>
  readonly outputs: readonly TapeTensor[]
}

/** Call it while the tape is open. The first dimension of the first tensor that is neither a variable nor computed. */
export function batchOnTape(tf: Tf): number | undefined {
  const { state } = tf.engine() as unknown as { state: { activeTape?: readonly TapeNode[] } }
  const computed = new Set<number>()
  for (const { inputs, outputs } of state.activeTape ?? []) {
    for (const tensor of Object.values(inputs)) {
      if (tensor.shape.length === 0 || computed.has(tensor.id) || isTrainable(tensor)) continue
      return tensor.shape[0]
    }
    for (const output of outputs) computed.add(output.id)
  }
  return undefined
}

const isTrainable = (tensor: object): boolean => 'trainable' in tensor && tensor.trainable === true
