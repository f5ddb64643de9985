/** The board in a real browser, on experiments that really run. Screenshots are kept in .maggy/screenshots. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import axe from 'axe-core'
import { training } from 'maggy'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { spawnActor, type Child } from '../../src/actor/index.ts'
import { reportPage } from '../../src/board/index.ts'
import { withComponents } from '../../src/client/index.ts'
import { readResult } from '../../src/store/index.ts'
import definition, { evil } from '../support/board-experiment.ts'
import { startProxy } from '../support/proxy.ts'
import { complaintsOf, shoot, startBrowser } from '../support/browser.ts'
import { allowSteps } from '../support/pace.ts'
import { freePort } from '../support/server.ts'
import { startSystem, until, type System } from '../support/system.ts'

const token = 'token-of-this-test'
const module = fileURLToPath(new URL('../support/board-experiment.ts', import.meta.url))
const trained = fileURLToPath(new URL('modules/trained.ts', import.meta.url))
const { tune, two, ablate } = definition.contexts
/** How long a laptop sleeps; MAGGY_TEST_CUT_SECONDS=60 tries what takes too long for every day. */
const cutSeconds = Number(process.env['MAGGY_TEST_CUT_SECONDS'] ?? 1)

const started = await startBrowser()
const missing = 'missing' in started ? started.missing : ''
if (missing !== '')
  process.stderr.write(`skipped: no Chromium starts here, so no page of the board is looked at: ${missing}\n`)
const browser = ('browser' in started ? started.browser : undefined) as Browser

let system: System
let board: Child
let port: number
let origin: string
let folder: string
let pace: string
let page: Page
let complaints: string[]

const startBoard = (...args: string[]) =>
  spawnActor('board', ['--server', system.server.url, '--log-level', 'warn', ...args], {
    env: { MAGGY_BOARD_TOKEN: token },
  })

/** Trials that do not hear a stop while they wait for the test are killed soon. */
const contextWith = (named: { context: { hparams: object; policy: object } }, hparams: object) => {
  const { context } = named
  const policy = { ...context.policy, graceMs: 200 }
  return { ...named, context: { ...context, policy, hparams: { ...context.hparams, ...hparams } } } as never
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-board-'))
  pace = join(folder, 'pace')
  system = await startSystem()
  await Promise.all([system.actor('driver'), system.actor('optimizer'), system.actor('ablator'), system.workers(2)])
  board = await startBoard('--port', '0', '--control')
  port = Number(new URL(board.address ?? '').port)
  origin = `http://127.0.0.1:${port}`
})
afterAll(async () => {
  await browser?.close()
  await board.stop()
  await system.stop()
  await rm(folder, { recursive: true })
})

/** An answer's status and headers, asked for with headers that a browser would not let a page choose. */
function ask(
  path: string,
  headers: Record<string, string>,
  method = 'GET',
  body = '',
): Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port, path, method, headers: { host: `127.0.0.1:${port}`, ...headers } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }))
      },
    )
    asking.once('error', reject)
    asking.end(body)
  })
}

