import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeOf } from '../../protocol/index.ts'
import { bundleModule, changedSince, createBundleCache } from '../../src/bundle/index.ts'
import type { Blobs } from '../../src/bus/index.ts'

let folder: string

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'maggy-bundle-')))
})
afterAll(() => rm(folder, { recursive: true }))

const write = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  return path
}
const textOf = async (name: string, text: string, external: string[] = []) => {
  const { code, warnings } = await bundleModule(await write(name, text), { external })
  return { text: Buffer.from(code).toString(), warnings }
}
const failure = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { code: codeOf(error), message: String((error as Error | undefined)?.message) }
}

test('files that have changed since they were bundled are known, and those that are elsewhere are not compared', async () => {
  await write('since/part.ts', 'export const part: number = 1\n')
  const main = await write(
    'since/main.ts',
    "#!/usr/bin/env node\nimport { part } from './part.ts'\nexport const place = [import.meta.url, part]\n",
  )
  const { code } = await bundleModule(main)
  expect(await changedSince(code)).toEqual([])
  const part = await write('since/part.ts', 'export const part: number = 2\n')
  expect(await changedSince(code)).toEqual([part])
  await rm(part)
  await write('since/main.ts', 'export const place = 3\n')
  expect(await changedSince(code)).toEqual([main])
})

describe('bundleModule', () => {
  test('says which module is not there', async () => {
    const { code, message } = await failure(bundleModule(join(folder, 'none.ts')))
    expect(code).toBe('MODULE_NOT_FOUND')
    expect(message).toContain('none.ts')
  })

  test('says file, line and column of what does not compile, and shows the line', async () => {
    const { code, message } = await failure(bundleModule(await write('bad.ts', 'const a = 1\nconst b = = 2\n')))
    expect(code).toBe('MODULE_NOT_COMPILED')
    expect(message).toContain('bad.ts:2:11')
    expect(message).toContain('const b = = 2')
  })

  test('says so when an import is not there', async () => {
    const { code, message } = await failure(bundleModule(await write('lost.ts', "import './nowhere.ts'\n")))
    expect(code).toBe('MODULE_NOT_COMPILED')
    expect(message).toContain('lost.ts:1:8')
  })

  test('says so when an import is an address that no bundle can hold', async () => {
    const { code, message } = await failure(
      bundleModule(await write('far.ts', "import x from 'https://example.org/x.js'\nexport default x\n")),
    )
    expect(code).toBe('MODULE_NOT_COMPILED')
    expect(message).toContain('https://example.org/x.js')
  })

  test('gives the same hash for the same source, and another for another', async () => {
    const path = await write('same.ts', 'export default 1\n')
    const first = await bundleModule(path)
    expect((await bundleModule(path)).sha256).toBe(first.sha256)
    await writeFile(path, 'export default 2\n')
    expect((await bundleModule(path)).sha256).not.toBe(first.sha256)
  })

  test('leaves maggy and tfjs to the host, and imports nothing that would have to be resolved beside the bundle', async () => {
    const { text, warnings } = await textOf(
      'host.ts',
      "import * as tf from '@tensorflow/tfjs'\nimport node from '@tensorflow/tfjs-node'\nimport { space } from 'maggy'\nimport 'node:fs'\nexport default [tf, node, space]\n",
    )
    for (const name of ['@tensorflow/tfjs', '@tensorflow/tfjs-node', 'maggy']) {
      expect(text).toContain(`Symbol.for("maggy.require")]("${name}")`)
    }
    expect(text).not.toMatch(/^import /m)
    expect(warnings).toEqual([])
  })

  test('leaves out files of packages that look beside themselves, and says what must be installed', async () => {
    await write('node_modules/reader/package.json', '{"name":"reader","main":"index.js"}')
    await write('node_modules/reader/index.js', "module.exports = require('fs').readdirSync(__dirname)")
    await write('node_modules/plain/package.json', '{"name":"plain","main":"index.js"}')
    await write('node_modules/plain/index.js', 'module.exports = 7')
    const { text, warnings } = await textOf(
      'reads.ts',
      "import a from 'reader'\nimport b from 'plain'\nexport default [a, b]\n",
    )
    expect(text).toContain('("maggy.require")]("reader/index.js",')
    expect(text).toContain('module.exports = 7')
    expect(warnings).toEqual(['reader must be installed where workers run'])
    const named = await textOf('named.ts', "import b from 'plain'\nexport default b\n", ['plain'])
    expect(named.text).toContain('("maggy.require")]("plain")')
  })

  test("asks the host for the URL of a user's module", async () => {
    const { text } = await textOf('where.ts', 'export default import.meta.url\n')
    expect(text).toContain('Symbol.for("maggy.place")]("", ')
  })

  test('has a source map with the sources in it, by their full address', async () => {
    const { text } = await textOf('mapped.ts', 'export default 1 as number\n')
    const [, map = ''] = /sourceMappingURL=data:application\/json;base64,(.+)/.exec(text) ?? []
    const { sources, sourcesContent } = JSON.parse(Buffer.from(map, 'base64').toString()) as Record<string, string[]>
    expect(sources?.[0]).toBe(`file://${join(folder, 'mapped.ts')}`)
    expect(sourcesContent?.[0]).toBe('export default 1 as number\n')
  })
})

