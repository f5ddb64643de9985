/** Commands that only look: they need the bus, and no driver. */
import pc from 'picocolors'
import { codeOf, isProblem, problem } from '../../protocol/index.ts'
import { experimentIds } from '../archive/index.ts'
import type { Bus } from '../bus/index.ts'
import { stopRunning } from '../client/index.ts'
import {
  latestExperiment,
  linesOf,
  LogHolders,
  outputLine,
  outputSubject,
  readOutput,
  readOutline,
  readExperiment,
  readResult,
  summarize,
  type Outline,
  type Result,
} from '../store/index.ts'
import { hasEnded } from '../history/index.ts'
import { explain, importances } from '../importance/index.ts'
import { visible } from '../words/index.ts'
import { exitCodes } from '../actor/index.ts'
import { filtered, type Filters } from './filters.ts'
import { interruptible } from './interrupt.ts'
import { looking, nothingHere, type BusOptions, type Looking } from './looking.ts'
import { explanationLines, toldBy } from './explanation-text.ts'
import { waitingText } from './progress-text.ts'
import { spaceText, suggestedSpace } from './suggested-space.ts'
import { withWaiting, type Waits } from './with-waiting.ts'
import { experimentTable, resultText } from './trial-table.ts'
import { printJson } from './watch.ts'

/** Lists the experiments that the bus knows. */
export async function listCommand(options: Looking & Filters): Promise<number> {
  const sorted = await standings(options, (all) => filtered(all, options, Date.now()))
  if (options.json === true) for (const outline of sorted) printJson('experiment', outline)
  else print(sorted.length === 0 ? 'no experiments' : experimentTable(sorted))
  return exitCodes.done
}

/** All experiments, in the order in which they began. */
export async function outlines(options: BusOptions): Promise<Outline[]> {
  return nothingHere(options) ? [] : await looking(options, ({ bus }) => outlinesOn(bus))
}

/** The same with what they wait for; `wanted` chooses some of them. */
export async function standings(
  options: BusOptions,
  wanted: (all: readonly Outline[]) => readonly Outline[] = (all) => all,
): Promise<readonly (Outline & Waits)[]> {
  if (nothingHere(options)) {
    // What cannot be chosen by is refused, whatever there is.
    wanted([])
    return []
  }
  return await looking(options, async ({ bus }) =>
    withWaiting(bus, options, wanted(await outlinesOn(bus)), (id) => outlineIn(bus, id)),
  )
}

async function outlinesOn(bus: Bus): Promise<Outline[]> {
  const known: Outline[] = []
  for (const id of await experimentIds(bus)) {
    // One result in memory at a time; a list needs no trials.
    const outline = await outlineIn(bus, id)
    if (outline !== undefined) known.push(outline)
  }
  return known.sort((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0))
}

/** One whose log has lost its beginning is named, and the others are listed all the same. */
async function outlineIn(bus: Bus, id: string): Promise<Outline | undefined> {
  try {
    return await readOutline(bus, id)
  } catch (error) {
    if (!isProblem(error, 'LOG_HOLE')) throw error
    process.stderr.write(`${error.message}\n`)
    return undefined
  }
}

/** A result with what it waits for. `id`: by default the experiment that was active last. */
export const standingOf = async (id: string | undefined, options: BusOptions): Promise<Result & Waits> =>
  (await readStanding(id, options)).standing

/** The same with the history that it follows from. */
async function readStanding(id: string | undefined, options: BusOptions) {
  return await looking(
    options,
    async ({ bus }) => {
      let reading = await readExperiment(bus, id ?? (await latestExperiment(bus)))
      const found = summarize(reading)
      const [standing] = await withWaiting(bus, options, [found], async (experiment) => {
        reading = await readExperiment(bus, experiment)
        return summarize(reading)
      })
      return { standing: standing ?? { ...found, waiting: null }, history: reading.history }
    },
    id,
  )
}

