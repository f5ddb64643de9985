import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { cacheDirectory, cacheEntry, withCacheLock } from '../../src/setup/cache.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-cache-'))
  vi.stubEnv('MAGGY_CACHE', folder)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

test('the cache is where MAGGY_CACHE says, else in XDG_CACHE_HOME, else at home', () => {
  expect(cacheDirectory({ MAGGY_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a')
  expect(cacheDirectory({ XDG_CACHE_HOME: '/b' })).toBe(join('/b', 'maggy'))
  expect(cacheDirectory({})).toMatch(/\.cache.maggy$/)
})

test('an entry is filled once, and found from then on', async () => {
  const fill = vi.fn(async (directory: string) => writeFile(join(directory, 'file'), 'whole'))
  const entry = await cacheEntry(join('part', '1.0'), fill)
  expect(await cacheEntry(join('part', '1.0'), fill)).toBe(entry)
  expect(fill).toHaveBeenCalledTimes(1)
  expect(await readFile(join(entry, 'file'), 'utf8')).toBe('whole')
})

test('a filling that fails leaves no entry and no draft', async () => {
  await expect(
    cacheEntry('part', async (directory) => {
      await writeFile(join(directory, 'file'), 'half')
      throw new Error('the disk is full')
    }),
  ).rejects.toThrow('the disk is full')
  expect(existsSync(join(folder, 'part'))).toBe(false)
  expect(await readdir(join(folder, 'drafts'))).toEqual([])
})

test('what an interrupted set-up left behind is swept away by the next', async () => {
  await cacheEntry('part', async (directory) => writeFile(join(directory, 'file'), ''))
  await writeFile(join(folder, 'drafts', 'left-behind'), 'half')
  await withCacheLock(
    async () => expect(existsSync(join(folder, 'drafts'))).toBe(false),
    () => undefined,
  )
})
