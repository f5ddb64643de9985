/** The contract suites as the author of a plug-in gets them: by their public names, out of the packed tarball, under node:test. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'

const run = promisify(execFile)
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-author-'))
  const packed = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
  await run('npm', packed, { cwd: packageRoot(), maxBuffer: 2 ** 26 })
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  await run('tar', ['-xzf', tarball], { cwd: folder })
  await mkdir(join(folder, 'node_modules'))
  await rename(join(folder, 'package'), join(folder, 'node_modules/maggy'))
  // What it depends on, as npm would put it beside it.
  const dependencies = join(packageRoot(), 'node_modules')
  for (const name of await readdir(dependencies)) {
    if (!name.startsWith('.')) await symlink(join(dependencies, name), join(folder, 'node_modules', name))
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const author = `
import { describe, it } from 'node:test'
import { MaggyError, sample } from 'maggy'
import { prunerContract, samplerContract, servedOptimizerContract } from 'maggy/contract'

const refuse = (options, code, details) => {
  for (const name of Object.keys(options)) throw new MaggyError(code, details(name))
}
const sampler = {
  name: 'mine',
  adaptive: false,
  create({ options }) {
    refuse(options, 'OPTIMIZER_UNFIT', (name) => ({ optimizer: 'mine', path: 'options.' + name, reason: 'is unknown' }))
    return ({ space, random, trial }) => (process.env.WRONG ? { x: trial } : sample(space, random))
  },
}
const pruner = {
  name: 'mine',
  create({ options }) {
    refuse(options, 'CONTEXT_INVALID', (name) => ({ path: 'pruner.options.' + name, reason: 'is unknown' }))
    return () => 'continue'
  },
}
samplerContract(sampler, { describe, it })
const suggest = ({ sample }) => (process.env.WRONG ? { x: 2 } : sample())
servedOptimizerContract({ name: 'own', suggest }, { describe, it }, { trials: 10, many: 100 })
prunerContract(pruner, { describe, it })
`

it('holds a plug-in to the contracts, and fails one that breaks them', async () => {
  const file = join(folder, 'mine.test.mjs')
  await writeFile(file, author)
  const tested = async (env: Record<string, string>) => {
    try {
      // Nothing of this runner's own environment: a test of node's inside of another says nothing.
      const given = { cwd: folder, env: { PATH: process.env['PATH'] ?? '', ...env } }
      return (await run(process.execPath, ['--test', file], given)).stdout
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string }
      return stdout + stderr
    }
  }
  const kept = await tested({})
  expect(kept).toMatch(/pass 7\d/)
  expect(kept).toMatch(/fail 0/)
  const broken = await tested({ WRONG: '1' })
  expect(broken).not.toMatch(/fail 0/)
  expect(broken).toContain('suggests inside the space')
})
