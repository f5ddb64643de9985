import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { identityOf, isAlive, tryLock, withLock } from '../../src/setup/index.ts'
import { parseIdentity } from '../../src/setup/process-identity.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-lock-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a lock is held by one, who is named to the others, until it is released', async () => {
  const path = join(folder, 'deep', 'lock')
  const first = await tryLock(path)
  if (first.kind !== 'held') throw new Error('not held')
  expect(await tryLock(path)).toMatchObject({ kind: 'taken', holder: { pid: process.pid } })
  await first.release()
  expect((await tryLock(path)).kind).toBe('held')
})

test('a lock of a process that is gone is taken over (I2)', async () => {
  const path = join(folder, 'lock')
  await writeFile(path, JSON.stringify({ ...identityOf(process.pid), started: 'before the last boot' }))
  expect((await tryLock(path)).kind).toBe('held')
  expect(parseIdentity(await readFile(path, 'utf8'))).toEqual(identityOf(process.pid))
})

test('a lock file that holds nonsense is taken over', async () => {
  const path = join(folder, 'lock')
  await writeFile(path, '{"pid":')
  expect((await tryLock(path)).kind).toBe('held')
})

test('of many who find the same dead holder, one gets the lock (I1)', async () => {
  const path = join(folder, 'lock')
  await writeFile(path, JSON.stringify({ ...identityOf(process.pid), started: 'before the last boot' }))
  const attempts = await Promise.all(Array.from({ length: 8 }, () => tryLock(path)))
  expect(attempts.filter((attempt) => attempt.kind === 'held')).toHaveLength(1)
})

test('work under a lock runs one after another, and the lock is free after a throw', async () => {
  const path = join(folder, 'lock')
  const events: string[] = []
  const work = (name: string) => async () => {
    events.push(`${name} begins`)
    await stat(path)
    events.push(`${name} ends`)
    throw new Error(name)
  }
  const results = await Promise.allSettled([withLock(path, work('a')), withLock(path, work('b'))])
  expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected'])
  expect(events.map((event) => event.split(' ')[1])).toEqual(['begins', 'ends', 'begins', 'ends'])
})

test('a process that was never there, or on another host, is not alive', () => {
  expect(isAlive({ pid: 2 ** 22 + 1, host: identityOf(1).host, started: '' })).toBe(false)
  expect(isAlive({ ...identityOf(process.pid), host: 'elsewhere' })).toBe(false)
  expect(isAlive(identityOf(process.pid))).toBe(true)
})
