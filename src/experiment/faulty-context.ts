/**
 * A context that is not valid, in a module that is loaded for the sake of another of its contexts: nobody but who asks for this one
 * hears of its fault. In a program of the user's own the fault is thrown where the context is made.
 */
import { isProblem, MaggyError } from '../../protocol/index.ts'
import type { ContextOf, Contexts } from './definition.ts'

/** How many modules are being loaded; of all copies of maggy in the process. */
const loading = Symbol.for('maggy.loading')
const fault = Symbol.for('maggy.fault')
const table = globalThis as unknown as Record<symbol, number | undefined>

/** Loads a module: faults of its contexts are kept in them. */
export async function keepingFaults<T>(load: () => Promise<T>): Promise<T> {
  table[loading] = (table[loading] ?? 0) + 1
  try {
    return await load()
  } finally {
    table[loading] = (table[loading] ?? 1) - 1
  }
}

/** A context, or one that throws its fault, with the place of it, when it is asked for. */
export function madeContext<H extends object>(kind: ContextOf['kind'], make: () => ContextOf<H>): ContextOf<H> {
  try {
    return make()
  } catch (error) {
    if (!isProblem(error) || (table[loading] ?? 0) === 0) throw error
    // From here, for a stack is cut off after ten calls.
    const placed = atPlace(error, new Error().stack)
    const faulty = {
      kind,
      [fault]: placed,
      get context(): never {
        throw placed
      },
    }
    return Object.freeze(faulty)
  }
}

/** The fault of a context; undefined if it has none. */
export function faultOf(context: ContextOf): MaggyError | undefined {
  return (context as { readonly [fault]?: MaggyError })[fault]
}

/** The contexts that can be used. */
export function validContexts(contexts: Contexts): ContextOf[] {
  return Object.values(contexts).filter((context) => faultOf(context) === undefined)
}

/** The same problem, with the line of the user's own code that it comes from. */
export function atPlace(error: MaggyError, stack = error.stack): MaggyError {
  const place = placeOf(stack)
  const { reason } = error.details
  if (place === undefined || reason === undefined) return error
  return new MaggyError(error.code, { ...error.details, reason: `${reason} (${place})` }, { cause: error })
}

/** maggy's own code: what is built of its sources, which stacks name as the sources themselves. */
const root = new URL('../../', import.meta.url).href
const own = ['src/', 'protocol/', 'actors/'].flatMap((room) => [root + room, root.replace(/dist\/$/, '') + room])

/** `/home/me/mnist.ts:12:15`: the first place in a stack that is not maggy's. */
function placeOf(stack: string | undefined): string | undefined {
  for (const line of stack?.split('\n') ?? []) {
    const [, file, at] = /^\s+at .*?((?:file:\/\/)?\/[^()]*?):(\d+:\d+)\)?$/.exec(line) ?? []
    if (file === undefined || at === undefined) continue
    const url = file.startsWith('file:') ? file : `file://${file}`
    if (url.includes('/node_modules/') || own.some((room) => url.startsWith(room))) continue
    return `${decodeURI(url.slice('file://'.length))}:${at}`
  }
  return undefined
}
