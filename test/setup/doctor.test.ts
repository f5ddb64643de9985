import { expect, test } from 'vitest'
import { describeInspection } from '../../src/setup/doctor.ts'
import { progressTo } from '../../src/setup/progress.ts'
import { restoreLegacyUtil } from '../../src/setup/legacy-util.ts'
import util from 'node:util'

test('a part that is there is a line, one that is missing says why and what to do', () => {
  const text = describeInspection({
    ok: false,
    parts: [
      { part: 'node', ok: true, needed: true, version: '20.20.2', where: '/bin/node' },
      { part: 'nats-server', ok: false, needed: true, reason: 'there is none', remedy: 'install it' },
    ],
  })
  expect(text).toBe(
    '✓ node         20.20.2    /bin/node\n✗ nats-server\n    there is none\n    install it\n' +
      'Something is missing: see the lines that begin with a cross.\n',
  )
})

test('a compiler that is missing is no fault where the add-on is built already', () => {
  const compiler = { part: 'compiler', ok: false, needed: false, reason: 'there is no C++ compiler' } as const
  expect(describeInspection({ ok: true, parts: [compiler] })).toBe(
    '– compiler\n    there is no C++ compiler (not needed as long as the rest is there)\nNothing is missing.\n',
  )
})

test('each step is announced and timed', async () => {
  const lines: string[] = []
  let clock = 0
  const progress = progressTo(
    (line) => lines.push(line),
    () => clock,
  )
  const result = await progress.step('nats-server', async () => {
    clock += 1234
    return 7
  })
  expect(result).toBe(7)
  expect(lines).toEqual(['nats-server …', 'nats-server: 1.2 s'])
  expect(progress.steps).toBe(1)
})

test('what Node 23 took out of node:util is put back, and what is there is left alone', () => {
  const table = util as unknown as Record<string, unknown>
  const kept = table['isNullOrUndefined']
  try {
    delete table['isNullOrUndefined']
    restoreLegacyUtil()
    const restored = table['isNullOrUndefined'] as (value: unknown) => boolean
    expect([undefined, null, 0, ''].map((value) => restored(value))).toEqual([true, true, false, false])
    restoreLegacyUtil()
    expect(table['isNullOrUndefined']).toBe(restored)
  } finally {
    if (kept !== undefined) table['isNullOrUndefined'] = kept
  }
})
