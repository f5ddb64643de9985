/** Signed code, on real processes: a worker that trusts one key, and all that somebody without that key may try. */
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  announce,
  assign,
  bundleBucket,
  codeOf,
  lease,
  submit,
  type LogEvent,
  type Submission,
} from '../../protocol/index.ts'
import { readLog } from '../../src/archive/index.ts'
import { bundleModule } from '../../src/bundle/index.ts'
import { ask, hear } from '../../src/bus/index.ts'
import type { Result } from '../../src/store/index.ts'
import { maggy, until, type Running } from '../support/cli.ts'
import { startSystem, type System } from '../support/system.ts'

let folder = ''
let system: System
let driver: Awaited<ReturnType<System['actor']>>
let module = ''
let ran = ''
const at = (name: string) => join(folder, name)
/** Nobody's own key is found. */
const env = () => ({ XDG_CONFIG_HOME: at('config') })

/** A module that leaves a file behind when a runner imports it. */
async function write(name: string, marker: string): Promise<string> {
  await writeFile(
    at(name),
    `import { writeFileSync } from 'node:fs'
     import { defineExperiment, optimization, space } from 'maggy'
     if (Symbol.for('maggy.runner') in globalThis) writeFileSync(${JSON.stringify(marker)}, '')
     const search = { space: { x: space.double(0, 1) }, metric: 'value', direction: 'maximize' } as const
     export default defineExperiment(import.meta.url, {
       name: 'signed',
       train: ({ hparams }: any) => hparams.x,
       contexts: { tune: optimization({ ...search, trials: 3 }) },
     })\n`,
  )
  return at(name)
}

const linesOf = (running: Running) =>
  running
    .said()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

async function eventsOf(experiment: string): Promise<LogEvent[]> {
  const events: LogEvent[] = []
  for await (const { entry } of readLog(system.bus, experiment)) events.push(...(entry?.events ?? []))
  return events
}

const run = (...args: string[]) =>
  maggy(['run', module, 'tune', '--server', system.server.url, '--json', ...args], { env: env() })

/** Runs until it says why it waits, and stops it. */
async function waitsFor(running: Running): Promise<{ experiment: string; code: string; message: string }> {
  const found = () => linesOf(running).find(({ event, code }) => event === 'waiting' && code !== undefined)
  await until(() => found() !== undefined)
  const experiment = linesOf(running).find(({ event }) => event === 'experiment')?.['experiment'] as string
  running.process.kill('SIGINT')
  expect((await running).code).toBe(130)
  return { experiment, ...(found() as { code: string; message: string }) }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-signed-'))
  ran = at('ran')
  module = await write('module.ts', ran)
  for (const name of ['alice', 'mallory']) {
    const { stdout } = await maggy(['key', 'new', '--output', at(name), '--name', name])
    await writeFile(at(`${name}.pub`), stdout)
  }
  system = await startSystem()
  driver = await system.actor('driver')
  await system.actor('optimizer')
  await system.actor('worker', '--id', 'trusting', '--trust', at('alice.pub'), '--cache', at('cache'))
}, 120_000)

