/**
 * A shipped bundle asks two things of the process that it runs in, by two global functions (`maggy.require`, `maggy.place`): maggy and
 * tfjs, which are this process's own, files of packages that could not be bundled, as they lie on this host, and where a file lies.
 * Looked for in this order: where the file was when it was bundled, the working folder, maggy's own folder.
 */
import { existsSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { problem } from '../../protocol/index.ts'
import { hasNativeBackend, restoreLegacyUtil } from '../setup/index.ts'
import { holdRandomness } from './dataset/index.ts'

const own = createRequire(import.meta.url)
let provided = false

/** Whether this process is fit to import bundles. */
export const isHost = (): boolean => provided

/** Makes this process fit to import bundles. `maggy`: the public API, which bundles import. It knows this room, so it is handed in. */
export function provideHost(maggy: object): void {
  if (provided) return
  provided = true
  // tfjs-node is required by bundles too, not by backend.ts only.
  restoreLegacyUtil()
  // For good, so that a library which keeps `Math.random` for itself when it is loaded keeps the one that can be seeded.
  holdRandomness()
  const table = globalThis as unknown as Record<symbol, unknown>
  const require = (specifier: string, original?: string): unknown =>
    specifier === 'maggy' ? maggy : requireOnHost(specifier, original)
  table[Symbol.for('maggy.require')] = require
  table[Symbol.for('maggy.place')] = (within: string, original: string) => {
    const url = urls([process.cwd(), within, original].join('\n'), () => urlOnHost(within, original))
    return placeOf(url, require)
  }
}

/** A file's knowledge of itself, as ESM (`meta`) and as CommonJS (`require` and what `module` holds beside its exports). */
interface Place {
  readonly meta: object
  readonly filename: string
  readonly dirname: string
  readonly require: object
  readonly module: object
}

function placeOf(url: string, hostRequire: (specifier: string) => unknown): Place {
  const filename = fileURLToPath(url)
  const folder = dirname(filename)
  const original = requires(url, () => createRequire(url))
  // Computed names only: what is written out was bundled. This process's own maggy is ESM and loaded already.
  const require = Object.assign(
    (specifier: string): unknown => (specifier === 'maggy' ? hostRequire(specifier) : (original(specifier) as unknown)),
    { resolve: original.resolve, cache: original.cache, main: undefined },
  )
  const resolve = (specifier: string): string => {
    if (/^\.{0,2}\//.test(specifier)) return new URL(specifier, url).href
    if (URL.canParse(specifier)) return specifier
    return isBuiltin(specifier) ? `node:${specifier}` : pathToFileURL(original.resolve(specifier)).href
  }
  return {
    meta: { url, filename, dirname: folder, resolve, main: false },
    filename,
    dirname: folder,
    require,
    // A module that another one has loaded: `if (!module.parent)` is how scripts ask whether they are the program.
    module: {
      id: filename,
      filename,
      path: folder,
      paths: [],
      children: [],
      loaded: false,
      parent: { id: '.' },
      require,
    },
  }
}

/** Each trial asks anew for what belongs to its modules: it is made once for each key. Of too many those made first go. */
function remembered<T>(): (key: string, make: () => T) => T {
  const known = new Map<string, T>()
  const most = 256
  return (key, make) => {
    const before = known.get(key)
    if (before !== undefined) return before
    const made = make()
    known.set(key, made)
    const [oldest] = known.keys()
    if (known.size > most && oldest !== undefined) known.delete(oldest)
    return made
  }
}

const requires = remembered<NodeJS.Require>()
const urls = remembered<string>()

/** `specifier`: a package, or a file within one when `original` says where it was. */
function requireOnHost(specifier: string, original?: string): unknown {
  if (original !== undefined) {
    const found = fileOnHost(specifier, original)
    if (found === undefined) throw missing(specifier)
    return withDefault(own(found))
  }
  if (isBuiltin(specifier)) return own(specifier)
  for (const require of [own, createRequire(join(process.cwd(), 'bundle.js'))]) {
    let path: string
    try {
      path = require.resolve(specifier)
    } catch {
      continue
    }
    const exports: unknown = require(path)
    if (isTfjs(specifier)) quietHint(exports)
    return withDefault(exports)
  }
  throw missing(specifier)
}

const isTfjs = (specifier: string) => specifier === '@tensorflow/tfjs' || specifier === '@tensorflow/tfjs-core'

/**
 * A tensor that a module makes while it is loaded lies with the backend in plain JavaScript, which then tells people to install the
 * native one. Where that one is installed, and used as soon as something is computed, it says nothing.
 */
function quietHint(tfjs: unknown): void {
  if (!hasNativeBackend()) return
  const backend = (tfjs as { backend?: () => { firstUse?: boolean } }).backend?.()
  if (backend?.firstUse === true) backend.firstUse = false
}

/** A default import is all of a CommonJS module, as in Node, also where a bundler would look for a member of that name. */
function withDefault(exports: unknown): unknown {
  if (typeof exports === 'object' && exports !== null && '__esModule' in exports && !('default' in exports)) {
    if (Object.isExtensible(exports)) Object.defineProperty(exports, 'default', { value: exports })
  }
  return exports
}

/** `within`: the path inside of node_modules, or empty for a module of the user's own. */
function urlOnHost(within: string, original: string): string {
  const found = within === '' ? undefined : fileOnHost(within, original)
  if (found !== undefined) return pathToFileURL(found).href
  const path = existsSync(original) ? original : resolve(process.cwd(), original.split('/').at(-1) ?? 'module.js')
  return pathToFileURL(path).href
}

function fileOnHost(within: string, original: string): string | undefined {
  if (existsSync(original)) return original
  for (const start of [process.cwd(), dirname(fileURLToPath(import.meta.url))]) {
    for (let folder = start; ; folder = dirname(folder)) {
      const path = join(folder, 'node_modules', within)
      if (existsSync(path)) return path
      if (folder === dirname(folder)) break
    }
  }
  return undefined
}

const missing = (specifier: string) => problem('PACKAGE_MISSING', { specifier, host: process.cwd() })
