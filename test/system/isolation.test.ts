/** A worker that confines its trials, with the tools of this host; where none is there, what it says. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'
import { findTool } from '../../src/isolation/index.ts'
import type { Result } from '../../src/store/index.ts'
import { maggy, type Running } from '../support/cli.ts'
import { startSystem, type System } from '../support/system.ts'

let folder = ''
let system: System
let other: Server
const marker = `maggy-isolation-${process.pid}`
const workers: Running[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-isolation-'))
  await mkdir(join(folder, 'config', 'maggy'), { recursive: true })
  await writeFile(join(folder, 'config', 'maggy', 'sign.key'), 'secret')
  other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  system = await startSystem()
  await system.actor('driver')
  await system.actor('optimizer')
})

afterAll(async () => {
  for (const worker of workers) {
    worker.process.kill('SIGTERM')
    await worker
  }
  await system.stop()
  other.close()
  for (const path of [folder, join(homedir(), `.${marker}`), join('/tmp', marker)])
    await rm(path, { recursive: true, force: true })
})

/** What a trial could do on a worker with these options, and what that worker said of itself. */
async function looked(label: string, ...options: string[]): Promise<{ found: Record<string, number>; log: string }> {
  const env = { XDG_CONFIG_HOME: join(folder, 'config') }
  const worker = maggy(
    [
      'worker',
      '--server',
      system.server.url,
      '--labels',
      `kind=${label}`,
      '--cache',
      join(folder, 'cache'),
      ...options,
    ],
    { env },
  )
  workers.push(worker)
  let log = ''
  worker.process.stderr?.on('data', (chunk) => (log += String(chunk)))
  const hparams = {
    port: (other.address() as AddressInfo).port,
    parent: worker.process.pid,
    marker,
    secret: join(folder, 'config', 'maggy'),
  }
  const set = Object.entries(hparams).flatMap(([name, value]) => ['--set', `hparams.${name}=${value}`])
  const module = join(packageRoot(), 'test/system/modules/confined.ts')
  const ran = await maggy(
    ['run', module, 'look', '--server', system.server.url, '--json', '--set', `labels={"kind":"${label}"}`, ...set],
    { env: { XDG_CONFIG_HOME: join(folder, 'none') } },
  )
  const last = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1) ?? '{}') as { result?: Result }
  expect({ code: ran.code, trials: last.result?.trials.map(({ problem }) => problem?.message) }).toEqual({
    code: 0,
    trials: [undefined],
  })
  return { found: last.result?.trials[0]?.metrics as Record<string, number>, log }
}

const { kind, reasons } = findTool()

it('keeps a trial from the rest of the host, as far as it says', async () => {
  const open = await looked('open')
  expect(open.found).toMatchObject({
    writesHome: 1,
    seesSecret: 1,
    seesWorker: 1,
    reachesOthers: 1,
    startsProcesses: 1,
  })
  await rm(join(homedir(), `.${marker}`))
  const { found, log } = await looked('confined', '--isolate')
  // What it says that it did, a trial finds to be so; all else it says too.
  const measures = [
    ['no new privileges', 'gainsPrivileges'],
    ['no sight of other processes', 'seesWorker'],
    [kind === 'unshare' ? 'a read-only home' : 'read-only files', 'writesHome'],
    ['no network but the bus', 'reachesOthers'],
  ] as const
  for (const [what, field] of measures) {
    expect(log).toContain(what)
    if (new RegExp(`trials are confined: [^\\n]*${what}`).test(log))
      expect({ [field]: found[field] }).toEqual({ [field]: 0 })
  }
  if (kind === 'none') for (const reason of reasons) expect(log).toContain(reason)
  else expect(found).toMatchObject({ seesSecret: 0, writesHome: 0, gainsPrivileges: 0, seesWorker: 0, capabilities: 0 })
  if (kind === 'bwrap') expect(found).toMatchObject({ reachesOthers: 0, writesTemporary: 1 })
})

it('doctor says what it would be confined with', async () => {
  const { stdout } = await maggy(['doctor', '--json'])
  const { parts } = JSON.parse(stdout) as { parts: { part: string; ok: boolean; needed: boolean; reason?: string }[] }
  const isolation = parts.find(({ part }) => part === 'isolation')
  expect(isolation).toMatchObject({ ok: kind === 'bwrap', needed: false })
  for (const reason of reasons) expect(isolation?.reason).toContain(reason)
})
