/** `maggy export`: an experiment in the formats of other tools, to a file or to standard output. */
import { writeFile } from 'node:fs/promises'
import { problem } from '../../protocol/index.ts'
import { ablationSvg } from '../ablation/index.ts'
import { exitCodes } from '../actor/index.ts'
import { reportPage } from '../board/index.ts'
import type { Bus } from '../bus/index.ts'
import { followTrials, type Tell } from '../client/index.ts'
import { MlflowRecord, mlflowServer, type MlflowServer } from '../mlflow/index.ts'
import { Journal, JournalFile, lineOf, StudyWriter } from '../optuna/index.ts'
import {
  ablationRows,
  latestExperiment,
  readAllPoints,
  readArtifact,
  readResult,
  reportRows,
  reportsAsParquet,
  toCsv,
  trialRows,
  trialsAsParquet,
} from '../store/index.ts'
import { interruptible } from './interrupt.ts'
import { looking, type Looking } from './looking.ts'
import { visibleJson } from '../words/index.ts'

export interface ExportOptions extends Looking {
  readonly format: 'json' | 'csv' | 'parquet' | 'svg' | 'html' | 'optuna-journal'
  readonly rows: 'trials' | 'reports'
  readonly follow?: boolean
  readonly mlflow?: string
  readonly output?: string
}

/** `id`: by default the experiment that was active last. */
export async function exportCommand(id: string | undefined, options: ExportOptions): Promise<number> {
  const { format, follow, output } = options
  const server = options.mlflow === undefined ? undefined : mlflowServer(options.mlflow)
  if (follow === true && format !== 'optuna-journal' && server === undefined) {
    const reason = 'goes with --format optuna-journal and with --mlflow only'
    throw problem('OPTION_INVALID', { option: '--follow', reason })
  }
  if (format === 'parquet' && output === undefined && process.stdout.isTTY) {
    throw problem('OPTION_INVALID', { option: '--format parquet', reason: 'is nothing for a terminal: name a file' })
  }
  return await interruptible((signal) =>
    looking(
      options,
      async ({ bus }) => {
        const experiment = id ?? (await latestExperiment(bus))
        if (server !== undefined) await tellAll(bus, experiment, follow, signal, recordTell(server, bus))
        else if (format === 'optuna-journal') await writeJournal(bus, experiment, options, signal)
        else await write(await contentOf(bus, experiment, options), output)
        return exitCodes.done
      },
      id,
    ),
  )
}

async function write(content: string | Uint8Array, output: string | undefined): Promise<void> {
  if (output === undefined) process.stdout.write(content)
  else await writeFile(output, content)
}

async function contentOf(bus: Bus, id: string, { format, rows }: ExportOptions): Promise<string | Uint8Array> {
  if (format === 'html') return await reportPage(bus, id)
  const result = await readResult(bus, id)
  const { ablation, experiment } = result
  const reports = () => readAllPoints(bus, experiment)
  switch (format) {
    case 'csv':
      if (rows === 'reports') return toCsv(reportRows(await reports()))
      return toCsv(ablation === undefined ? trialRows(result) : ablationRows(ablation))
    case 'parquet':
      return rows === 'reports' ? await reportsAsParquet(await reports()) : await trialsAsParquet(result)
    case 'svg': {
      const reason = `${experiment} is no ablation`
      if (ablation === undefined) throw problem('OPTION_INVALID', { option: '--format svg', reason })
      return ablationSvg(ablation, result.name)
    }
    default: {
      const points = await reports()
      const trials = result.trials.map((trial) => ({ ...trial, reports: points.get(trial.trial) ?? [] }))
      return visibleJson(`${JSON.stringify({ ...result, trials }, null, 2)}\n`)
    }
  }
}

function recordTell(server: MlflowServer, bus: Bus): Tell {
  const record = new MlflowRecord(server, (...which) => readArtifact(bus, ...which))
  return (outline, trials) => record.tell(outline, trials)
}

/** Once, as far as the log goes; or again and again, until the experiment is over. */
async function tellAll(
  bus: Bus,
  experiment: string,
  follow: boolean | undefined,
  signal: AbortSignal,
  tell: Tell,
): Promise<void> {
  if (follow === true) {
    await followTrials(bus, experiment, tell, { signal })
    return
  }
  const { trials, ...outline } = await readResult(bus, experiment)
  const points = await readAllPoints(bus, experiment)
  await tell(
    outline,
    trials.map((trial) => ({ trial, points: points.get(trial.trial) ?? [] })),
  )
}

/** Into a file, what is there already stays; a journal on standard output begins anew. */
async function writeJournal(
  bus: Bus,
  experiment: string,
  { output, follow }: ExportOptions,
  signal: AbortSignal,
): Promise<void> {
  let file: JournalFile | undefined
  const own = new Journal()
  try {
    const tell: Tell = async (outline, trials) => {
      if (outline.objectives.length === 0) throw problem('STUDY_WITHOUT_OBJECTIVE', { experiment })
      const compare = (journal: Journal) => {
        const writer = new StudyWriter(journal)
        writer.study(outline)
        for (const { trial, points } of trials) writer.trial(outline, trial, points)
        return writer.take()
      }
      if (output === undefined) {
        process.stdout.write(compare(own).map(lineOf).join(''))
        return
      }
      // An experiment that is unknown makes no file.
      file ??= await JournalFile.open(output)
      await file.append(compare)
    }
    await tellAll(bus, experiment, follow, signal, tell)
  } finally {
    await file?.close()
  }
}
