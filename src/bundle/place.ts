/**
 * A module's own place: `import.meta`, `__filename`, `__dirname` and CommonJS's `module` mean the user's file, not the bundle. The host
 * that runs the bundle says where that file lies there (src/train/host.ts).
 */
import { build, type Loader } from 'esbuild'

/** The replacements that esbuild puts for the names; it leaves a name alone that a file declares itself. */
export const placeDefines = {
  'import.meta': 'maggy_meta',
  __filename: 'maggy_filename',
  __dirname: 'maggy_dirname',
}

export const asksForItsPlace = (code: string) => /\bimport\.meta\b|\b__filename\b|\b__dirname\b/.test(code)
export const asksForItsUrl = (code: string) => /\bimport\.meta\.(url|dirname|filename|resolve)\b/.test(code)
/** The names that CommonJS gives a module beside its exports. */
export const asksForItsModule = (code: string) =>
  /\bmodule\s*\??\.\s*(id|filename|path|paths|parent|children|loaded|require|isPreloading)\b/.test(code)

/** The module from which a file imports its place. */
export const placeModule = (within: string, original: string) =>
  [
    `const place = globalThis[Symbol.for('maggy.place')](${JSON.stringify(within)}, ${JSON.stringify(original)})`,
    `export const { meta, filename, dirname, module } = place`,
  ].join('\n')

/** Whether a file is CommonJS or ESM by what it says; undefined: by nothing, or it does not compile. */
export async function formatOf(code: string, path: string, loader: Loader): Promise<'cjs' | 'esm' | undefined> {
  if (/\.c[jt]s$/.test(path)) return 'cjs'
  try {
    const { metafile } = await build({
      stdin: { contents: code, loader, sourcefile: 'file' },
      bundle: false,
      write: false,
      metafile: true,
      logLevel: 'silent',
    })
    return Object.values(metafile.inputs)[0]?.format
  } catch {
    // The build of the whole says what is wrong, and where.
    return undefined
  }
}

/** The file's code with its place at hand. No line moves, so that stacks name the user's lines. */
export function withPlace(code: string, path: string, format: 'cjs' | 'esm' | undefined): string {
  const from = JSON.stringify(`maggy-place:${path}`)
  if (format === 'cjs') {
    const body = code.replace(/^#!.*/, '')
    const strict = beginsStrict(body) ? "'use strict';" : ''
    const module = asksForItsModule(code) ? `Object.assign(module, maggy_place.module);` : ''
    return `${strict}var maggy_place = require(${from}), maggy_filename = maggy_place.filename, maggy_dirname = maggy_place.dirname;${module}${body}`
  }
  // Imports are hoisted.
  return `${code}\nimport { meta as maggy_meta, filename as maggy_filename, dirname as maggy_dirname } from ${from}\n`
}

/** The opposite of withPlace: the code as the user wrote it, but for its first line if that names an interpreter. */
export function withoutPlace(code: string): string {
  return code
    .replace(/\nimport \{ meta as maggy_meta[^\n]*\n$/, '')
    .replace(
      /^(?:'use strict';)?var maggy_place = require\("maggy-place:[^\n]*?maggy_dirname = maggy_place\.dirname;(?:Object\.assign\(module, maggy_place\.module\);)?/,
      '',
    )
}

/** A directive counts in front of all code only; comments may stand before it. */
function beginsStrict(code: string): boolean {
  let rest = code.trimStart()
  for (;;) {
    const end = rest.startsWith('//') ? rest.indexOf('\n') : rest.startsWith('/*') ? rest.indexOf('*/') + 1 : -1
    if (end <= 0) return /^(['"])use strict\1/.test(rest)
    rest = rest.slice(end + 1).trimStart()
  }
}
