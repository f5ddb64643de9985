/** `maggy mcp`: a server for coding agents on standard input and output. It only reads, unless more is allowed. */
import { exitCodes } from '../actor/index.ts'
import { serveMcp, type Changing, type House } from '../mcp/index.ts'
import { latestExperiment, readResult } from '../store/index.ts'
import { Background } from './background.ts'
import { interruptible } from './interrupt.ts'
import { looking, type BusOptions } from './looking.ts'
import { outlines, stopped } from './read-commands.ts'

export interface McpCommandOptions extends BusOptions {
  readonly allow: readonly Changing[]
}

export async function mcpCommand(options: McpCommandOptions, version: string): Promise<number> {
  return await interruptible(async (signal) => {
    const background = new Background(options)
    const house: House = {
      outlines: () => outlines(options),
      result: (id) =>
        looking(options, async ({ bus }) => readResult(bus, id ?? (await latestExperiment(bus))), id ?? 'yet'),
      start: (order) => background.start(order),
      stop: async (id, mode) => (await looking(options, ({ bus }) => stopped(bus, id, mode), id)).state,
    }
    const onFault = (fault: Error) => void process.stderr.write(`${fault.message}\n`)
    try {
      await serveMcp(house, { version, allowed: new Set(options.allow), onFault }, signal)
    } finally {
      await background.end()
    }
    return exitCodes.done
  })
}
