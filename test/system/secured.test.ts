/**
 * The whole system under an authority and TLS, each actor with credentials of its own: everything works, whatever is killed, the server
 * never has to refuse anything, and nothing that is secret is to be seen.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { training } from '../../src/index.ts'
import { packageRoot, spawnActor, type Child } from '../../src/actor/index.ts'
import { withComponents } from '../../src/client/index.ts'
import { resultOf } from '../../src/store/index.ts'
import { maggy } from '../support/cli.ts'
import { startCollector, type Collector } from '../support/collector.ts'
import { processesBelow } from '../support/processes.ts'
import { startSystem, until, type System } from '../support/system.ts'
import ablation from '../support/ablation-experiment.ts'
import guarded from './modules/guarded.ts'

const at = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const module = at('./modules/guarded.ts')
/** Of a collector of traces, of MLflow, of a board. */
const passwords = ['otlp-Zq81ww', 'mlflow-Rt52kk', 'tracking-Nb37pp', 'board-Lm90xx']
const [otlpPassword, mlflowPassword, trackingToken, boardToken] = passwords as [string, string, string, string]
let collector: Collector
let system: System
let driver: Child
let workers: Child[]
let shown: string[]

beforeAll(async () => {
  collector = await startCollector()
  process.env['MAGGY_OTLP'] = collector.url.replace('//', `//tracer:${otlpPassword}@`)
  process.env['MLFLOW_TRACKING_TOKEN'] = trackingToken
  system = await startSystem({ secured: true })
  driver = await system.actor('driver')
  await system.actor('optimizer')
  await system.actor('ablator')
  workers = await system.workers(2)
  shown = ['--server', system.server.url, '--creds', (await system.creds('client', 'person')) ?? '']
})
afterAll(async () => {
  await system.stop()
  await collector.close()
})

const kill = async (child: Child | undefined) => {
  child?.process.kill('SIGKILL')
  await child?.exited
}
const violations = () => system.log.filter((line) => line.includes('Violation'))
const expectDone = async (id: string, done: number) => {
  const { counts, state } = resultOf(id, await system.ended(id))
  expect({ state, ...counts }).toMatchObject({ state: 'done', done, failed: 0, running: 0 })
}

it('a trial that runs longer than a worker waits for its runner, and an ablation beside it', async () => {
  await system.submit(module, guarded.contexts.long, 'long')
  await system.submit(
    at('../support/ablation-experiment.ts'),
    await withComponents(ablation, ablation.contexts.ablate),
    'ablated',
  )
  await expectDone('ablated', 18)
  await expectDone('long', 1)
  const assigned = (await system.ended('long')).filter(({ type }) => type === 'trial.assigned')
  expect(assigned).toHaveLength(1)
  expect(violations()).toEqual([])
})

it('a ring of two', async () => {
  await system.submit(at('./modules/trained.ts'), training({ workers: 2, hparams: { epochs: 2 } }), 'ring')
  await expectDone('ring', 1)
  expect(violations()).toEqual([])
})

it('a search under which a runner, a worker and the driver are killed; checkpoints outlive them', async () => {
  await system.submit(module, guarded.contexts.tune, 'killed')
  await until(system, 'killed', 'trial.assigned', ({ trial }) => trial === 1)
  const runner = processesBelow(workers[0]?.pid ?? 0).find(({ command }) => command.includes('runner-main'))
  process.kill(runner?.pid ?? 0, 'SIGKILL')
  await until(system, 'killed', 'trial.ended', ({ outcome }) => outcome.kind === 'done')
  await kill(workers[1])
  workers[1] = (await system.workers(1))[0] as Child
  await kill(driver)
  driver = await system.actor('driver')
  await expectDone('killed', 8)
  expect(violations()).toEqual([])
})

it('a board with credentials of its own shows all of it, and can change nothing, whatever it was started with', async () => {
  const creds = (await system.creds('board', 'shown')) ?? ''
  const options = ['--server', system.server.url, '--creds', creds, '--log-level', 'error', '--port', '0', '--control']
  const board = await spawnActor('board', options, { env: { MAGGY_BOARD_TOKEN: 'shown' } })
  try {
    const origin = new URL(board.address ?? '').origin
    const entered = await fetch(`${origin}/?token=shown`)
    const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? ''
    const metrics = await (await fetch(`${origin}/metrics`, { headers: { authorization: 'Bearer shown' } })).text()
    expect(metrics).toMatch(/^maggy_board_experiments\{state="done"\} [1-9]/m)
    const report = await fetch(`${origin}/api/report/killed`, { headers: { cookie } })
    expect(await report.text()).toContain('id="report"')
    const stop = await fetch(`${origin}/api/control/killed/stop`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json' },
      body: '{"mode":"cancel"}',
    })
    expect(await stop.json()).toMatchObject({ error: { code: 'BUS_FORBIDDEN' } })
  } finally {
    await board.stop()
  }
})

