/** What those who read a long history wait for: 60,000 trials that cost nothing, then the end of `maggy run`, and `show`, `ls`, `export`. */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { maggy, type Ran } from '../support/cli.ts'
import type { BenchOptions, Report } from './main.ts'
import { round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const wanted = 60_000

interface Timed extends Ran {
  readonly seconds: number
}

async function timed(running: Promise<Ran>, since = performance.now()): Promise<Timed> {
  const ran = await running
  if (ran.code !== 0) throw new Error(`exit ${ran.code}: ${ran.stderr}`)
  return { ...ran, seconds: (performance.now() - since) / 1000 }
}

export async function history(say: (line: string) => void, { trials = wanted }: BenchOptions): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'maggy-history-'))
  try {
    const data = ['--data', join(folder, 'data')]
    say(`a search of ${trials} trials on 2 workers`)
    const run = maggy(['run', moduleFile('many'), 'tune', '--set', `trials=${trials}`, '--workers', '2', ...data])
    // The last of the trials is said in the very line that says how many there are.
    let lastAt = performance.now()
    const all = `[${trials}/${trials},`
    run.process.stdout?.on('data', (text: string) => {
      if (text.includes(all)) lastAt = performance.now()
    })
    const ended = await timed(run)
    const endSeconds = (performance.now() - lastAt) / 1000
    say('maggy show, ls, export')
    const show = await timed(maggy(['show', ...data]), performance.now())
    const all60 = await timed(maggy(['show', '--all', ...data]), performance.now())
    const ls = await timed(maggy(['ls', ...data]), performance.now())
    const file = join(folder, 'all.json')
    const exported = await timed(maggy(['export', '--output', file, ...data]), performance.now())
    const csv = await timed(
      maggy(['export', '--format', 'csv', '--output', join(folder, 'all.csv'), ...data]),
      performance.now(),
    )
    const replayed = await timed(maggy(['replay', ...data]), performance.now())
    say(replayed.stdout.trim())
    return {
      figures: {
        trials,
        runSeconds: round(ended.seconds, 1),
        endSeconds: round(endSeconds),
        showSeconds: round(show.seconds),
        showLines: show.stdout.split('\n').length,
        showAllSeconds: round(all60.seconds),
        lsSeconds: round(ls.seconds),
        exportSeconds: round(exported.seconds),
        exportMegabytes: round((await stat(file)).size / 1e6, 1),
        exportCsvSeconds: round(csv.seconds),
        replaySeconds: round(replayed.seconds),
      },
      bars: { endSeconds: '<= 4', showSeconds: '<= 4', lsSeconds: '<= 4', exportSeconds: '<= 4' },
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
