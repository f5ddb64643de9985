/**
 * Frees what a trial's variables hold once nothing reaches them any more.
 * tfjs keeps every variable in a registry for ever, so models of past trials would never go, and a variable with a name of its
 * own could be made once only. What user code still holds (a base model that it loads once) stays usable: nothing is disposed
 * under it.
 */
import type { Tf } from './backend.ts'

interface Freed {
  readonly dataId: object
  readonly dtype: string
  readonly size: number
}

/** The part of tfjs's engine that is used here. */
interface Engine {
  readonly registeredVariables: Record<string, Freed>
  disposeTensor(tensor: Freed): void
}

/** Call `begin` before a trial and the function that it returns after it, which says how many tensors stayed. */
export function createRelease(tf: Tf): { begin(): () => { kept: number } } {
  const engine = (): Engine => {
    const found = tf.engine() as unknown as Engine & { readonly state: Engine }
    return {
      registeredVariables: found.state.registeredVariables,
      disposeTensor: (tensor) => found.disposeTensor(tensor),
    }
  }
  const registry = new FinalizationRegistry<Freed>((freed) => {
    engine().disposeTensor(freed)
  })
  return {
    begin: () => {
      const before = new Set(Object.keys(engine().registeredVariables))
      const tensors = tf.memory().numTensors
      return () => {
        const { registeredVariables } = engine()
        let variables = 0
        for (const [name, variable] of Object.entries(registeredVariables)) {
          if (before.has(name)) continue
          variables += 1
          registry.register(variable, { dataId: variable.dataId, dtype: variable.dtype, size: variable.size })
          delete registeredVariables[name]
        }
        return { kept: Math.max(0, tf.memory().numTensors - tensors - variables) }
      }
    },
  }
}
