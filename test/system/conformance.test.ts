/** `maggy conformance` against real processes, which it starts, kills and starts again. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'
import type { CheckResult } from '../../src/conformance/index.ts'
import { maggy } from '../support/cli.ts'
import { pythonWith } from '../support/python.ts'

const program = join(packageRoot(), 'dist/src/cli/main.js')
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-conformance-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const conformance = async (...args: string[]) => {
  const ran = await maggy(['conformance', ...args, '--json', '--data', join(folder, 'data')])
  const lines = ran.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { check?: CheckResult; conforms?: boolean })
  const checks = lines.flatMap(({ check }) => check ?? [])
  return { code: ran.code, checks, last: lines.at(-1) }
}
const notPassed = (checks: readonly CheckResult[]) => checks.filter(({ state }) => state !== 'passed')

it('finds nothing wrong with the optimizer, which it kills in the middle of a question', async () => {
  const start = `exec ${process.execPath} ${program} optimizer --log-level warn`
  const { code, checks, last } = await conformance('optimizer', '--name', 'tpe', '--start', start, '--trials', '40')
  expect(notPassed(checks)).toEqual([])
  expect(checks.map(({ name }) => name)).toContain('reopening.killed')
  expect({ code, conforms: last?.conforms }).toEqual({ code: 0, conforms: true })
})

it('finds nothing wrong with the worker', async () => {
  const start = `exec ${process.execPath} ${program} worker --id w1 --log-level warn`
  const { code, checks } = await conformance('worker', '--name', 'w1', '--start', start)
  expect(notPassed(checks)).toEqual([])
  expect({ code, many: checks.length > 15 }).toEqual({ code: 0, many: true })
})

it('finds nothing wrong with an optimizer in Python, which it kills as well', async () => {
  const python = await pythonWith()
  const file = join(folder, 'mine.py')
  const lines = [
    'from maggy_actors import serve_optimizer',
    "serve_optimizer('mine', lambda space, rng: space.sample(rng))",
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const start = `PYTHONPATH=${python.folders.join(delimiter)} exec ${python.command} ${file}`
  const { code, checks } = await conformance('optimizer', '--name', 'mine', '--start', start, '--trials', '40')
  // It takes any options: that is advised against.
  expect(notPassed(checks).map(({ name, state }) => `${state} ${name}`)).toEqual(['advised refusing.option'])
  expect(code).toBe(0)
})

it('fails with what was sent, what came and why it matters when nobody answers', async () => {
  const { code, checks } = await conformance('pruner', '--name', 'absent')
  expect(code).toBe(1)
  expect(checks[0]).toMatchObject({
    name: 'transport.verdict',
    state: 'failed',
    sent: expect.stringContaining('maggy.v1.call.pruner.absent.judge') as string,
    came: 'no responders: nobody subscribes there',
  })
  expect(new Set(checks.slice(1).map(({ state }) => state))).toEqual(new Set(['skipped']))
})
