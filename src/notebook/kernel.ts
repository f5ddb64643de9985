/** The kernel that this process is, if it is one: how a cell shows something and changes it, and how it is interrupted. */
import { createRequire } from 'node:module'

/** A picture of something, in several forms; a front end takes the richest that it can show. */
export type MimeBundle = Readonly<Record<string, string>>

export interface Kernel {
  readonly name: 'tslab' | 'deno'
  /** A place in the output of the cell that runs now: the first time it is shown, then it changes in place. */
  place(): { show(bundle: MimeBundle): Promise<void> }
}

interface DenoJupyter {
  display(
    bundle: MimeBundle,
    options: { readonly raw: true; readonly display_id: string; readonly update: boolean },
  ): Promise<void>
}

interface DisplayData {
  readonly data: MimeBundle
  readonly metadata: object
  readonly transient: { readonly display_id: string }
}

/** tslab's module that talks to front ends. It is in this process, though not ours to import. */
interface TslabJupyter {
  /** Writes for the cell that runs now. */
  readonly lastWriteDisplayData?: (data: DisplayData, update: boolean) => void
  readonly JupyterHandlerImpl?: { readonly prototype: object }
}

let displays = 0
const newId = (): string => `maggy-${process.pid}-${Date.now()}-${(displays += 1)}`

/** undefined: it is a program like any other. */
export function kernelHere(): Kernel | undefined {
  const deno = denoJupyter()
  if (deno !== undefined) return { name: 'deno', place: () => denoPlace(deno) }
  const tslab = tslabJupyter()
  return tslab?.lastWriteDisplayData === undefined ? undefined : { name: 'tslab', place: () => tslabPlace(tslab) }
}

function denoJupyter(): DenoJupyter | undefined {
  try {
    // Outside of a notebook even to ask for it throws.
    return (globalThis as { readonly Deno?: { readonly jupyter?: DenoJupyter } }).Deno?.jupyter
  } catch {
    return undefined
  }
}

export function tslabJupyter(): TslabJupyter | undefined {
  if (!('__tslab__' in globalThis)) return undefined
  const { cache } = createRequire(import.meta.url)
  const path = Object.keys(cache).find((file) => /[\\/]tslab[\\/]dist[\\/]jupyter\.js$/.test(file))
  return path === undefined ? undefined : (cache[path]?.exports as TslabJupyter)
}

function denoPlace(jupyter: DenoJupyter) {
  const id = newId()
  let isShown = false
  return {
    async show(bundle: MimeBundle) {
      const update = isShown
      isShown = true
      await jupyter.display(bundle, { raw: true, display_id: id, update })
    },
  }
}

function tslabPlace({ lastWriteDisplayData: write }: TslabJupyter) {
  const id = newId()
  let isShown = false
  return {
    show(bundle: MimeBundle) {
      write?.({ data: bundle, metadata: {}, transient: { display_id: id } }, isShown)
      isShown = true
      return Promise.resolve()
    },
  }
}

let isKept = false

/** Calls `listener` when the front end interrupts the cell, until the function that is returned is called. */
export function onInterrupt(listener: () => void): () => void {
  process.on('SIGINT', listener)
  // Deno's kernel ends at a signal that nobody hears.
  if (!isKept && denoJupyter() !== undefined) process.on('SIGINT', () => {})
  isKept = true
  return () => void process.off('SIGINT', listener)
}