/** `id`: by default the experiment that was active last. */
export async function showCommand(
  id: string | undefined,
  options: Looking & { readonly all?: boolean; readonly top?: number; readonly suggestSpace?: boolean },
): Promise<number> {
  const { standing, history } = await readStanding(id, options)
  const { waiting, ...result } = standing
  const { space } = result
  if (options.suggestSpace === true) {
    const next = suggestedSpace(result)
    if (options.json === true) printJson('space', { space: next })
    else print(spaceText(next, space))
    return exitCodes.done
  }
  const learned = Object.keys(space).length > 0 ? explain(result) : undefined
  const told = history === null ? [] : toldBy(history)
  if (options.json === true) {
    const importance = importances(result)
    printJson('result', {
      result: { ...result, waiting, importance, ...(learned && { explanation: { ...learned, told } }) },
    })
  } else {
    const waits = waiting === null ? [] : [pc.yellow(waitingText(waiting))]
    print([resultText(result, options), ...waits, ...explanationLines(result, learned, told)].join('\n'))
  }
  return exitCodes.done
}

export async function stopCommand(id: string, options: Looking & { readonly cancel?: boolean }): Promise<number> {
  const { state, already } = await looking(
    options,
    ({ bus }) => stopped(bus, id, options.cancel === true ? 'cancel' : 'finish'),
    id,
  )
  if (options.json === true) printJson('stop', { experiment: id, state })
  else print(already ? `${id} has ended already: ${state}` : `${id}: ${state}`)
  return exitCodes.done
}

/** One that has ended needs nobody to stop it. */
export async function stopped(
  bus: Bus,
  id: string,
  mode: 'cancel' | 'finish',
): Promise<{ state: string; already: boolean }> {
  const before = await readResult(bus, id)
  if (hasEnded(before.state)) return { state: before.state, already: true }
  try {
    return { state: await stopRunning(bus, id, mode), already: false }
  } catch (error) {
    if (codeOf(error) !== 'BUS_NO_RESPONDERS') throw error
    // It may have ended meanwhile.
    const after = await readResult(bus, id)
    if (hasEnded(after.state)) return { state: after.state, already: true }
    throw problem('EXPERIMENT_UNOWNED', { experiment: id }, { cause: error })
  }
}

/** Shows the output of trials (by default of the experiment that was active last); with `follow`, as it comes; `raw`: as it was printed, for pipes. */
export async function logsCommand(
  given: string | undefined,
  trial: number | undefined,
  options: Looking & { readonly follow?: boolean; readonly raw?: boolean },
): Promise<number> {
  return await interruptible((signal) =>
    looking(
      options,
      async ({ bus }) => {
        const id = given ?? (await latestExperiment(bus))
        const { trials, state } = await readResult(bus, id)
        const say = (number: number, line: Parameters<typeof outputLine>[0]) => {
          if (options.json === true) printJson('output', { trial: number, ...line })
          else if (options.raw === true) print(line.text)
          else print(visible(trial === undefined ? `trial ${number} ${outputLine(line)}` : outputLine(line)))
        }
        const holders = new LogHolders(bus, id)
        // Of one that is over there is no more to come.
        if (options.follow === true && !hasEnded(state)) {
          for await (const entry of bus.streams.follow('telemetry', outputSubject(id, trial), { signal })) {
            for (const line of await linesOf(entry, holders)) say(Number(entry.subject.split('.').at(-1)), line)
          }
          return exitCodes.interrupted
        }
        if (trial !== undefined && !trials.some((one) => one.trial === trial)) {
          throw problem('TRIAL_UNKNOWN', { experiment: id, trial })
        }
        for (const each of trial === undefined ? trials.map(({ trial: number }) => number) : [trial]) {
          for await (const line of readOutput(bus, id, each, holders)) say(each, line)
        }
        return exitCodes.done
      },
      given,
    ),
  )
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
