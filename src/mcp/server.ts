/** The Model Context Protocol over standard input and output, by its official SDK, which is loaded when it is asked for. */
import type { House, Tool, Changing } from './tool.ts'
import { called } from './tool.ts'
import { enqueue, pause, resume, start, stop } from './changing-tools.ts'
import { artifacts, note } from './keeping-tools.ts'
import { compare, list, show } from './reading-tools.ts'

const tools: readonly Tool[] = [list, show, compare, artifacts, note, start, stop, pause, resume, enqueue]

export interface McpOptions {
  readonly version: string
  readonly allowed: ReadonlySet<Changing>
  readonly onFault: (fault: Error) => void
}

/** Serves until standard input ends, or the signal aborts. */
export async function serveMcp(
  house: House,
  { version, allowed, onFault }: McpOptions,
  signal: AbortSignal,
): Promise<void> {
  const { fromJsonSchema, McpServer } = await import('@modelcontextprotocol/server')
  const { serveStdio } = await import('@modelcontextprotocol/server/stdio')
  const ended = new Promise<void>((resolve) => {
    process.stdin.once('end', resolve).once('close', resolve)
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  const handle = serveStdio(
    () => {
      const server = new McpServer({ name: 'maggy', version }, { capabilities: { tools: {} } })
      for (const tool of tools) {
        const { name, title, description, takes, changes } = tool
        const annotations = { readOnlyHint: changes === undefined, openWorldHint: false }
        const inputSchema = fromJsonSchema<Record<string, unknown>>({ ...takes, additionalProperties: false })
        server.registerTool(name, { title, description, inputSchema, annotations }, (given) =>
          called(tool, house, allowed, given),
        )
      }
      return server
    },
    { onerror: onFault },
  )
  await ended
  await handle.close()
}
