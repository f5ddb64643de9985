/** What people who look at a board wait for: a report until it is drawn, a page of 50,000 trials, a brush across them; and what many of them cost. */
import { stat } from 'node:fs/promises'
import { get, type ClientRequest } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { optimization, space } from 'maggy'
import pidusage from 'pidusage'
import type { Page } from 'playwright-core'
import { encodePayload, log, subjectFor, type LogEvent, type Submission } from '../../protocol/index.ts'
import { packageRoot, spawnActor } from '../../src/actor/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import { startBrowser } from '../support/browser.ts'
import { startSystem } from '../support/system.ts'
import type { BenchOptions, Report } from './main.ts'
import { median, round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const token = 'bench'
const wantedTrials = 50_000
const browsers = 100
const watchSeconds = 10
const reports = 60

export async function board(say: (line: string) => void, { trials = wantedTrials }: BenchOptions): Promise<Report> {
  const started = await startBrowser()
  if ('missing' in started) throw new Error(`no Chromium starts here: ${started.missing}`)
  const { browser } = started
  const system = await startSystem()
  try {
    const driver = await system.actor('driver')
    await Promise.all([system.actor('optimizer'), system.workers(1)])
    const options = ['--server', system.server.url, '--log-level', 'warn', '--port', '0']
    const shown = await spawnActor('board', options, { env: { MAGGY_BOARD_TOKEN: token } })
    const origin = new URL(shown.address ?? '').origin
    const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
    await page.goto(`${origin}/?token=${token}`)
    await page.waitForURL(`${origin}/`)

    say('a trial that reports ten times a second')
    const context = optimization({
      space: { x: space.double(0, 1) },
      optimizer: 'random',
      trials: 1,
      metric: 'value',
      direction: 'maximize',
    })
    await system.submit(moduleFile('ticking'), context, 'ticking')
    const pixelMs = await fromReportToPixel(page, origin)

    say(`${browsers} browsers, ${watchSeconds} s without them and ${watchSeconds} s with them`)
    const alone = await spent(driver.pid)
    const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
    const open = await Promise.all(
      Array.from({ length: browsers }, () => listen(`${origin}/api/events/experiment/ticking`, cookie)),
    )
    const watched = await spent(driver.pid)
    const { memory } = await pidusage(shown.pid)
    for (const one of open) one.destroy()

    say(`${trials} trials`)
    await writeTrials(system.bus, 'large', trials)
    const { firstPaintMs, framesPerSecond } = await lookAtMany(page, origin, trials)
    const { size } = await stat(join(packageRoot(), 'dist/src/board/page/board.js'))
    await shown.stop()
    return {
      figures: {
        reportToPixelMs: round(median(pixelMs)),
        trials,
        firstPaintMs: round(firstPaintMs),
        brushingFramesPerSecond: round(framesPerSecond, 1),
        driverPercentAlone: round(alone, 1),
        driverPercentWatched: round(watched, 1),
        boardMegabytes: round(memory / 2 ** 20),
        javascriptKilobytes: round(size / 1000, 1),
      },
      bars: {
        reportToPixelMs: '<= 200',
        firstPaintMs: '<= 2000',
        brushingFramesPerSecond: '>= 30',
        driverPercentWatched: 'as alone',
        boardMegabytes: '<= 300',
        javascriptKilobytes: '<= 250',
      },
    }
  } finally {
    await browser.close()
    await system.stop()
  }
}

/** Milliseconds from the stamp of each report in user code to the frame after it was drawn. All clocks are this host's. */
async function fromReportToPixel(page: Page, origin: string): Promise<number[]> {
  await page.goto(`${origin}/#/x/ticking/trial/0`)
  const canvas = page.getByRole('region', { name: 'value', exact: true }).getByRole('img', { name: /1 curve of value/ })
  await canvas.waitFor()
  // The value of a report is its number, and a chart says the greatest that it shows.
  await page.evaluate(`(() => {
    window.drawn = []
    const canvas = document.querySelector('section[aria-label="value"] canvas')
    new MutationObserver(() => requestAnimationFrame(() => window.drawn.push([Number(/to (\\d+)$/.exec(canvas.getAttribute('aria-label'))?.[1]), Date.now()])))
      .observe(canvas, { attributeFilter: ['aria-label'] })
  })()`)
  while ((await page.evaluate<number>('window.drawn.length')) < reports) await sleep(200)
  const drawn = await page.evaluate<[number, number][]>('window.drawn')
  const [curve] = await page.evaluate<{ index: number[]; at: number[] }[]>(
    `fetch('/api/points/ticking/0').then((response) => response.json())`,
  )
  const reportedAt = new Map(curve?.index.map((index, place) => [index, curve.at[place] ?? NaN]))
  return drawn.flatMap(([number, at]) => {
    const reported = reportedAt.get(number)
    return reported === undefined ? [] : [at - reported]
  })
}

async function lookAtMany(
  page: Page,
  origin: string,
  trials: number,
): Promise<{ firstPaintMs: number; framesPerSecond: number }> {
  // Another browser has looked before, as it is where one looks at what runs: the board has read the log.
  await page.goto(`${origin}/#/x/large`)
  const parallel = page.getByRole('region', { name: 'Parallel coordinates' })
  const all = parallel.getByRole('img', { name: new RegExp(`^${trials.toLocaleString('en')} trials of ${trials} `) })
  await all.waitFor()
  const begun = performance.now()
  await page.reload()
  await all.waitFor()
  const firstPaintMs = performance.now() - begun
  const canvas = parallel.locator('canvas.brushable')
  await canvas.scrollIntoViewIfNeeded()
  const box = await canvas.boundingBox()
  if (box === null) throw new Error('the chart is not there')
  const [x, top] = [box.x + 56, box.y + 50]
  await page.mouse.move(x, top)
  await page.mouse.down()
  await page.evaluate(
    `(() => { window.framesSeen = 0; const count = () => { window.framesSeen += 1; requestAnimationFrame(count) }; requestAnimationFrame(count) })()`,
  )
  const from = performance.now()
  for (let move = 0; performance.now() - from < 4000; move += 1) await page.mouse.move(x, top + 20 + (move % 100) * 2)
  const seconds = (performance.now() - from) / 1000
  const frames = await page.evaluate<number>('window.framesSeen')
  await page.mouse.up()
  return { firstPaintMs, framesPerSecond: frames / seconds }
}

/** Per cent of a core, over some seconds. */
async function spent(pid: number): Promise<number> {
  const before = (await pidusage(pid)).ctime
  await sleep(watchSeconds * 1000)
  return ((await pidusage(pid)).ctime - before) / (watchSeconds * 10)
}

/** A browser as the board sees it: somebody who reads its events. */
function listen(url: string, cookie: string): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const asking = get(url, { headers: { cookie }, agent: false }, (response) => {
      response.resume()
      response.on('error', () => {})
      resolve(asking)
    })
    asking.on('error', reject)
  })
}

