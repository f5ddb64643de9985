/**
 * An experiment as files: `result.json`, `experiment.json` and `trials.csv` (of an ablation `ablation.csv` and `ablation.svg` too), and a folder a trial with `hparams.json`, `trial.json`,
 * `metrics.csv` and `output.log`; and as TensorBoard event files. What the trials reported is read in one pass, and held in memory.
 */
import { own } from '../../protocol/index.ts'
import { createWriteStream } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Bus } from '../bus/index.ts'
import { headerRecord, scalarRecord } from './event-file.ts'
import { experimentRecord, sessionEndRecord, sessionStartRecord } from './hparams-plugin.ts'
import { LogHolders } from './log-holders.ts'
import { readAllPoints, readOutput, trialsWithOutput, type KeptPoint, type OutputLine } from './reader.ts'
import type { Result, TrialResult } from './results.ts'
import { visible } from '../words/index.ts'
import { ablationSvg } from '../ablation/index.ts'
import { ablationRows } from './ablation-table.ts'
import { pointRows, toCsv, trialRows } from './table.ts'

/** Writes the files of an experiment under `directory/EXPERIMENT`, and returns that folder. */
export async function writeFiles(directory: string, bus: Bus, result: Result): Promise<string> {
  const folder = join(directory, result.experiment)
  await mkdir(folder, { recursive: true })
  const { trials, ...summary } = result
  await writeJson(join(folder, 'result.json'), { ...summary, trials: trials.map(({ trial }) => trial) })
  const { experiment, name, contextName, seed, objectives, wanted, searched } = result
  const definition = { experiment, name, contextName, seed, objectives, wanted, searched }
  await writeJson(join(folder, 'experiment.json'), definition)
  await writeFile(join(folder, 'trials.csv'), toCsv(trialRows(result)))
  if (result.ablation !== undefined) {
    await writeFile(join(folder, 'ablation.csv'), toCsv(ablationRows(result.ablation)))
    await writeFile(join(folder, 'ablation.svg'), ablationSvg(result.ablation, result.name))
  }
  const points = await readAllPoints(bus, experiment)
  const printed = await trialsWithOutput(bus, experiment)
  const holders = new LogHolders(bus, experiment)
  for (const trial of trials) {
    const own = join(folder, 'trials', String(trial.trial))
    await mkdir(own, { recursive: true })
    await writeJson(join(own, 'hparams.json'), trial.hparams)
    await writeJson(join(own, 'trial.json'), trial)
    await writeFile(join(own, 'metrics.csv'), toCsv(pointRows(points.get(trial.trial) ?? [])))
    const output = join(own, 'output.log')
    if (!printed.has(trial.trial)) await writeFile(output, '')
    else
      await pipeline(
        Readable.from(outputText(readOutput(bus, experiment, trial.trial, holders))),
        createWriteStream(output),
      )
  }
  return folder
}

/** Writes event files for TensorBoard under `directory/EXPERIMENT`, and returns that folder: the experiment's at its root, a folder a trial. */
export async function writeTensorBoard(directory: string, bus: Bus, result: Result): Promise<string> {
  const folder = join(directory, result.experiment)
  const at = result.startedAt ?? 0
  await writeEvents(folder, at, [experimentRecord(result.name, result.trials, result.objectives, at)])
  const points = await readAllPoints(bus, result.experiment)
  for (const trial of result.trials) {
    if (trial.startedAt === null) continue
    const reported = points.get(trial.trial) ?? []
    await writeEvents(join(folder, `trial-${trial.trial}`), trial.startedAt, trialRecords(trial, reported))
  }
  return folder
}

/** A trial's records: its hparams, what its last attempt reported, and what it came to. */
export function trialRecords(trial: TrialResult, points: readonly KeptPoint[]): Uint8Array[] {
  const start = trial.startedAt ?? 0
  const end = trial.endedAt ?? points.at(-1)?.at ?? start
  const records = [sessionStartRecord(trial.hparams, `trial-${trial.trial}`, start)]
  const reported = points.filter(({ attempt }) => attempt === trial.attempt)
  for (const { step, at, values } of reported) {
    for (const [tag, value] of Object.entries(values)) {
      records.push(scalarRecord({ tag, step, at, value: value ?? NaN }))
    }
  }
  const last = reported.at(-1)
  for (const [tag, value] of Object.entries(trial.metrics)) {
    // The value that train returned need not be its last report: it becomes the point behind that.
    if (value !== null && own(last?.values ?? {}, tag) !== value) {
      records.push(scalarRecord({ tag, step: last === undefined ? 0 : last.step + 1, at: end, value }))
    }
  }
  records.push(sessionEndRecord(trial.state, end))
  return records
}

async function writeEvents(folder: string, at: number, records: readonly Uint8Array[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  const seconds = String(Math.floor(at / 1000)).padStart(10, '0')
  const path = join(folder, `events.out.tfevents.${seconds}.maggy`)
  await rm(path, { force: true })
  await writeFile(path, Buffer.concat([headerRecord(at), ...records]))
}

async function* outputText(lines: AsyncIterable<OutputLine>): AsyncIterable<string> {
  for await (const line of lines) yield `${visible(outputLine(line))}\n`
}

/** A line of output as people read it. */
export function outputLine({ at, attempt, from, text }: OutputLine): string {
  return `${new Date(at).toISOString()} ${attempt === 1 ? '' : `attempt ${attempt} `}${from} ${text}`
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`)
}
