import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findNatsServer } from '../../src/setup/index.ts'
import { isNewEnough } from '../../src/setup/nats-server.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-nats-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** An executable that tells a version as nats-server does. */
async function binary(name: string, version: string): Promise<string> {
  const path = join(folder, name, 'nats-server')
  await mkdir(join(folder, name))
  await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`)
  await chmod(path, 0o755)
  return path
}

test('2.12.6 is new enough, and 2.9.10 is not, though it sorts after as text', () => {
  expect(['2.9.10', '2.12.5', '2.12.6', '2.15.1', '3.0.0'].map(isNewEnough)).toEqual([false, false, true, true, true])
})

test('NATS_SERVER comes first', async () => {
  const named = await binary('named', '2.14.0')
  const onPath = await binary('path', '2.15.0')
  const found = await findNatsServer({ NATS_SERVER: named, PATH: join(onPath, '..'), MAGGY_CACHE: folder })
  expect(found).toEqual({ path: named, version: '2.14.0', source: 'NATS_SERVER' })
})

test('NATS_SERVER that is too old or does not run is said to be so, instead of another being taken', async () => {
  const named = await binary('named', '2.9.10')
  const refusal = { code: 'SETUP_FAILED', message: expect.stringContaining('NATS_SERVER is version 2.9.10') as string }
  await expect(findNatsServer({ NATS_SERVER: named, MAGGY_CACHE: folder })).rejects.toMatchObject(refusal)
  const absent = findNatsServer({ NATS_SERVER: join(folder, 'absent'), MAGGY_CACHE: folder })
  await expect(absent).rejects.toMatchObject({ code: 'SETUP_FAILED' })
})

test('the one on the path is taken if it is new enough, and passed over if it is not', async () => {
  const old = await binary('old', '2.9.10')
  const recent = await binary('recent', '2.12.6')
  const path = [join(old, '..'), join(recent, '..')].join(delimiter)
  const found = await findNatsServer({ PATH: path, MAGGY_CACHE: folder })
  expect(found).toEqual({ path: recent, version: '2.12.6', source: 'PATH' })
})

test('where there is none, the message names what was passed over and the command that installs one', async () => {
  const old = await binary('old', '2.9.10')
  const search = findNatsServer({ PATH: join(old, '..'), MAGGY_CACHE: folder })
  await expect(search).rejects.toThrow(/old.nats-server is version 2\.9\.10; 2\.12\.6 or later.*maggy doctor --fix/)
})
