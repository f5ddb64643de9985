/**
 * Frees what a trial leaves in tfjs, and puts tfjs back: its backend, its flags, the scopes of `tf.tidy`.
 * tfjs keeps the memory of every tensor until somebody disposes it, every variable in a registry for ever, and the last hundred models that
 * it ran, because it remembers the order of their layers; so the datasets and models of past trials would never go, or late, and a variable
 * with a name of its own could be made once only. What user code still holds (what it put on `globalThis`) stays usable: a tensor is freed
 * when nothing reaches it any more.
 */
import { createTidying } from '../heap/index.ts'
import type { Tf } from './backend.ts'

interface Freed {
  readonly dataId: object
  readonly dtype: string
  readonly size: number
}

/** The part of tfjs's engine that is used here. */
interface Engine {
  backendName: string
  readonly state: {
    readonly registeredVariables: Record<string, Freed>
    readonly scopeStack: object[]
    activeScope: object | null
  }
  trackTensor(tensor: Freed, backend: unknown): void
  disposeTensor(tensor: Freed): void
}

/**
 * JavaScript's memory says little of what tensors hold outside of it: above so much that waits to be freed it is collected at once. In
 * bytes, and tensors. Memory that outlived young generations is collected between trials, too, once it has grown by `grown` bytes: left to
 * itself it would fill all that a runner is given at its start before anything of it goes.
 */
const most = { bytes: 64 * 2 ** 20, tensors: 10_000, grown: 8 * 2 ** 20 }

/** Call `begin` before a trial and the function that it returns after it. */
export function createRelease(tf: Tf): { begin(): () => void } {
  const engine = tf.engine() as unknown as Engine
  const track = engine.trackTensor.bind(engine)
  const dispose = engine.disposeTensor.bind(engine)
  /** Tensors that the trial has made and not disposed; undefined between trials. */
  let live: Set<Freed> | undefined
  let open = 0
  const waiting = { bytes: 0, tensors: 0 }
  const tidying = createTidying(most.grown)

  const forget = ({ size }: Freed): void => {
    waiting.bytes -= size * 4
    waiting.tensors -= 1
  }
  const registry = new FinalizationRegistry<Freed>((freed) => {
    forget(freed)
    dispose(freed)
  })
  const freeLater = (tensor: Freed): void => {
    const { dataId, dtype, size } = tensor
    waiting.bytes += size * 4
    waiting.tensors += 1
    registry.register(tensor, { dataId, dtype, size }, tensor)
  }
  engine.trackTensor = (tensor, backend) => {
    track(tensor, backend)
    live?.add(tensor)
  }
  engine.disposeTensor = (tensor) => {
    live?.delete(tensor)
    // Once only: another tensor may share its memory.
    if (waiting.tensors > 0 && registry.unregister(tensor)) forget(tensor)
    dispose(tensor)
  }

  return {
    begin: () => {
      const { state } = engine
      const before = new Set(Object.keys(state.registeredVariables))
      const putBack = rememberSettings(tf, engine)
      live ??= new Set()
      open += 1
      tidying.busy()
      return () => {
        open -= 1
        putBack()
        for (const [name, variable] of Object.entries(state.registeredVariables)) {
          if (before.has(name)) continue
          live?.add(variable)
          Reflect.deleteProperty(state.registeredVariables, name)
        }
        if (open > 0) return
        for (const tensor of live ?? []) freeLater(tensor)
        live = undefined
        tidying.idle(waiting.bytes > most.bytes || waiting.tensors > most.tensors)
      }
    },
  }
}

/** The flag that says of how many models tfjs remembers the order of the layers. */
const rememberedOrders = 'TOPOLOGICAL_SORT_CACHE_MAX_ENTRIES'

function rememberSettings(tf: Tf, engine: Engine): () => void {
  const { state, backendName } = engine
  const scopes = state.scopeStack.length
  const settings = tf.env() as unknown as { readonly flags: Record<string, unknown> }
  const orders = tf.env().getNumber(rememberedOrders)
  const flags = { ...settings.flags }
  return () => {
    state.scopeStack.length = Math.min(scopes, state.scopeStack.length)
    state.activeScope = state.scopeStack.at(-1) ?? null
    // It has worked before, so it is there at once.
    if (engine.backendName !== backendName) void tf.setBackend(backendName)
    for (const name of Object.keys(settings.flags)) {
      // One that is asked for again is found out again.
      if (!(name in flags)) Reflect.deleteProperty(settings.flags, name)
    }
    Object.assign(settings.flags, flags)
    // With room for none it forgets them all.
    for (const room of [0, orders]) tf.env().set(rememberedOrders, room)
  }
}
