/** `maggy enqueue` and `maggy pause`, and what `maggy resume` changes. */
import { problem } from '../../protocol/index.ts'
import { exitCodes } from '../actor/index.ts'
import type { Bus } from '../bus/index.ts'
import { changeOfSettings, trialsOf } from '../change/index.ts'
import { enqueueTrials, pauseRunning, type ChangeOf } from '../client/index.ts'
import { latestExperiment, readExperiment } from '../store/index.ts'
import { looking, type Looking } from './looking.ts'
import { parseSettings } from './set-options.ts'
import { pairs } from './text.ts'
import { printJson } from './watch.ts'

export interface ChangeFlags {
  /** `50`, or `+50`. */
  readonly trials?: string
  readonly set?: readonly string[]
  readonly failed?: boolean
}

/** Reads the wanted change; undefined: none. Rejects with CHANGE_REFUSED, OPTION_INVALID. */
export async function changeOf(bus: Bus, experiment: string, flags: ChangeFlags): Promise<ChangeOf | undefined> {
  const settings = parseSettings(flags.set ?? [])
  if (flags.trials === undefined && flags.failed !== true && settings.size === 0) return undefined
  const { history } = await readExperiment(bus, experiment)
  if (history === null) throw problem('EXPERIMENT_UNKNOWN', { experiment })
  const change = changeOfSettings(experiment, history.submission.context, settings)
  return {
    ...change,
    ...(flags.trials === undefined ? {} : { trials: trialsOf(flags.trials) }),
    ...(flags.failed === true ? { failed: true } : {}),
  }
}

/** Tries one configuration next, on top of those that were asked for. Returns the exit code. */
export async function enqueueCommand(id: string, given: readonly string[], options: Looking): Promise<number> {
  const settings = [...parseSettings(given, '')]
  const state = await looking(
    options,
    async ({ bus }) => {
      const { history } = await readExperiment(bus, id)
      const context = history?.submission.context
      const space = context?.kind === 'optimization' ? context.space : {}
      // A value that looks like a number stays text where a choice is that text.
      const entry = settings.map(([name, { text, value }]) => {
        const parameter = Object.hasOwn(space, name) ? space[name] : undefined
        const isText = parameter?.type === 'categorical' && parameter.choices.includes(text)
        return [name, isText ? text : value]
      })
      return await enqueueTrials(bus, id, [Object.fromEntries(entry)])
    },
    id,
  )
  const entry = Object.fromEntries(settings.map(([name, { value }]) => [name, value]))
  if (options.json === true) printJson('enqueue', { experiment: id, state, entry })
  else
    process.stdout.write(
      `${id}: ${pairs(entry as Parameters<typeof pairs>[0]) || 'a trial'} is tried next, on top of those asked for\n`,
    )
  return exitCodes.done
}

/** Returns the exit code. */
export async function pauseCommand(
  id: string | undefined,
  options: Looking & { readonly now?: boolean },
): Promise<number> {
  const { experiment, state } = await looking(
    options,
    async ({ bus }) => {
      const one = id ?? (await latestExperiment(bus))
      return { experiment: one, state: await pauseRunning(bus, one, options.now === true) }
    },
    id,
  )
  if (options.json === true) printJson('pause', { experiment, state })
  else process.stdout.write(`${experiment}: paused; go on with \`maggy resume ${experiment}\`\n`)
  return exitCodes.done
}