/** A log as a driver writes it: so many trials that are done. */
async function writeTrials(bus: Bus, experiment: string, trials: number): Promise<void> {
  const { context } = optimization({
    space: {
      lr: space.double(1e-4, 1, { log: true }),
      units: space.integer(1, 512),
      dropout: space.double(0, 0.5),
      kind: space.categorical(['a', 'b', 'c']),
    },
    optimizer: 'random',
    trials,
    metric: 'value',
    direction: 'maximize',
  })
  const bundle = { sha256: 'a'.repeat(64), bytes: 1, module: 'many.ts' }
  const submission: Submission = { experiment, name: 'large', contextName: 'tune', context, bundle }
  const at = Date.now() - trials * 10
  const subject = subjectFor(log, { experiment })
  let [first, expectedLast] = [0, 0]
  const append = async (events: LogEvent[]) => {
    expectedLast = await bus.streams.append(subject, encodePayload(log, { first, events }, subject), { expectedLast })
    first += events.length
  }
  await append([
    { type: 'experiment.accepted', at, submission },
    { type: 'experiment.adopted', at, driver: 'bench' },
    { type: 'optimizer.opened', at, instance: 'bench', adaptive: false },
  ])
  for (let from = 0; from < trials; from += 250) {
    await append(Array.from({ length: Math.min(250, trials - from) }, (_, place) => eventsOf(from + place, at)).flat())
  }
  await append([{ type: 'experiment.ended', at: at + trials * 10, state: 'done', best: null }])
}

function eventsOf(trial: number, start: number): LogEvent[] {
  const part = (by: number) => ((trial * by) % 9973) / 9973
  const hparams = {
    lr: 10 ** (-4 + 4 * part(7)),
    units: 1 + Math.floor(511 * part(31)),
    dropout: part(101) / 2,
    kind: ['a', 'b', 'c'][trial % 3] ?? 'a',
  }
  const value = 1 - Math.abs(Math.log10(hparams.lr) + 2) / 4 + hparams.units / 2000 - hparams.dropout / 10
  const [worker, slot] = [`w${trial % 16}`, 0]
  const [at, endedAt] = [start + trial * 10, start + trial * 10 + 150]
  return [
    { type: 'trial.suggested', at, trial, hparams, seed: trial },
    { type: 'trial.assigned', at, trial, attempt: 1, worker, slot },
    {
      type: 'trial.ended',
      at: endedAt,
      trial,
      attempt: 1,
      worker,
      outcome: { kind: 'done', metrics: { value } },
      startedAt: at,
      endedAt,
      points: 0,
    },
  ]
}
