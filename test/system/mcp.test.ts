/** `maggy mcp`, as a coding agent has it: the official SDK's client starts it and talks to it over its standard input and output. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'
import { maggy } from '../support/cli.ts'
import { startSystem, type System } from '../support/system.ts'

let folder = ''
let system: System
let module = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-mcp-'))
  module = join(folder, 'line.ts')
  await writeFile(
    module,
    `import { defineExperiment, optimization, space } from 'maggy'
     console.log('a module may print what it likes')
     const common = { space: { x: space.double(0, 1) }, metric: 'score', direction: 'maximize' }
     export default defineExperiment(import.meta.url, {
       name: 'line',
       train: async ({ hparams, reporter }: any) => {
         for (let step = 0; hparams.wait && step < 1e6; step += 1) {
           reporter.report({ score: 0 }, step)
           await new Promise((resolve) => setTimeout(resolve, 10))
         }
         return { score: hparams.x }
       },
       hparams: { wait: false },
       contexts: {
         short: optimization({ ...common, trials: 3 }),
         other: optimization({ ...common, direction: 'minimize', trials: 2 }),
         large: optimization({ ...common, trials: 1, resources: { gpu: 4 } }),
         long: optimization({ ...common, trials: 2, hparams: { wait: true } }),
       },
     })\n`,
  )
  system = await startSystem()
  await Promise.all([system.actor('driver'), system.actor('optimizer'), system.workers(1)])
})
afterAll(async () => {
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

interface Answer {
  readonly isError: boolean
  readonly text: string
  readonly said: Record<string, unknown>
}

async function agent(...args: string[]) {
  const client = new Client({ name: 'test', version: '1.0.0' })
  const command = join(packageRoot(), 'dist/src/cli/main.js')
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('MAGGY_'),
    ),
  )
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [command, 'mcp', ...args],
      env,
      cwd: folder,
      stderr: 'inherit',
    }),
  )
  return {
    client,
    call: async (name: string, given: Record<string, unknown> = {}): Promise<Answer> => {
      const { content, structuredContent, isError } = await client.callTool({ name, arguments: given })
      const [first] = content as { text?: string }[]
      return {
        isError: isError === true,
        text: first?.text ?? '',
        said: (structuredContent ?? {}) as Record<string, unknown>,
      }
    },
  }
}

const onServer = () => ['--server', system.server.url]

it('reads only, unless it is allowed to do more', async () => {
  const { client, call } = await agent(...onServer())
  const { tools } = await client.listTools()
  expect(tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint])).toEqual([
    ['list', true],
    ['show', true],
    ['compare', true],
    ['artifacts', true],
    ['note', false],
    ['start', false],
    ['stop', false],
    ['pause', false],
    ['resume', false],
    ['enqueue', false],
  ])
  for (const [name, given] of [
    ['start', { module, context: 'short' }],
    ['stop', { experiment: 'x' }],
    ['pause', { experiment: 'x' }],
    ['resume', { experiment: 'x', trials: '+5' }],
    ['enqueue', { experiment: 'x', hparams: { x: 1 } }],
    ['note', { experiment: 'x', text: 'y' }],
  ] as const) {
    const refused = await call(name, given)
    expect(refused.isError).toBe(true)
    expect(refused.text).toMatch(
      new RegExp(`^error TOOL_NOT_ALLOWED: the tool ${name} .*\nremedy: .*--allow start,stop`),
    )
  }
  expect((await call('list')).said).toEqual({ experiments: [], total: 0 })
  await client.close()
})

it('starts, lists, shows, compares and stops experiments, and says what is wrong', async () => {
  const { client, call } = await agent(...onServer(), '--allow', 'start,stop')
  const start = async (context: string, ...set: string[]) => {
    const { said, text } = await call('start', { module, context, set })
    expect(text).toMatch(/^\{"experiment":"line-/)
    return String(said['experiment'])
  }
  const first = await start('short')
  const second = await start('short', 'trials=2', 'seed=9')
  for (const id of [first, second]) await system.ended(id)

  expect((await call('show', { experiment: first })).said).toMatchObject({
    experiment: first,
    state: 'done',
    counts: { done: 3 },
    trials: 3,
    best: [{ state: 'done', hparams: { x: expect.any(Number) as number } }, {}, {}],
  })
  const { said } = await call('compare', { experiments: [first, second] })
  const sides = said['experiments'] as { experiment: string; value: number; counts: { done: number } }[]
  expect(sides.map(({ counts }) => counts.done)).toEqual([3, 2])
  expect(said['ranking']).toEqual(sides.toSorted((a, b) => b.value - a.value).map(({ experiment }) => experiment))

  const large = await start('large')
  const waits = async () => {
    const { said: shown } = await call('show', { experiment: large })
    return (shown['waiting'] as { code: string } | undefined)?.code
  }
  await expect.poll(waits, { timeout: 30_000 }).toBe('RESOURCES_MISSING')
  await call('stop', { experiment: large, mode: 'cancel' })
  await system.ended(large)
  expect(await waits()).toBe(undefined)

  const long = await start('long')
  const stopped = await call('stop', { experiment: long, mode: 'cancel' })
  expect(stopped.said).toMatchObject({ experiment: long })
  await system.ended(long)
  expect((await call('list')).said).toMatchObject({
    total: 4,
    experiments: [
      { experiment: first, state: 'done' },
      { experiment: second, state: 'done' },
      { experiment: large, state: 'stopped' },
      { experiment: long, state: 'stopped' },
    ],
  })

  const other = await start('other')
  await system.ended(other)
  expect((await call('compare', { experiments: [first, other] })).text).toMatch(/do not aim at the same/)
  expect((await call('show', { experiment: 'nowhere' })).text).toMatch(/^error EXPERIMENT_UNKNOWN: /)
  expect((await call('start', { module: 'nowhere.ts', context: 'x' })).text).toMatch(/^error MODULE_NOT_FOUND: /)
  expect((await call('start', { module, context: 'nowhere' })).text).toMatch(
    /^error CONTEXT_UNKNOWN: .*short, other, large, long/,
  )
  await client.close()
})

it('what it began on an embedded bus ends with it, in order', async () => {
  const data = ['--data', join(folder, 'data')]
  const { client, call } = await agent(...data, '--allow', 'start')
  const { said } = await call('start', { module, context: 'long' })
  await client.close()
  // It ends while we look.
  let state: unknown
  while (state !== 'stopped') {
    const shown = await maggy(['show', String(said['experiment']), '--json', ...data])
    state = (JSON.parse(shown.stdout) as { result?: { state: string } }).result?.state
  }
})
