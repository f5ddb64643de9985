/** What a bundle's code sees when it is imported. */
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeOf, isProblem } from '../../protocol/index.ts'
import { bundleModule, createBundleCache, importBundle } from '../../src/bundle/index.ts'
import * as maggy from '../../src/index.ts'
import { provideHost } from '../../src/train/index.ts'
import { specOf } from '../../src/experiment/index.ts'

let folder: string

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'maggy-load-')))
})
afterAll(() => rm(folder, { recursive: true }))

const write = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  return path
}
/** Bundles a module, and gives the file of the bundle. */
const bundled = async (name: string, text: string): Promise<string> => {
  const { code, sha256 } = await bundleModule(await write(name, text))
  return await createBundleCache({ folder: join(folder, 'cache') }).keep(code, sha256)
}
provideHost(maggy)

/** Imports what a file holds, whatever it is called. */
const imported = async (file: string, module = 'm') =>
  await importBundle(
    file,
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
    module,
  )
/** What train returns, called with nothing. */
const trained = async (file: string): Promise<unknown> => await specOf(await imported(file)).train({})
const run = async (name: string, text: string): Promise<unknown> => await trained(await bundled(name, text))
const experiment = (body: string, before = '') =>
  `import { defineExperiment } from 'maggy'\n${before}\nexport default defineExperiment(import.meta.url, { name: 'x', train: async () => (${body}) })\n`

describe('an import of a bundle', () => {
  test('makes a fresh instance of all its modules: nothing that one left in them is there for the next', async () => {
    await write('state.ts', 'export const seen: number[] = []\nexport const made = { at: Math.random() }\n')
    const file = await bundled(
      'fresh.ts',
      experiment('[++count, seen.push(1), made.at]', "import { seen, made } from './state.ts'\nlet count = 0"),
    )
    const first = await imported(file)
    const own: unknown = await specOf(first).train({})
    const [a, b] = [own as number[], (await trained(file)) as number[]]
    expect([a.slice(0, 2), b.slice(0, 2)]).toEqual([
      [1, 1],
      [1, 1],
    ])
    expect(a[2]).not.toBe(b[2])
    // An instance keeps its own.
    expect((await specOf(first).train({})) as unknown).toMatchObject([2, 2, a[2]])
  })

  test('leaves nothing behind that would keep an instance alive', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const file = await bundled('garbage.ts', experiment('big', 'const big = { bytes: new Uint8Array(1000) }'))
    const instances: WeakRef<object>[] = []
    for (let count = 0; count < 20; count += 1) instances.push(new WeakRef((await trained(file)) as object))
    // A weak reference holds until the turn in which it was made is over.
    await new Promise((resolve) => setImmediate(resolve))
    gc()
    expect(instances.filter((one) => one.deref() !== undefined).length).toBeLessThanOrEqual(1)
  })

  test("finds Node's own modules however they are imported, and waits for what the module awaits", async () => {
    const before = [
      "import fs, { existsSync } from 'node:fs'",
      "import * as path from 'path'",
      "import EventEmitter, { once } from 'events'",
      'const late = await new Promise((resolve) => setTimeout(resolve, 1, 5))',
      'class Own extends EventEmitter {}',
    ].join('\n')
    const values = "[fs.existsSync === existsSync, path.join('a', 'b'), typeof once, late, new Own().emit('x')]"
    const found = await run('builtins.ts', experiment(`[...${values}, (await import('node:os')).EOL]`, before))
    expect(found).toEqual([true, 'a/b', 'function', 5, false, '\n'])
  })

  test("knows the user's file by import.meta, and by __filename where it declares none of its own", async () => {
    const place = 'import.meta.url, import.meta.filename, import.meta.dirname, import.meta.resolve("./b.js")'
    const own = await run('place/esm.ts', experiment(`[${place}, __dirname, __filename, import.meta.env ?? null]`))
    const path = join(folder, 'place/esm.ts')
    const beside = pathToFileURL(join(folder, 'place/b.js')).href
    expect(own).toEqual([pathToFileURL(path).href, path, dirname(path), beside, dirname(path), path, null])
    const declared = "import { dirname } from 'node:path'\nconst __dirname = dirname('/somewhere/else')"
    expect(await run('place/own.ts', experiment('__dirname', declared))).toBe('/somewhere')
  })

  test('takes a plain module in the place of a bundle, in JavaScript and in TypeScript', async () => {
    const text = "import { defineExperiment } from 'maggy'\nexport default defineExperiment('file:///x.mjs', "
    const javascript = await write('plain.cjs', `${text}{ name: 'plain', train: () => 1 })`)
    expect((await imported(javascript, 'plain.mjs')).name).toBe('plain')
    const typescript = await write('typed.cjs', `const name: string = 'typed'\n${text}{ name, train: () => 1 })`)
    expect((await imported(typescript, 'typed.ts')).name).toBe('typed')
    const broken = await write('broken.cjs', 'import x from "./beside.js"\nexport default x\n')
    expect(await imported(broken, 'broken.mjs').catch(codeOf)).toBe('MODULE_NOT_COMPILED')
  })

  test('knows the bundle of another version of maggy', async () => {
    const file = await write('old.cjs', '/* maggy bundle 1 */ export default 1\n')
    expect(await imported(file, 'old.ts').catch(codeOf)).toBe('BUNDLE_OUTDATED')
  })

  test('is of the bytes of that hash, or of nothing: another file in its place is not run', async () => {
    const evil = await bundled('evil.ts', experiment('1', 'Object.assign(globalThis, { evil: true })'))
    const good = await bundled('good.ts', experiment('2'))
    const sha256 = basename(good, '.cjs')
    await writeFile(good, await readFile(evil))
    expect(await importBundle(good, sha256, 'm').catch(codeOf)).toBe('BUNDLE_CORRUPT')
    await rm(good)
    await symlink(evil, good)
    expect(await importBundle(good, sha256, 'm').catch(codeOf)).toBe('FILE_REFUSED')
    await rm(good)
    await writeFile(good, await readFile(evil))
    await chmod(good, 0o666)
    expect(await importBundle(good, basename(evil, '.cjs'), 'm').catch(codeOf)).toBe('FILE_REFUSED')
    expect(globalThis).not.toHaveProperty('evil')
  })

  test('runs what it was compiled from, whatever becomes of the file', async () => {
    const file = await bundled('kept.ts', experiment("'as it was'"))
    const sha256 = basename(file, '.cjs')
    await importBundle(file, sha256, 'm')
    await writeFile(file, 'throw new Error("swapped")')
    expect(await specOf(await importBundle(file, sha256, 'm')).train({})).toBe('as it was')
  })

  test('says which module waits for ever while it is loaded', async () => {
    const file = await bundled('never.ts', experiment('1', 'await new Promise(() => {})'))
    const waiting = imported(file, 'never.ts')
    // Node says it when nothing is left to do; here the test itself still has.
    const empty = setInterval(() => process.emit('beforeExit', 0), 1)
    const error: unknown = await waiting.catch((reason: unknown) => reason)
    clearInterval(empty)
    expect(isProblem(error, 'NEVER_SETTLED') && error.message).toContain('never.ts')
  })
})

