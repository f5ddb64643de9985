/** Which files cannot be bundled, and what stands in the bundle in their place: a call of the host (src/train/host.ts). */

/** The path inside of node_modules, or empty for a file of the user's own. */
export function withinPackages(path: string): string {
  const parts = path.split(/[\\/]node_modules[\\/]/)
  return parts.length === 1 ? '' : (parts.at(-1) ?? '').replaceAll('\\', '/')
}

/** A package's CommonJS file that looks for files beside itself, or loads a native add-on, works in its own folder only. */
export function readsItsOwnFolder(code: string): boolean {
  return /\b__dirname\b|\b__filename\b/.test(code) || /require\([^)]*\.node['"`]/.test(code)
}

export const usesItsUrl = (code: string) => /\bimport\.meta\.(url|dirname|filename)\b/.test(code)

/** CommonJS, so that named, star and default imports all find what the host's module really exports when it runs. */
export const fromHost = (specifier: string, original?: string) =>
  `module.exports = globalThis[Symbol.for('maggy.require')](${[specifier, original]
    .filter((part) => part !== undefined)
    .map((part) => JSON.stringify(part))
    .join(', ')})`

/** The module that says where a file lies on the host it runs on. */
export const urlModule = (within: string, original: string) =>
  [
    `import { fileURLToPath } from 'node:url'`,
    `import { dirname as folderOf } from 'node:path'`,
    `export const url = globalThis[Symbol.for('maggy.url')](${JSON.stringify(within)}, ${JSON.stringify(original)})`,
    `export const filename = fileURLToPath(url)`,
    `export const dirname = folderOf(filename)`,
  ].join('\n')

/** Put at the end of a file whose URL is asked for: imports are hoisted, so no line moves. */
export const urlImport = (original: string) =>
  `\nimport { url as maggy_url, filename as maggy_filename, dirname as maggy_dirname } from ${JSON.stringify(`maggy-url:${original}`)}\n`

export const urlDefines = {
  'import.meta.url': 'maggy_url',
  'import.meta.filename': 'maggy_filename',
  'import.meta.dirname': 'maggy_dirname',
}
