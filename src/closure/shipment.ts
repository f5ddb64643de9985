/** A definition whose functions exist in this process only, as a module that any worker can load. */
import { Capture } from './capture.ts'
import { emit, type Emitted } from './emit.ts'
import { quoted } from './data.ts'
import { Inspector, type Script } from './inspector.ts'
import type { Value } from './graph.ts'

interface CaptureOptions {
  /** Data that functions close over, in bytes. Default: 32 MiB. */
  readonly limitBytes?: number
  /** Where relative imports start from. Default: the working folder. */
  readonly folder?: string
  /** Called with the scripts of this process in the order in which they were compiled, while they can be read. */
  readonly onScripts?: (scripts: readonly Script[], sourceOf: (script: Script) => Promise<string>) => Promise<void>
}

/** The module, and what went into it. */
export interface Shipment extends Emitted {
  readonly functions: readonly string[]
  /** Variables with values of their own, and the bytes of their data. */
  readonly data: ReadonlyMap<string, number>
  readonly bytes: number
}

const limitBytes = 32 * 2 ** 20

/**
 * The module that defines an experiment by this definition. Rejects with CLOSURE_REFUSED for what cannot travel, by its name, and with
 * CLOSURE_TOO_LARGE.
 */
export async function capture(
  definition: Readonly<Record<string, unknown>>,
  options: CaptureOptions = {},
): Promise<Shipment> {
  const inspector = await Inspector.open()
  try {
    const taking = new Capture(inspector, options.limitBytes ?? limitBytes)
    const roots = new Map<string, Value>()
    for (const [name, value] of Object.entries(definition))
      if (value !== undefined) roots.set(name, await taking.take(value, { functions: [], value: name }))
    const { captured } = taking
    const emitted = emit(captured, roots, options.folder ?? process.cwd(), (text) => {
      const members = [...roots.keys()].map((name) => `  ${quoted(name)}: ${text(name)},`)
      return `export default maggy$define('maggy:closure', {\n${members.join('\n')}\n})`
    })
    await options.onScripts?.(inspector.scripts, (script) => inspector.sourceOf(script))
    return {
      ...emitted,
      functions: captured.nodes.flatMap((node) => (node.kind === 'function' ? [node.name] : [])),
      data: captured.bytesBy,
      bytes: captured.bytes,
    }
  } finally {
    await inspector.close()
  }
}
