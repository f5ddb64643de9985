/** `maggy rm`: experiments that have ended, and all that is kept of them. */
import { createInterface } from 'node:readline/promises'
import { codeOf, pinnedTag, problem, toProblem } from '../../protocol/index.ts'
import { exitCodes } from '../actor/index.ts'
import { removeExperiment } from '../client/index.ts'
import { dueOf, filtered, type Filters } from './filters.ts'
import { asking, type Looking } from './looking.ts'
import { failureText } from './failure.ts'
import { outlines } from './read-commands.ts'
import { experimentTable } from './trial-table.ts'
import { printJson } from './watch.ts'

export interface RemoveOptions extends Looking, Filters {
  readonly olderThan?: string
  readonly keep?: number
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** Those that are named, or those that age or number say. Asks first, on a terminal; elsewhere it takes --yes. */
export async function removeCommand(ids: readonly string[], options: RemoveOptions): Promise<number> {
  const { olderThan, keep, dryRun = false, json = false } = options
  const byRule = olderThan !== undefined || keep !== undefined
  if (ids.length > 0 === byRule) {
    const reason =
      ids.length > 0 ? 'and ids name experiments in two ways' : 'or ids must say which experiments are meant'
    throw problem('OPTION_INVALID', { option: '--older-than, --keep', reason })
  }
  const all = await outlines(options)
  const now = Date.now()
  const due = byRule ? dueOf(filtered(all, options, now), { olderThan, keep }, now) : [...new Set(ids)]
  const meant = due.map((id) => {
    const outline = all.find(({ experiment }) => experiment === id)
    if (outline === undefined) throw problem('EXPERIMENT_UNKNOWN', { experiment: id })
    if (outline.tags?.includes(pinnedTag) === true) throw problem('EXPERIMENT_PINNED', { experiment: id })
    return outline
  })
  if (dryRun || meant.length === 0) {
    if (json) for (const { experiment } of meant) printJson('remove', { experiment, dryRun })
    else process.stdout.write(`${meant.length === 0 ? 'nothing to remove' : experimentTable(meant)}\n`)
    return exitCodes.done
  }
  if (options.yes !== true && !(await agreed(meant.map(({ experiment }) => experiment)))) return exitCodes.failed
  return await asking(options, async ({ bus }) => {
    let failed = 0
    for (const { experiment } of meant) {
      try {
        const bundle = await removeExperiment(bus, experiment)
        if (json) printJson('removed', { experiment, bundle })
        else process.stdout.write(`${experiment} removed${bundle ? '' : '; its code stays, others use it'}\n`)
      } catch (error) {
        if (codeOf(error) === undefined) throw error
        failed += 1
        process.stderr.write(`${failureText(toProblem(error), false)}\n`)
      }
    }
    return failed === 0 ? exitCodes.done : exitCodes.failed
  })
}

async function agreed(ids: readonly string[]): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw problem('OPTION_INVALID', {
      option: '--yes',
      reason: 'is needed where nobody can be asked; --dry-run shows what would go',
    })
  }
  const line = createInterface({ input: process.stdin, output: process.stdout })
  try {
    const answer = await line.question(
      `remove ${ids.length === 1 ? ids[0] : `${ids.length} experiments`} for good? [y/N] `,
    )
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    line.close()
  }
}