describe('the bundle cache', () => {
  const blobsOf = (data: Uint8Array | undefined): Pick<Blobs, 'get' | 'put' | 'has' | 'delete'> & { gets: number } => {
    const blobs = {
      gets: 0,
      put: () => Promise.resolve(),
      has: () => Promise.resolve(true),
      delete: () => Promise.resolve(),
      get: () => {
        blobs.gets += 1
        return Promise.resolve(data)
      },
    }
    return blobs
  }

  test('fetches once, checks the hash, and mends what was damaged', async () => {
    const { code, sha256 } = await bundleModule(await write('cached.ts', 'export default 1\n'))
    const at = join(folder, 'cache-a')
    const blobs = blobsOf(code)
    const file = await createBundleCache({ folder: at }).fetch(blobs, sha256)
    await createBundleCache({ folder: at }).fetch(blobs, sha256)
    expect(blobs.gets).toBe(1)
    await writeFile(file, 'damaged')
    await createBundleCache({ folder: at }).fetch(blobs, sha256)
    expect(blobs.gets).toBe(2)
    expect(await readdir(at)).toEqual([`${sha256}.cjs`])
  })

  test('refuses what is missing and what is not what it should be', async () => {
    const cache = createBundleCache({ folder: join(folder, 'cache-b') })
    const sha256 = 'a'.repeat(64)
    expect((await failure(cache.fetch(blobsOf(undefined), sha256))).code).toBe('BUNDLE_MISSING')
    expect((await failure(cache.fetch(blobsOf(new Uint8Array(3)), sha256))).code).toBe('BUNDLE_CORRUPT')
  })

  test('sees that a file was swapped after it was checked, and gets the right one', async () => {
    const { code, sha256 } = await bundleModule(await write('swapped.ts', 'export default 3\n'))
    const blobs = blobsOf(code)
    const cache = createBundleCache({ folder: join(folder, 'cache-d') })
    const file = await cache.fetch(blobs, sha256)
    await cache.fetch(blobs, sha256)
    expect(blobs.gets).toBe(1)
    const { atime, mtime } = await stat(file)
    const other = Buffer.from(code)
    other[code.length - 3] = 0x20
    await writeFile(file, other)
    await utimes(file, atime, mtime)
    await cache.fetch(blobs, sha256)
    expect(blobs.gets).toBe(2)
    expect(Buffer.compare(await readFile(file), code)).toBe(0)
  })

  test('lies in a folder that nobody else may write, and that is no link', async () => {
    const { code, sha256 } = await bundleModule(await write('own.ts', 'export default 4\n'))
    const at = join(folder, 'cache-e')
    const cache = createBundleCache({ folder: at })
    const file = await cache.keep(code, sha256)
    expect([(await stat(at)).mode & 0o777, (await stat(file)).mode & 0o777]).toEqual([0o700, 0o600])
    await chmod(at, 0o777)
    expect((await failure(cache.fetch(blobsOf(code), sha256))).code).toBe('FILE_REFUSED')
    await chmod(at, 0o700)
    await symlink(at, join(folder, 'cache-link'))
    const linked = createBundleCache({ folder: join(folder, 'cache-link') })
    expect((await failure(linked.keep(code, sha256))).message).toContain('symbolic link')
    const elsewhere = await write('elsewhere.cjs', 'module.exports = 1')
    await rm(file)
    await symlink(elsewhere, file)
    expect((await failure(cache.fetch(blobsOf(code), sha256))).code).toBe('FILE_REFUSED')
    expect(await readFile(elsewhere, 'utf8')).toBe('module.exports = 1')
  })

  test('deletes nothing that it did not write', async () => {
    const at = join(folder, 'cache-f')
    await mkdir(join(at, `${'b'.repeat(64)}.cjs`), { recursive: true })
    const kept = ['thesis.tex', 'a.cjs', `${'c'.repeat(64)}.ts`, `${'d'.repeat(64)}.partial`]
    for (const name of kept) await writeFile(join(at, name), 'x'.repeat(1000))
    const { code, sha256 } = await bundleModule(await write('five.ts', 'export default 5\n'))
    await createBundleCache({ folder: at, maxBytes: 1 }).keep(code, sha256)
    expect((await readdir(at)).toSorted()).toEqual([...kept, `${'b'.repeat(64)}.cjs`, `${sha256}.cjs`].toSorted())
  })

  test('is bounded: what was used longest ago goes first', async () => {
    const at = join(folder, 'cache-c')
    const first = await bundleModule(await write('one.ts', 'export default 1\n'))
    const second = await bundleModule(await write('two.ts', 'export default 2\n'))
    const cache = createBundleCache({ folder: at, maxBytes: first.code.length + 10 })
    await cache.keep(first.code, first.sha256)
    await cache.keep(second.code, second.sha256)
    expect(await readdir(at)).toEqual([`${second.sha256}.cjs`])
  })
})
