/** The user's own modules in a bundle, by its source map: what people mean by the source of what was run. */
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path/posix'
import { withoutPlace } from './place.ts'

export interface SourceFile {
  /** Below the folder that all of them have in common. */
  readonly path: string
  readonly text: string
}

const mapMark = '//# sourceMappingURL=data:application/json;base64,'

/** `module`: the name of what is no bundle of ours, but one plain module. Packages are left out. */
export function sourcesIn(code: Uint8Array, module: string): readonly SourceFile[] {
  const found = ownIn(code)
  if (found.length === 0) return [{ path: module, text: new TextDecoder().decode(code) }]
  const common = commonFolder(found.map(({ path }) => path))
  return found
    .map(({ path, text: own }) => ({ path: path.slice(common.length), text: own }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Those of the modules, by their whole paths, that are on this host, and are not what the bundle holds any more. */
export async function changedSince(code: Uint8Array): Promise<string[]> {
  const changed: string[] = []
  for (const { path, text } of ownIn(code)) {
    // Of a notebook's file only cells have a text of their own.
    if (text === '') continue
    const now = await readFile(path, 'utf8').catch(() => undefined)
    // Elsewhere, or gone: there is nothing to compare. A first line that names an interpreter is not in the bundle.
    if (now !== undefined && withoutFirst(now) !== withoutFirst(text)) changed.push(path)
  }
  return changed
}

const withoutFirst = (text: string): string => text.replace(/^#!.*/, '')

/** By whole paths. */
function ownIn(code: Uint8Array): SourceFile[] {
  const text = new TextDecoder().decode(code)
  const at = text.lastIndexOf(mapMark)
  return at < 0 ? [] : (ownSources(text.slice(at + mapMark.length).trim()) ?? [])
}

function ownSources(base64: string): SourceFile[] | undefined {
  let map: { readonly sources?: unknown; readonly sourcesContent?: unknown }
  try {
    map = JSON.parse(Buffer.from(base64, 'base64').toString()) as typeof map
  } catch {
    return undefined
  }
  const { sources, sourcesContent } = map
  if (!Array.isArray(sources) || !Array.isArray(sourcesContent)) return undefined
  return sources.flatMap((source: unknown, index) => {
    const content: unknown = sourcesContent[index]
    if (typeof source !== 'string' || typeof content !== 'string') return []
    if (!source.startsWith('file:') || source.includes('/node_modules/')) return []
    return [{ path: decodeURI(new URL(source).pathname), text: withoutPlace(content) }]
  })
}

/** With its slash at the end. */
function commonFolder(paths: readonly string[]): string {
  let common = `${dirname(paths[0] ?? '/')}/`.replace('//', '/')
  while (common !== '/' && !paths.every((path) => path.startsWith(common)))
    common = `${dirname(common)}/`.replace('//', '/')
  return common
}
