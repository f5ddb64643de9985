/**
 * A user's module and all that it imports, as one file that any worker can load.
 * The file is a function (load.ts): each call of it makes a fresh instance of all modules, and leaves nothing behind that would keep
 * an instance alive, as Node's own imports would.
 */
import { createHash } from 'node:crypto'
import { existsSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, stop, type BuildFailure, type Message, type Metafile, type Plugin } from 'esbuild'
import { describe, problem } from '../../protocol/index.ts'
import { hostPlugin } from './host-plugin.ts'
import { placeDefines } from './place.ts'

export interface BundledModule {
  /** A CommonJS module that exports the function, with its source map inside. */
  readonly code: Uint8Array
  readonly sha256: string
  /** The module's file name, for messages. */
  readonly module: string
  /** For people: packages that must be installed where workers run, and what esbuild warns of. */
  readonly warnings: readonly string[]
}

/**
 * Bundles a TypeScript or JavaScript module. The same source at the same place gives the same hash. `external`: packages to
 * leave out. `text`: the module's own, in the place of what a file of that name holds. Throws MODULE_NOT_FOUND, MODULE_NOT_COMPILED (with file, line and column).
 */
export async function bundleModule(
  path: string,
  options: { external?: readonly string[]; text?: string } = {},
): Promise<BundledModule> {
  const { external = [], text: given } = options
  const entry = given === undefined ? fileAt(path) : resolve(path)
  const leftOut = new Set<string>()
  try {
    const { outputFiles, warnings, metafile } = await build({
      entryPoints: [entryName],
      absWorkingDir: dirname(entry),
      outfile: resolve(dirname(entry), 'bundle.mjs'),
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      sourcemap: 'external',
      metafile: true,
      legalComments: 'none',
      logLevel: 'silent',
      // Replaced by one line, so that the source map stays right.
      banner: { js: headPlace },
      footer: { js: '}' },
      define: placeDefines,
      plugins: [
        entryPlugin(entry, given !== undefined),
        hostPlugin(external, leftOut, (file) => (file === entry ? given : undefined)),
      ],
    })
    const map = outputFiles.find((file) => file.path.endsWith('.map'))
    const code = outputFiles.find((file) => file.path.endsWith('.mjs'))
    if (map === undefined || code === undefined) throw new Error('esbuild wrote no bundle')
    const left = importsLeft(metafile)
    if (left.length > 0) {
      const reason = `${left.join(', ')} cannot be bundled: only files and packages can be imported`
      throw problem('MODULE_NOT_COMPILED', { module: path, reason })
    }
    // CommonJS means sloppy mode unless it says otherwise.
    const strict = metafile.inputs[basename(entry)]?.format !== 'cjs'
    const text = code.text.replace(headPlace, () => bundleHead(entry, strict))
    const bytes = Buffer.from(`${text}\n//# sourceMappingURL=${inlineMap(map.text, dirname(entry))}\n`)
    return {
      code: bytes,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      module: basename(entry),
      warnings: [
        ...[...leftOut].sort().map((name) => `${name} must be installed where workers run`),
        ...warnings.map(line),
      ],
    }
  } catch (error) {
    if (!isBuildFailure(error)) throw error
    throw problem('MODULE_NOT_COMPILED', { module: path, reason: error.errors.map(line).join('\n') || describe(error) })
  }
}

/** esbuild's process goes; the next bundle starts another. An interrupted kernel would end it, and esbuild would not notice. */
export async function endBundler(): Promise<void> {
  await stop()
}

function fileAt(path: string): string {
  const file = resolve(path)
  if (!existsSync(file) || !statSync(file).isFile()) throw problem('MODULE_NOT_FOUND', { module: path })
  return realpathSync(file)
}

/** How each bundle begins; a file that does not is none, or one of another version of maggy. */
export const bundleMark = '/* maggy bundle 2 */'
const headPlace = '/* maggy: head */'
const entryName = 'maggy:entry'

/** `maggy_exported` gets what the user's module exports. Names that Node gives to CommonJS are parameters: a user may declare them anew. */
function bundleHead(entry: string, strict: boolean): string {
  const require = `globalThis[Symbol.for('maggy.place')]('', ${JSON.stringify(entry)}).require`
  const names = `maggy_exported, require = ${require}, module, exports, __filename, __dirname`
  return `${bundleMark} ${strict ? "'use strict'; " : ''}module.exports = async function bundle(${names}) {`
}

/** The module that is the bundle's root: it hands out what the user's module exports. */
function entryPlugin(entry: string, isGiven: boolean): Plugin {
  return {
    name: 'maggy-entry',
    setup: (build) => {
      build.onResolve({ filter: /^maggy:entry$/ }, () => ({ path: entryName, namespace: 'maggy-entry' }))
      // There need be no such file.
      if (isGiven) build.onResolve({ filter: /./, namespace: 'maggy-entry' }, () => ({ path: entry }))
      build.onLoad({ filter: /./, namespace: 'maggy-entry' }, () => ({
        contents: `import * as exported from ${JSON.stringify(`./${basename(entry)}`)}\nmaggy_exported(exported)`,
        resolveDir: dirname(entry),
        loader: 'js',
      }))
    },
  }
}

/** Import statements that esbuild has left to Node. */
const importsLeft = ({ outputs }: Metafile): string[] =>
  Object.values(outputs).flatMap(({ imports }) =>
    imports.filter(({ kind, external }) => external === true && kind === 'import-statement').map(({ path }) => path),
  )

/** Sources by their full address, so that a stack trace names files that the user can open. */
function inlineMap(text: string, folder: string): string {
  const map = JSON.parse(text) as { sources: string[]; sourcesContent: string[] }
  map.sources = map.sources.map((source) =>
    /^maggy-[a-z]+:/.test(source) ? source : pathToFileURL(resolve(folder, source)).href,
  )
  return `data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`
}

function line({ text, location }: Message): string {
  if (location === null) return text
  const { file, line, column, lineText } = location
  return `${file}:${line}:${column + 1}: ${text}\n    ${lineText.trim()}`
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
}
