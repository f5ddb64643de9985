/** An experiment as one file that needs nothing else: the pages of the board with the data in them, to mail or to archive. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '../../protocol/index.ts'
import { packageRoot } from '../actor/index.ts'
import { readLog } from '../archive/index.ts'
import type { Bus } from '../bus/index.ts'
import { readAllPoints, refuseUnknown } from '../store/index.ts'
import { importanceIn } from './questions.ts'
import { Series } from './series.ts'
import { Watched } from './watched.ts'
import type { CurveColumns, ExperimentFrame, Importances } from './wire.ts'

/** Data that the page of a report reads instead of a connection. */
export interface ReportData {
  readonly frame: ExperimentFrame
  readonly curves: readonly CurveColumns[]
  readonly importance: Importances
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly writtenAt: number
}

/** Numbers in all curves together: more are thinned. */
const mostPoints = 500_000

/** Rejects with EXPERIMENT_UNKNOWN, or with LOG_HOLE if its beginning is gone. */
export async function reportPage(bus: Bus, experiment: string): Promise<string> {
  const watched = new Watched(experiment)
  for await (const { sequence, entry } of readLog(bus, experiment)) watched.take(sequence, entry)
  refuseUnknown(watched.reading)
  const data: ReportData = {
    frame: watched.since(0),
    curves: await curvesOf(bus, experiment),
    importance: importanceIn(watched.reading),
    writtenAt: Date.now(),
  }
  return documentOf(data, watched.reading.history?.submission.name ?? experiment)
}

async function curvesOf(bus: Bus, experiment: string): Promise<CurveColumns[]> {
  const points = await readAllPoints(bus, experiment)
  const each = Math.max(8, Math.min(512, Math.floor(mostPoints / Math.max(1, points.size))))
  return [...points].flatMap(([trial, all]) => {
    const series = new Map<number, Series>()
    for (const { attempt, index, ...point } of all) {
      let own = series.get(attempt)
      if (own === undefined) series.set(attempt, (own = new Series(trial, attempt, each)))
      own.skipTo(index)
      own.take(index, [point])
    }
    return [...series.values()].map((own) => own.columns())
  })
}

async function documentOf(data: ReportData, name: string): Promise<string> {
  const folder = join(packageRoot(), 'dist', 'src', 'board', 'page')
  const [script, style] = await Promise.all([read(join(folder, 'board.js')), read(join(folder, 'board.css'))])
  // A text that ends a script element early must not stand in one.
  const program = script.replaceAll('</script', '<\\/script')
  const json = JSON.stringify(data).replaceAll('<', '\\u003c')
  const policy = `default-src 'none'; script-src '${hashOf(program)}'; style-src '${hashOf(style)}'; img-src data: blob:; base-uri 'none'; form-action 'none'`
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">',
    `<title>${escaped(name)}</title><link rel="icon" href="data:,"><style>${style}</style></head>`,
    '<body><div id="board"></div>',
    `<script type="application/json" id="report">${json}</script>`,
    `<script type="module">${program}</script></body></html>`,
    '',
  ].join('\n')
}

const hashOf = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw problem('INTERNAL', { reason: `there is no ${path}: \`npm run build\` makes it` }, { cause: error })
  }
}