describe('the board tells nothing to strangers:', () => {
  let cookie = ''

  it('a cookie is given for the token only, and scripts cannot read it', async () => {
    const entered = await ask(`/?token=${token}`, {})
    const set = String(entered.headers['set-cookie'])
    expect(set).toMatch(/; HttpOnly; SameSite=Strict$/)
    cookie = set.split(';')[0] ?? ''
    expect((await ask('/', { cookie })).status).toBe(200)
    for (const path of ['/', '/board.js', '/api/events/home', '/api/curves/x', '/?token=wrong']) {
      expect((await ask(path, {})).status).toBe(401)
    }
  })

  it('a name that leads here and is not the board’s is refused, and so are pages of other origins and sites', async () => {
    expect((await ask('/', { cookie, host: `evil.example:${port}` })).status).toBe(421)
    expect((await ask(`/?token=${token}`, { host: 'evil.example' })).status).toBe(421)
    expect((await ask('/api/curves/x', { cookie, origin: 'http://evil.example' })).status).toBe(403)
    expect((await ask('/api/curves/x', { cookie, 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    const headers = { cookie, origin: 'http://evil.example', 'content-type': 'application/json' }
    expect((await ask('/api/control/x/stop', headers, 'POST', '{"mode":"cancel"}')).status).toBe(403)
  })

  it('every answer forbids scripts and styles from elsewhere, inline ones too', async () => {
    const { headers } = await ask('/', { cookie })
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['referrer-policy']).toBe('no-referrer')
  })

  it('what is asked for beyond its paths is not there', async () => {
    for (const path of ['/../package.json', '/api/curves/..%2F..', '/api/events/experiment/a%00b', '/api/nothing']) {
      expect((await ask(path, { cookie })).status).toBe(404)
    }
    expect((await ask('/api/curves/unknown', { cookie })).status).toBe(404)
    // What would be a place elsewhere, and what is no address at all.
    for (const path of ['//evil.example/', 'http://evil.example/', '//', '/\\evil.example'])
      expect([400, 404]).toContain((await ask(path, { cookie })).status)
    expect((await ask(`/${'a'.repeat(20_000)}`, { cookie })).status).toBe(431)
  })

  it('its measures are for those who show the token in a header, which opens nothing else', async () => {
    const authorization = `Bearer ${token}`
    const { status, text, headers } = await ask('/metrics', { authorization })
    expect([status, headers['content-type']]).toEqual([200, expect.stringContaining('text/plain; version=0.0.4')])
    expect(text).toMatch(/^maggy_board_streams 0$/m)
    expect((await ask('/metrics', { cookie })).status).toBe(200)
    expect((await ask('/metrics', {})).status).toBe(401)
    expect((await ask('/metrics', { authorization: 'Bearer wrong' })).status).toBe(401)
    for (const path of ['/', '/api/curves/x']) expect((await ask(path, { authorization })).status).toBe(401)
    const posted = { authorization, 'content-type': 'application/json' }
    expect((await ask('/api/control/x/stop', posted, 'POST', '{"mode":"cancel"}')).status).toBe(401)
  })

  it('a request that would change something comes as JSON of its own page, or changes nothing', async () => {
    const form = { cookie, 'content-type': 'application/x-www-form-urlencoded' }
    expect((await ask('/api/control/x/stop', form, 'POST', 'mode=cancel')).status).toBe(409)
    const plain = { cookie, 'content-type': 'text/plain' }
    expect((await ask('/api/control/x/stop', plain, 'POST', '{"mode":"cancel"}')).status).toBe(409)
    const json = { cookie, 'content-type': 'application/json' }
    expect((await ask('/api/control/x/stop', json, 'POST', 'a'.repeat(70_000))).status).toBe(409)
    for (const name of ['constructor', '__proto__', 'unknown'])
      expect((await ask(`/api/control/x/${name}`, json, 'POST', '{}')).status).toBe(404)
    expect((await ask('/api/control/x/stop', json, 'GET')).status).toBe(405)
  })
})

describe.skipIf(missing !== '')('the board shows', () => {
  beforeAll(async () => {
    page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
    // The test's own limit is the limit.
    page.setDefaultTimeout(110_000)
    complaints = complaintsOf(page, origin)
    await page.goto(`${origin}/?token=${token}`)
    await page.waitForURL(`${origin}/`)
  })

  const open = async (path: string) => {
    await page.goto(`${origin}/#/${path}`)
  }
  const see = (text: string | RegExp) => page.getByText(text).first().waitFor()
  /** What a chart shows, as it tells those who do not see it. */
  const chart = (panel: string, summary: RegExp) =>
    page.getByRole('region', { name: panel, exact: true }).getByRole('img', { name: summary }).waitFor()
  /** Everything as it should be: no complaint, no user text taken for HTML, nothing that a screen reader could not read. */
  const lookOver = async (name: string) => {
    await shoot(page, name)
    expect(complaints).toEqual([])
    expect(await page.evaluate('window.evil')).toBeUndefined()
    await page.evaluate(axe.source)
    const { violations } = await page.evaluate<axe.AxeResults>('axe.run()')
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    expect(serious.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([])
  }

  it('nothing yet, and what to do', async () => {
    await see('No experiment yet')
    await lookOver('empty')
  })

  it('a search while it runs, and without being asked again when it has ended', async () => {
    allowSteps(pace, 6)
    await system.submit(module, contextWith(tune, { pace }), 'search')
    await page.getByRole('link', { name: 'test' }).click()
    await chart('Best so far', /^[67] results; best accuracy 0\.\d+/)
    await chart('Learning curves', /curves? of accuracy/)
    await page.getByText('running', { exact: true }).first().waitFor()
    await shoot(page, 'search-running')
    allowSteps(pace, 1000)
    await page.getByText('40 of 40').first().waitFor()
    await page.locator('.head-line .pill.done').waitFor()
    await chart('Timeline of slots', /attempts on 2 slots/)
    await chart('What matters', /lr \d+ %/)
    await chart('Parallel coordinates', /40 trials of 40 across lr, units, dropout, activation, accuracy/)
    await chart('Two hparams together', /accuracy by lr and units, \d+ trials/)
    await lookOver('search')
  })

  it('what is chosen and filtered, in all charts and in the address', async () => {
    await page.getByRole('button', { name: /^done/ }).click()
    await page.getByRole('spinbutton', { name: 'best' }).fill('5')
    await page.getByText('5 of 40 trials', { exact: true }).waitFor()
    await chart('Parallel coordinates', /5 trials of 40/)
    await page.getByRole('checkbox').nth(0).check()
    await page.getByRole('checkbox').nth(1).check()
    await page.getByRole('heading', { name: 'Compare 2 trials' }).waitFor()
    await page.waitForURL(/states=done.*top=5.*chosen=\d+%2C\d+/)
    await page.reload()
    await page.getByRole('heading', { name: 'Compare 2 trials' }).waitFor()
    await page.getByText('5 of 40 trials, 2 chosen').waitFor()
    const axis = page.getByRole('region', { name: 'Parallel coordinates' }).locator('canvas.brushable')
    const box = await axis.boundingBox()
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.getByText('40 trials', { exact: true }).waitFor()
    await axis.scrollIntoViewIfNeeded()
    const { x = 0, y = 0 } = (await axis.boundingBox()) ?? {}
    await page.mouse.move(x + 56, y + 60)
    await page.mouse.down()
    await page.mouse.move(x + 56, y + (box?.height ?? 0) / 2, { steps: 4 })
    await page.mouse.up()
    await page.getByRole('button', { name: /^lr .* to / }).waitFor()
    await page.waitForURL(/in=.*hparams\.lr/)
    await lookOver('search-brushed')
  })

  it('a chart as the files that it is saved as', async () => {
    const panel = page.getByRole('region', { name: 'Best so far' })
    for (const [format, begin] of [
      ['SVG', '<svg xmlns='],
      ['CSV', 'trial,accuracy'],
      ['PNG', '\u0089PNG'],
    ] as const) {
      await panel.locator('summary').click()
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        panel.getByRole('button', { name: format }).click(),
      ])
      const path = join(folder, `saved.${format}`)
      await download.saveAs(path)
      expect((await readFile(path, 'latin1')).startsWith(begin)).toBe(true)
    }
  })

  it('a trial: its hparams, curves, attempts and output, as text', async () => {
    await open('x/search/trial/0')
    await see(`${evil} begins with lr`)
    await chart('accuracy', /1 curve of accuracy/)
    await chart(evil, /1 curve of/)
    await page
      .getByRole('region', { name: 'Attempts', exact: true })
      .getByText('done', { exact: true })
      .first()
      .waitFor()
    await lookOver('trial')
  })

  it('two objectives and their front, an ablation, a training in its ring, and the fleet', async () => {
    await system.submit(module, two, 'front')
    await system.ended('front')
    await open('x/front')
    await chart('Pareto front', /\d+ of 12 trials on the front; hypervolume 0\.\d+/)
    await lookOver('pareto')
    await system.submit(module, await withComponents(definition, ablate), 'ablation')
    await open('x/ablation')
    await chart('What each component is worth', /without feature:beak: -0\.16.*worse/)
    await page.locator('.head-line .pill.done').waitFor()
    await lookOver('ablation')
    const ringPace = join(folder, 'ring')
    allowSteps(ringPace, 20)
    await system.submit(trained, training({ workers: 2, hparams: { pace: ringPace } }), 'ring')
    await open('x/ring')
    await chart('The ring', /2 of 2 members, generation 1, running/)
    await chart('loss', /1 curve of loss/)
    await lookOver('training')
    await open('fleet')
    await page.getByRole('link', { name: 'trial 0' }).first().waitFor()
    await lookOver('fleet')
    allowSteps(ringPace, 1000)
    await system.ended('ring')
    await open('')
    await page.locator('.card .pill.done').nth(3).waitFor()
    await lookOver('home')
  })

  it('the same in the dark and on a phone', async () => {
    await open('x/search')
    await page.getByRole('button', { name: 'Dark colours' }).click()
    await chart('Best so far', /best accuracy/)
    await lookOver('search-dark')
    await page.setViewportSize({ width: 390, height: 800 })
    await chart('Best so far', /best accuracy/)
    const fits = () => page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')
    await expect.poll(fits, { timeout: 60_000 }).toBe(true)
    await lookOver('search-phone')
    await page.setViewportSize({ width: 1440, height: 900 })
  })

  it('everything again by itself after the board was killed, the bus too, and the connection was cut', async () => {
    allowSteps(pace, 3)
    await system.submit(module, contextWith(tune, { pace, epochs: 4 }), 'outage')
    await open('x/outage')
    await page.getByText('3 of 40').first().waitFor()
    board.process.kill('SIGKILL')
    await board.exited
    await see('No connection to the board')
    allowSteps(pace, 8)
    board = await startBoard('--port', String(port), '--control')
    await page.getByText('8 of 40').first().waitFor()
    await page.getByText('No connection to the board').waitFor({ state: 'detached' })
    await system.killServer()
    await page.context().setOffline(true)
    allowSteps(pace, 1000)
    await system.ended('outage')
    await page.context().setOffline(false)
    await page.getByText('40 of 40').first().waitFor()
    await chart('Parallel coordinates', /40 trials of 40/)
    const table = page.getByRole('region', { name: 'Trials, a table that scrolls' })
    expect(await table.locator('table').getAttribute('aria-rowcount')).toBe('41')
    // What the browser says of an outage itself is no complaint of the page.
    complaints.length = 0
  })

  it(
    `everything, nothing missing and nothing twice, after the connection was cut for ${cutSeconds} s`,
    async () => {
      const behind = await freePort()
      const proxy = await startProxy(behind)
      // A second board, which knows the name that the browser asks for: the proxy's.
      const other = await startBoard('--port', String(behind), '--allow-host', `127.0.0.1:${proxy.port}`)
      const away = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
      away.setDefaultTimeout(110_000 + cutSeconds * 1000)
      await away.goto(other.address ?? '')
      await away.waitForURL(`http://127.0.0.1:${proxy.port}/`)
      allowSteps(pace, 2)
      await system.submit(module, contextWith(tune, { pace, epochs: 8 }), 'asleep')
      await away.goto(`http://127.0.0.1:${proxy.port}/#/x/asleep`)
      await away.getByText('2 of 40').first().waitFor()
      proxy.cut()
      // Some of it happens while nothing passes, and some of it afterwards.
      allowSteps(pace, 20)
      await until(system, 'asleep', 'trial.ended', ({ trial }) => trial >= 15)
      await sleep(cutSeconds * 1000)
      if (cutSeconds > 15) await away.getByText('No connection to the board').waitFor()
      expect(await away.getByText('2 of 40').count()).toBeGreaterThan(0)
      proxy.restore()
      allowSteps(pace, 1000)
      const events = await system.ended('asleep')
      await away.getByText('40 of 40').first().waitFor()
      await away.getByText('No connection to the board').waitFor({ state: 'detached' })
      const saved = async (panel: string) => {
        const region = away.getByRole('region', { name: panel, exact: true })
        const isMenu = panel !== 'Trials'
        if (isMenu) await region.locator('summary[aria-label^="Save"]').click()
        const [download] = await Promise.all([
          away.waitForEvent('download'),
          region.getByRole('button', { name: 'CSV' }).click(),
        ])
        const path = join(folder, 'asleep.csv')
        await download.saveAs(path)
        const [, ...rows] = (await readFile(path, 'utf8')).trimEnd().split('\r\n')
        return rows.map((row) => row.split(','))
      }
      // Each attempt that the log has, once; each trial once; and of each trial its points, from the first to the last, once.
      const assigned = events.filter(({ type }) => type === 'trial.assigned').length
      expect(await saved('Timeline of slots')).toHaveLength(assigned)
      expect((await saved('Trials')).map(([trial]) => Number(trial)).sort((a, b) => a - b)).toEqual([
        ...Array(40).keys(),
      ])
      const reported = new Map(
        events.flatMap((event): [number, number][] =>
          event.type === 'trial.ended' ? [[event.trial, event.points]] : [],
        ),
      )
      await expect
        .poll(
          async () => {
            const rows = await saved('Learning curves')
            return [...reported].filter(([trial, points]) => {
              const own = rows.filter(([of]) => Number(of) === trial).map(([, , step]) => Number(step))
              return JSON.stringify(own) !== JSON.stringify([...Array(points).keys()])
            })
          },
          { timeout: 60_000 },
        )
        .toEqual([])
      await away.context().close()
      await other.stop()
      await proxy.stop()
    },
    200_000 + cutSeconds * 1000,
  )

  it('stops an experiment and resumes it, where it may', async () => {
    allowSteps(pace, 2)
    await system.submit(module, contextWith(tune, { pace, epochs: 4 }), 'stopped')
    await open('x/stopped')
    await page.getByText('2 of 40').first().waitFor()
    const act = async (label: string, verb: string) => {
      await page.getByRole('button', { name: label, exact: true }).click()
      await page.getByRole('dialog').getByRole('button', { name: verb, exact: true }).click()
    }
    const closed = () => page.getByRole('dialog').waitFor({ state: 'detached' })
    // What goes wrong is said in the dialog, which closes by the keyboard.
    await page.getByRole('button', { name: 'Optimizer', exact: true }).click()
    await page.getByRole('dialog').getByRole('combobox').fill('nobody')
    await page.getByRole('button', { name: 'Swap it' }).click()
    await page.getByRole('dialog').getByRole('alert').filter({ hasText: 'nobody' }).waitFor()
    // What the browser says of an answer that was an error is no complaint of the page.
    complaints.length = 0
    await lookOver('control')
    await page.keyboard.press('Escape')
    await closed()
    await page.getByRole('button', { name: 'Enqueue', exact: true }).click()
    await page.getByRole('dialog').getByLabel('units').fill('77')
    await page.getByRole('dialog').getByLabel('activation').selectOption({ label: 'tanh' })
    await page.getByRole('button', { name: 'Enqueue it' }).click()
    await closed()
    await page.getByRole('button', { name: 'More trials' }).click()
    await page.getByRole('dialog').getByLabel('more trials').fill('2')
    await page.keyboard.press('Enter')
    await closed()
    await page.getByText('of 43').first().waitFor()
    await page.getByRole('button', { name: 'Optimizer', exact: true }).click()
    await page.getByRole('dialog').getByRole('combobox').fill('random')
    await page.getByRole('button', { name: 'Swap it' }).click()
    await closed()
    await see(/by random/)
    await act('Pause', 'Pause it')
    await page.locator('.head-line .pill.paused').waitFor()
    await act('Cancel', 'Cancel its trials')
    await page.locator('.head-line .pill.stopped').waitFor()
    allowSteps(pace, 1000)
    await act('Resume', 'Resume it')
    await page.locator('.head-line .pill.done').waitFor()
    const { trials } = await readResult(system.bus, 'stopped')
    expect(trials.filter(({ hparams }) => hparams['units'] === 77)).toMatchObject([{ hparams: { activation: 'tanh' } }])
  })

  it('a report, as one file that asks for nothing', async () => {
    const path = join(folder, 'report.html')
    await writeFile(path, await reportPage(system.bus, 'search'))
    const own = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    const said = complaintsOf(own, `file://${path}`)
    await own.goto(`${pathToFileURL(path).href}#/x/search`)
    await own
      .getByRole('region', { name: 'Best so far' })
      .getByRole('img', { name: /best accuracy/ })
      .waitFor()
    await own
      .getByRole('region', { name: 'Learning curves' })
      .getByRole('img', { name: /curves of accuracy/ })
      .waitFor()
    await own.getByRole('link', { name: '39', exact: true }).click()
    await own.getByRole('region', { name: 'Hparams', exact: true }).getByText('dropout', { exact: true }).waitFor()
    await shoot(own, 'report-trial')
    expect(said.filter((one) => !one.startsWith(`asked for ${pathToFileURL(path).href}`))).toEqual([])
    expect(await own.evaluate('window.evil')).toBeUndefined()
  })
})

it('a board without --control changes nothing', async () => {
  const reader = await startBoard('--port', '0')
  const own = Number(new URL(reader.address ?? '').port)
  const entered = await fetch(`http://127.0.0.1:${own}/?token=${token}`)
  const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? ''
  const answer = await fetch(`http://127.0.0.1:${own}/api/control/search/stop`, {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/json' },
    body: '{"mode":"cancel"}',
  })
  expect(answer.status).toBe(403)
  expect(await answer.json()).toMatchObject({ error: { code: 'BOARD_READ_ONLY' } })
  await reader.stop()
})
