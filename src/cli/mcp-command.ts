/** `maggy mcp`: a server for coding agents on standard input and output. It only reads, unless more is allowed. */
import { exitCodes } from '../actor/index.ts'
import { serveMcp, type Changing, type House } from '../mcp/index.ts'
import { readOutline } from '../store/index.ts'
import { annotate, changeAndResume, enqueueTrials, pauseRunning, takeUp } from '../client/index.ts'
import { Background } from './background.ts'
import { changeOf } from './change-command.ts'
import { interruptible } from './interrupt.ts'
import { asking, looking, type BusOptions } from './looking.ts'
import { standingOf, standings, stopped } from './read-commands.ts'

/** So long an agent waits for a driver that takes an experiment up. */
const driverMs = 15_000

export interface McpCommandOptions extends BusOptions {
  readonly allow: readonly Changing[]
}

export async function mcpCommand(options: McpCommandOptions, version: string): Promise<number> {
  return await interruptible(async (signal) => {
    const background = new Background(options)
    const house: House = {
      outlines: () => standings(options),
      result: (id) => standingOf(id, options),
      start: (order) => background.start(order),
      pause: (id, now) => looking(options, ({ bus }) => pauseRunning(bus, id, now), id),
      resume: (id, flags) =>
        looking(
          options,
          async ({ bus }) => {
            const change = await changeOf(bus, id, flags)
            if (change !== undefined) return await changeAndResume(bus, id, change, { signal, waits: false })
            await takeUp(bus, id, { signal: AbortSignal.any([signal, AbortSignal.timeout(driverMs)]) })
            return (await readOutline(bus, id)).state
          },
          id,
        ),
      enqueue: (id, hparams) => looking(options, ({ bus }) => enqueueTrials(bus, id, [hparams], { signal }), id),
      annotate: (id, annotation) =>
        asking(
          options,
          async ({ bus }) => {
            await readOutline(bus, id)
            return await annotate(bus, id, annotation)
          },
          id,
        ),
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
