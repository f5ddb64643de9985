/** A user's module and all that it imports, as one file that any worker can import. */
import { createHash } from 'node:crypto'
import { existsSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type BuildFailure, type Message } from 'esbuild'
import { describe, problem } from '../../protocol/index.ts'
import { hostPlugin } from './host-plugin.ts'
import { urlDefines } from './left-out.ts'

export interface BundledModule {
  /** JavaScript (ESM) with its source map inside. */
  readonly code: Uint8Array
  readonly sha256: string
  /** The module's file name, for messages. */
  readonly module: string
  /** For people: packages that must be installed where workers run, and what esbuild warns of. */
  readonly warnings: readonly string[]
}

/**
 * Bundles a TypeScript or JavaScript module. The same source at the same place gives the same hash. `external`: packages to
 * leave out. Throws MODULE_NOT_FOUND, MODULE_NOT_COMPILED (with file, line and column).
 */
export async function bundleModule(
  path: string,
  options: { external?: readonly string[] } = {},
): Promise<BundledModule> {
  const given = resolve(path)
  if (!existsSync(given) || !statSync(given).isFile()) throw problem('MODULE_NOT_FOUND', { module: path })
  const entry = realpathSync(given)
  const leftOut = new Set<string>()
  try {
    const { outputFiles, warnings } = await build({
      entryPoints: [entry],
      absWorkingDir: dirname(entry),
      outfile: resolve(dirname(entry), 'bundle.mjs'),
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      sourcemap: 'external',
      legalComments: 'none',
      logLevel: 'silent',
      // CommonJS inside of the bundle may require Node's own modules, which ESM output has no require for.
      banner: {
        js: `import { createRequire as maggy_createRequire } from 'node:module';const require = maggy_createRequire(import.meta.url);`,
      },
      define: urlDefines,
      plugins: [hostPlugin(options.external ?? [], leftOut)],
    })
    const map = outputFiles.find((file) => file.path.endsWith('.map'))
    const code = outputFiles.find((file) => file.path.endsWith('.mjs'))
    if (map === undefined || code === undefined) throw new Error('esbuild wrote no bundle')
    const bytes = Buffer.from(`${code.text}\n//# sourceMappingURL=${inlineMap(map.text, dirname(entry))}\n`)
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
