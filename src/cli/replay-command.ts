/** `maggy replay`: takes the decisions of an experiment again from its log, or asks another optimizer where it would have gone. */
import pc from 'picocolors'
import { exitCodes } from '../actor/index.ts'
import { replay, sourceOf, type Difference, type Replay } from '../replay/index.ts'
import { latestExperiment } from '../store/index.ts'
import { jsonOption } from './json-option.ts'
import { looking, type Looking } from './looking.ts'
import { printJson } from './watch.ts'
import { visible } from '../words/index.ts'

export interface ReplayOptions extends Looking {
  readonly optimizer?: string
  /** Of the other optimizer, as JSON. */
  readonly options?: string
}

/** `id`: by default the experiment that was active last. Returns the exit code: failed, if a decision comes out otherwise. */
export async function replayCommand(id: string | undefined, options: ReplayOptions): Promise<number> {
  const plugin =
    options.optimizer === undefined
      ? undefined
      : { name: options.optimizer, options: jsonOption(options.options, '--options') }
  const replayed = await looking(
    options,
    async ({ bus }) => {
      const source = await sourceOf(bus, id ?? (await latestExperiment(bus)))
      return await replay(source, plugin === undefined ? undefined : { bus, plugin })
    },
    id,
  )
  if (options.json === true) printJson('replay', { ...replayed })
  else process.stdout.write(`${replayText(replayed)}\n`)
  return replayed.optimizer === undefined && replayed.differences.length > 0 ? exitCodes.failed : exitCodes.done
}

const shown = 20

/** Writes the result of a replay for people. */
export function replayText({ experiment, decisions, differences, untaken, optimizer, fault }: Replay): string {
  const lines =
    optimizer === undefined ? equality(decisions, differences) : elsewhere(optimizer, decisions, differences)
  if (fault !== undefined) lines.push(pc.red(`the log has a hole (${fault}): differences behind it may come of that`))
  for (const [reason, count] of Object.entries(untaken)) {
    lines.push(pc.yellow(`${count} ${count === 1 ? 'decision was' : 'decisions were'} not taken again: ${reason}`))
  }
  return [`${experiment}: ${lines[0]}`, ...lines.slice(1)].join('\n')
}

function equality(decisions: number, differences: readonly Difference[]): string[] {
  const [first] = differences
  const taken = `${decisions} ${decisions === 1 ? 'decision' : 'decisions'}`
  if (first === undefined) return [decisions === 0 ? 'no decisions' : pc.green(`${taken}, all equal`)]
  const more = differences.length === 1 ? '' : `, and ${differences.length - 1} more`
  return [pc.red(`${taken}, ${differences.length} not equal; the first is`), `${differenceText(first)}${more}`]
}

function elsewhere(optimizer: string, decisions: number, differences: readonly Difference[]): string[] {
  const lines = [`${optimizer} was asked ${decisions} times, and would have gone elsewhere ${differences.length} times`]
  lines.push(...differences.slice(0, shown).map(differenceText))
  if (differences.length > shown) lines.push(`and ${differences.length - shown} more (--json shows all)`)
  return lines
}

function differenceText({ event, what, trial, logged, again }: Difference): string {
  const where = trial === undefined ? '' : `, trial ${trial}`
  return `event ${event}${where}, ${what}: the log has ${said(logged)}; again it is ${said(again)}`
}

const said = (value: unknown): string => visible(typeof value === 'string' ? value : JSON.stringify(value))
