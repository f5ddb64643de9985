/** Tensors, by what they can do: any copy of tfjs makes them. They travel as they are now. */
import { bytesText, quoted } from './data.ts'
import { refusal, type Trail } from './refusal.ts'

interface Tensor {
  readonly dataId: object
  readonly shape: readonly number[]
  readonly dtype: string
  readonly isDisposed: boolean
  /** Of a variable. */
  readonly trainable?: boolean
  readonly name?: string
  data(): Promise<Uint8Array | Int32Array | Float32Array | string[]>
}

export function isTensor(value: object): value is Tensor {
  return (
    'dataId' in value &&
    'dtype' in value &&
    typeof value.dtype === 'string' &&
    'shape' in value &&
    Array.isArray(value.shape) &&
    'data' in value &&
    typeof value.data === 'function'
  )
}

/** Rejects with CLOSURE_REFUSED for one that is disposed, or of complex numbers. */
export async function tensorText(
  tensor: Tensor,
  trail: Trail,
): Promise<{ readonly text: string; readonly bytes: number }> {
  const { shape, dtype, isDisposed, trainable, name } = tensor
  if (isDisposed) throw refusal(trail, 'it is a tensor that is disposed', 'use it before, or keep it by `tf.keep`')
  if (dtype === 'complex64')
    throw refusal(trail, 'it is a tensor of complex numbers', 'use its real and imaginary parts')
  const data = await tensor.data()
  const isText = Array.isArray(data)
  const values = isText
    ? `[${data.map(quoted).join(', ')}]`
    : `new ${data.constructor.name}(${bytesText(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}.buffer)`
  const bytes = isText ? values.length : data.byteLength
  const made = `maggy$tf.tensor(${values}, ${JSON.stringify(shape)}, ${quoted(dtype)})`
  if (trainable === undefined) return { text: made, bytes }
  const called = name === undefined || /^\d+$/.test(name) ? 'undefined' : quoted(name)
  return { text: `maggy$tf.variable(${made}, ${trainable}, ${called}, ${quoted(dtype)})`, bytes }
}