describe('a CommonJS module', () => {
  test('defines an experiment by __filename, with require, module, exports and __dirname as Node has them', async () => {
    await write('cjs/data/numbers.json', '[1, 2, 3]')
    await write(
      'cjs/helper.js',
      '#!/usr/bin/env node\nexports.here = __dirname\nexports.self = this === module.exports\n',
    )
    const text = [
      "const { defineExperiment } = require('maggy')",
      "const fs = require('fs')",
      "const path = require('node:path')",
      "const helper = require('./helper')",
      "if (require.main === module || !module.parent) throw new Error('is no program here')",
      "const computed = ['./data', 'numbers.json'].join('/')",
      'sloppy = 5',
      "const numbers = JSON.parse(fs.readFileSync(path.join(__dirname, 'data/numbers.json'), 'utf8'))",
      'module.exports = defineExperiment(__filename, {',
      "  name: 'cjs',",
      '  train: () => [numbers.length, helper.here, helper.self, require(computed)[1], module.filename, sloppy],',
      '})',
    ].join('\n')
    const path = join(folder, 'cjs/main.cjs')
    const file = await bundled('cjs/main.cjs', text)
    expect((await imported(file)).moduleUrl).toBe(pathToFileURL(path).href)
    expect(await trained(file)).toEqual([3, dirname(path), true, 2, path, 5])
  })

  test('may say that it is strict, and is strict then', async () => {
    const text = [
      "/* a */ 'use strict'",
      "const { defineExperiment } = require('maggy')",
      "module.exports = defineExperiment(__filename, { name: 'x', train: () => { nowhere = 1 } })",
    ].join('\n')
    const error: unknown = await run('strict.cjs', text).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'ReferenceError', message: 'nowhere is not defined' })
  })

  test.each([
    ['compiled.js', 'Object.defineProperty(exports, "__esModule", { value: true });\nexports.default ='],
    ['typed.cts', 'export ='],
    ['named.cjs', 'module.exports.default ='],
  ])('exports its experiment as compilers write it: %s', async (name, exported) => {
    const maggy = name.endsWith('ts') ? "import maggy = require('maggy')" : "const maggy = require('maggy')"
    const definition = "maggy.defineExperiment(__filename, { name: 'x', train: () => 7 })"
    expect(await run(name, `${maggy}\n${exported} ${definition}\n`)).toBe(7)
  })
})
