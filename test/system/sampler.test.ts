import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'

let folder: string
let file: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-sampler-'))
  file = join(folder, 'space.json')
  const space = {
    x: { type: 'double', low: -5, high: 5 },
    c: { type: 'categorical', choices: ['a', 'b'] },
    y: { type: 'integer', low: 1, high: 9, when: { parameter: 'c', in: ['b'] } },
  }
  await writeFile(file, JSON.stringify(space))
})
afterAll(() => rm(folder, { recursive: true }))

/** What `maggy sampler` answers to these lines. */
async function piped(
  sampler: string,
  lines: readonly string[],
  ...flags: readonly string[]
): Promise<{ code: number; out: object[] }> {
  const given = ['sampler', '--space', file, '--sampler', sampler, '--direction', 'maximize', '--seed', '1', ...flags]
  const child = spawn(process.execPath, [join(packageRoot(), 'dist/src/cli/main.js'), ...given])
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  child.stderr.resume()
  child.stdin.end(lines.join('\n'))
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)))
  const answers = text.split('\n').filter((line) => line !== '')
  return { code, out: answers.map((line) => JSON.parse(line) as object) }
}

describe('maggy sampler', () => {
  it('suggests and is told through a pipe, the same for the same seed', async () => {
    const lines = [
      '{"suggest":3}',
      '{"observe":{"id":0,"value":1.5}}',
      '{"observe":{"id":1,"state":"failed"}}',
      '{"suggest":1}',
    ]
    const { code, out } = await piped('tpe', lines)
    expect(code).toBe(0)
    expect(out).toHaveLength(4)
    expect(out.map((answer) => (answer as { id: number }).id)).toEqual([0, 1, 2, 3])
    expect(await piped('tpe', lines)).toEqual({ code, out })
  })

  it('answers a line that is wrong with an error, and goes on', async () => {
    const { out } = await piped('random', [
      'nonsense',
      '{"observe":{"id":9,"value":1}}',
      '{"suggest":0}',
      '{"suggest":1}',
      '{"observe":{"id":0,"value":1,"metric":{"memory":3}}}',
      '{"observe":{"id":0,"state":"pruned","value":1,"step":"3"}}',
    ])
    const errors = out.map((answer) => (answer as { error?: { code: string; message: string } }).error)
    const wrong = 'OPTION_INVALID'
    expect(errors.map((error) => error?.code)).toEqual([wrong, wrong, wrong, undefined, wrong, wrong])
    expect(errors[4]?.message).toContain('observe.metric: is unknown; did you mean metrics? there are id, value')
    expect(errors[5]?.message).toContain('observe.step: is "3", not a number')
  })

  it('holds what is told to constraints, and says what is missing', async () => {
    const lines = [
      '{"suggest":2}',
      '{"observe":{"id":0,"value":1,"metrics":{"memory":3}}}',
      '{"observe":{"id":1,"value":1}}',
      '{"observe":{"id":1,"value":1,"metrics":{"memory":"much"}}}',
      '{"observe":{"id":1,"value":1,"metrics":{"value":2}}}',
    ]
    const { code, out } = await piped('tpe', lines, '--constraint', 'memory <= 2', 'memory >= 0')
    expect(code).toBe(0)
    const messages = out.map((answer) => (answer as { error?: { message: string } }).error?.message ?? '')
    expect(messages.slice(0, 2)).toEqual(['', ''])
    expect(messages[2]).toContain('lacks memory, which the constraint memory <= 2 needs')
    expect(messages[3]).toContain('observe.metrics.memory: is "much", not a number')
    expect(messages[4]).toContain('observe.metrics.value: stands beside metrics, not in them')
    expect((await piped('tpe', [], '--constraint', 'memory < 2')).code).toBe(2)
  })

  it('exits with 2 for a sampler that cannot take the space, or is not there', async () => {
    expect((await piped('cmaes', [])).code).toBe(2)
    expect((await piped('nobody', [])).code).toBe(2)
  })

  it('exits with 2 for an empty space', async () => {
    const empty = join(folder, 'empty.json')
    await writeFile(empty, '{}')
    expect((await piped('random', ['{"suggest":1}'], '--space', empty)).code).toBe(2)
  })
})