afterAll(async () => {
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('a worker that trusts one key', () => {
  it('runs nothing that nobody signed, or somebody else, and says what to do', async () => {
    const unsigned = await waitsFor(run())
    expect(unsigned.code).toBe('CODE_UNSIGNED')
    expect(unsigned.message).toContain('maggy key new')
    const byMallory = await waitsFor(run('--sign-key', at('mallory')))
    expect(byMallory.code).toBe('CODE_UNTRUSTED')
    expect(byMallory.message).toContain((await readFile(at('mallory.pub'), 'utf8')).split(' ')[0])
    for (const { experiment } of [unsigned, byMallory]) {
      expect((await eventsOf(experiment)).some(({ type }) => type === 'trial.assigned')).toBe(false)
    }
    expect(existsSync(ran)).toBe(false)
  })

  it('runs what its key signed; one that has expired runs once its owner resumes it', async () => {
    const expired = await waitsFor(run('--sign-key', at('alice'), '--sign-for', '0.0000001'))
    expect(expired.code).toBe('SIGNATURE_EXPIRED')
    expect(existsSync(ran)).toBe(false)
    const resumed = await maggy(
      ['resume', expired.experiment, '--server', system.server.url, '--json', '--sign-key', at('alice')],
      { env: env() },
    )
    expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' })
    expect(existsSync(ran)).toBe(true)
    expect((await eventsOf(expired.experiment)).map(({ type }) => type)).toContain('experiment.signed')
  })

  it('looks at its file again: a key that comes into it is trusted, and one that goes is not, without a start', async () => {
    const own = await readFile(at('alice.pub'), 'utf8')
    const trusts = (count: number) =>
      new Promise<void>((resolve) => {
        const heard = hear(system.bus, announce, { worker: 'trusting' }, ({ info }) => {
          if (info.trusts?.length !== count) return
          heard.unsubscribe()
          resolve()
        })
      })
    const both = trusts(2)
    await writeFile(at('alice.pub'), own + (await readFile(at('mallory.pub'), 'utf8')))
    await both
    expect((await run('--sign-key', at('mallory'))).code).toBe(0)
    const one = trusts(1)
    await writeFile(at('alice.pub'), own)
    await one
    expect((await waitsFor(run('--sign-key', at('mallory')))).code).toBe('CODE_UNTRUSTED')
  })

  it('runs nothing of whoever has a credential and no key: not by what was signed for another, nor by hand', async () => {
    const pwned = at('pwned')
    const { code, sha256 } = await bundleModule(await write('evil.ts', pwned))
    await system.bus.blobs.put(bundleBucket, sha256, code)
    const good = run('--sign-key', at('alice'))
    expect((await good).code).toBe(0)
    const id = linesOf(good).find(({ event }) => event === 'experiment')?.['experiment'] as string
    const [accepted] = await eventsOf(id)
    const { submission } = accepted as { submission: Submission }
    const evil = { sha256, bytes: code.length, module: 'evil.ts' }

    // As a client.
    const send = (change: Partial<Submission>) =>
      ask(system.bus, submit, {}, { ...submission, ...change }, { timeoutMs: 10_000 }).catch(codeOf)
    expect(await send({ experiment: 'other', bundle: evil })).toBe('SIGNATURE_INVALID')
    expect(await send({ experiment: 'other' })).toBe('SIGNATURE_INVALID')
    expect(await send({ bundle: evil })).toBe('SIGNATURE_INVALID')

    // As a driver, which a worker cannot tell from another.
    const driver = 'mallory'
    const worker = 'trusting'
    const slot = 0
    const held = () =>
      ask(system.bus, lease, { worker }, { driver, slot }, { timeoutMs: 10_000 }).then(
        () => true,
        () => false,
      )
    while (!(await held())) await new Promise((resolve) => setTimeout(resolve, 100))
    const { context, contextName, signature } = submission
    const attempt = { experiment: id, trial: 0, attempt: 9 }
    const assignment = {
      attempt,
      driver,
      slot,
      bundle: evil,
      contextName,
      hparams: { x: 0.5 },
      seed: 1,
      objectives: ['value'],
      trialTimeoutMs: null,
      graceMs: 1000,
    }
    const give = (change: object) =>
      ask(system.bus, assign, { worker }, { ...assignment, ...change }, { timeoutMs: 10_000 }).catch(codeOf)
    expect(await give({})).toBe('CODE_UNSIGNED')
    const terms = {
      kind: context.kind,
      contextSha256: 'a'.repeat(64),
      hparams: {},
      seed: 1,
      trials: 3,
      objectives: ['value'],
      trialTimeoutMs: null,
      graceMs: 1000,
    }
    expect(await give({ signed: { terms, signature } })).toBe('SIGNATURE_INVALID')
    const mine = (await readFile(at('mallory.pub'), 'utf8')).split(' ')[0]
    expect(await give({ signed: { terms, signature: { ...signature, key: mine } } })).toBe('CODE_UNTRUSTED')
    expect(existsSync(pwned)).toBe(false)
  })

  it('does not run a bundle that was swapped in the object store after it was signed', async () => {
    const pwned = at('swapped')
    module = await write('target.ts', at('target'))
    const right = await bundleModule(module)
    const evil = await bundleModule(await write('evil.ts', pwned))
    // It stands still until it is signed anew: meanwhile its code is swapped.
    const { experiment } = await waitsFor(run('--sign-key', at('alice'), '--sign-for', '0.0000001'))
    await system.bus.blobs.put(bundleBucket, right.sha256, evil.code)
    // This driver has read the right code already; the next one reads what lies there now.
    await driver.stop()
    driver = await system.actor('driver')
    const resumed = maggy(['resume', experiment, '--server', system.server.url, '--json', '--sign-key', at('alice')], {
      env: env(),
    })
    expect((await resumed).code).toBe(1)
    const { result } = linesOf(resumed).at(-1) as unknown as { result: Result }
    // The driver hands out no code of another hash, and a worker would not take it.
    const reasons = result.trials.map(({ problem }) => problem?.message ?? '')
    expect(reasons).toHaveLength(3)
    for (const reason of reasons)
      expect(reason).toMatch(/the code bundle .* (is not on the bus|arrived with another hash)/)
    expect([existsSync(pwned), existsSync(at('target'))]).toEqual([false, false])
  })

  it('does not start with a file of keys that others may write', async () => {
    const open = at('open.pub')
    await writeFile(open, await readFile(at('alice.pub')))
    await chmod(open, 0o666)
    const { code, stderr } = await maggy(['worker', '--server', system.server.url, '--trust', open])
    expect(code).toBe(2)
    expect(stderr).toContain('others may write it')
  })

  it('does not start with a folder for bundles that others may write', async () => {
    const open = at('open-cache')
    await mkdir(open)
    await chmod(open, 0o777)
    const { code, stderr } = await maggy(['worker', '--server', system.server.url, '--cache', open])
    expect(code).toBe(1)
    expect(stderr).toContain('others may write it')
  })
})

it('an embedded fleet runs what its user signs by default, and a key that others may read is refused', async () => {
  module = await write('embedded.ts', at('embedded'))
  const home = { XDG_CONFIG_HOME: at('home') }
  const made = await maggy(['key', 'new'], { env: home })
  await writeFile(at('own.pub'), made.stdout)
  const args = ['run', module, 'tune', '--json', '--data', at('data'), '--trust', at('own.pub')]
  const { code, stderr } = await maggy(args, { env: home })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const loose = at('loose')
  await writeFile(loose, await readFile(join(at('home'), 'maggy', 'sign.key')), { mode: 0o644 })
  const refused = await maggy([...args, '--sign-key', loose], { env: home })
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain(`chmod 600 ${loose}`)
})