/** What a board shows, and what it prints. */
async function throughBoard(): Promise<string> {
  const creds = (await system.creds('board', 'page')) ?? ''
  const args = ['--server', system.server.url, '--creds', creds, '--port', '0', '--log-level', 'info']
  const board = await spawnActor('board', args, { env: { MAGGY_BOARD_TOKEN: boardToken }, stdio: 'ignore' })
  const address = board.address ?? ''
  const entered = await fetch(address, { redirect: 'manual' })
  const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? ''
  const page = async (path: string): Promise<string> => {
    const answer = await fetch(new URL(path, address), { headers: { cookie } })
    expect({ path, status: answer.status }).toEqual({ path, status: 200 })
    return await answer.text()
  }
  const shown = await Promise.all(['/', '/api/report/killed', '/api/curves/killed', '/api/points/killed/0'].map(page))
  const events = await fetch(new URL('/api/events/home', address), { headers: { cookie } })
  const { value } = (await events.body?.getReader().read()) ?? {}
  shown.push(Buffer.from(value ?? []).toString())
  expect(shown.join('\n')).toContain('killed')
  const stop = await fetch(new URL('/api/control/killed/stop', address), {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/json' },
    body: '{"mode":"cancel"}',
  })
  expect(stop.status).toBe(403)
  await board.stop()
  return [...shown, board.stderrTail()].join('\n')
}

/** What a coding agent is told. */
async function throughAgent(): Promise<string> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  const command = join(packageRoot(), 'dist/src/cli/main.js')
  const env = Object.fromEntries(Object.entries(process.env).map(([name, value = '']) => [name, value]))
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [command, 'mcp', ...shown],
    env,
    stderr: 'pipe',
  })
  const said: string[] = []
  transport.stderr?.on('data', (data: Buffer) => void said.push(data.toString()))
  await client.connect(transport)
  for (const [name, given] of [
    ['list', {}],
    ['show', { experiment: 'killed' }],
    ['show', { experiment: 'nothing' }],
  ] as const)
    said.push(JSON.stringify(await client.callTool({ name, arguments: given })))
  expect(said.join('\n')).toContain('killed')
  await client.close()
  return said.join('\n')
}

it('nothing that is secret is in arguments, in environments of runners, in what is printed, or in a file for others', async () => {
  const board = ['--server', system.server.url, '--creds', (await system.creds('board', 'looker')) ?? '']
  const folder = join(system.server.data, '..', 'authority')
  const secrets = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => {
      const file = join(entry.parentPath, entry.name)
      expect(statSync(file).mode & 0o077).toBe(0)
      const text = readFileSync(file, 'utf8')
      // Seeds of operators, accounts and users, users' JWTs, and private keys.
      const jwts = entry.name.endsWith('.creds') ? (text.match(/eyJ[\w.-]{100,}/g) ?? []) : []
      return [
        ...(text.match(/\bS[OAU][A-Z2-7]{56}\b/g) ?? []),
        ...jwts,
        ...(/KEY-----\n(\w{40})/.exec(text)?.slice(1) ?? []),
      ]
    })
  secrets.push(...passwords)
  const refusedBefore = violations().length
  expect(secrets.length).toBeGreaterThan(20)
  const running = maggy(['run', module, 'tune', ...shown])
  await until(system, 'killed', 'trial.ended')
  const below = processesBelow(process.pid).filter(({ command }) => command.includes('dist/'))
  const runners = below.filter(({ command }) => command.includes('runner-main'))
  expect(runners.length).toBeGreaterThan(0)
  const seen = below.map(({ command }) => command)
  for (const { pid } of runners) {
    const environment = existsSync(`/proc/${pid}/environ`) ? readFileSync(`/proc/${pid}/environ`, 'utf8') : ''
    expect(environment).not.toMatch(
      /MAGGY_(CREDS|TOKEN|TOKEN_FILE|NKEY|SERVER|TLS_KEY|OTLP|BOARD_TOKEN)=|MLFLOW_TRACKING/,
    )
    seen.push(environment)
  }
  const ran = await running
  expect(ran).toMatchObject({ code: 0 })
  const looks = await Promise.all([
    maggy(['ls', ...shown]),
    maggy(['show', 'killed', '--all', ...board]),
    maggy(['logs', 'killed', ...board]),
    maggy(['ls', '--json', ...board]),
    maggy(['actors', '--json', ...board]),
    maggy(['actors', ...shown]),
    maggy(['export', 'killed', '--format', 'csv', ...board]),
  ])
  expect(looks.map(({ code }) => code)).toEqual(looks.map(() => 0))
  expect(looks[1]?.stdout).toContain('8 done')
  expect(looks[2]?.stdout).toContain('step 3')
  for (const { stdout } of looks.slice(4, 6)) expect(stdout).toContain('optimizer')
  seen.push(...(await Promise.all([throughBoard(), throughAgent()])))
  expect(violations().slice(refusedBefore)).toEqual([])
  // What goes wrong says no secret either.
  const wrong = await Promise.all([
    maggy(['show', 'nothing', ...shown]),
    maggy(['run', module, 'tune', ...board]),
    maggy(['export', 'killed', '--mlflow', `http://tracker:${mlflowPassword}@127.0.0.1:1`, ...board]),
  ])
  expect(wrong.map(({ code }) => code)).toEqual([2, 69, wrong[2]?.code])
  expect(wrong[1]?.stderr).toContain('BUS_FORBIDDEN')
  expect(wrong[2]?.stderr).toContain('MLFLOW_UNREACHABLE')
  seen.push(...system.log, ...[ran, ...looks, ...wrong].flatMap(({ stdout, stderr }) => [stdout, stderr]))
  for (const child of [driver, ...workers]) seen.push(child.stderrTail())
  // The collector was shown what it is to be shown, and by actors only.
  expect([...collector.shown]).toEqual([`Basic ${Buffer.from(`tracer:${otlpPassword}`).toString('base64')}`])
  const told = seen.join('\n')
  expect(secrets.filter((secret) => told.includes(secret))).toEqual([])
})
