/** Which files cannot be bundled, and what stands in the bundle in their place: a call of the host (src/train/host.ts). */

/** The path inside of node_modules, or empty for a file of the user's own. */
export function withinPackages(path: string): string {
  const parts = path.split(/[\\/]node_modules[\\/]/)
  return parts.length === 1 ? '' : (parts.at(-1) ?? '').replaceAll('\\', '/')
}

/** The package that a path inside of node_modules belongs to. */
export const packageOf = (within: string): string => within.split('/', within.startsWith('@') ? 2 : 1).join('/')

/** A package's CommonJS file that looks for files beside itself, or loads a native add-on, works in its own folder only. */
export function readsItsOwnFolder(code: string): boolean {
  return /\b__dirname\b|\b__filename\b/.test(code) || /require\([^)]*\.node['"`]/.test(code)
}

/** CommonJS, so that named, star and default imports all find what the host's module really exports when it runs. */
export const fromHost = (specifier: string, original?: string) =>
  `module.exports = globalThis[Symbol.for('maggy.require')](${[specifier, original]
    .filter((part) => part !== undefined)
    .map((part) => JSON.stringify(part))
    .join(', ')})`
