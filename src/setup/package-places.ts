/** Where maggy itself is installed, and where it finds its tfjs-node. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const tfjsNode = '@tensorflow/tfjs-node'

/** The folder of maggy's own package.json: a clone, or node_modules/maggy of a project. */
export function maggyRoot(from: string = dirname(fileURLToPath(import.meta.url))): string {
  let directory = from
  while (!existsSync(join(directory, 'package.json')) && dirname(directory) !== directory)
    directory = dirname(directory)
  return directory
}

/** The folder in which npm is to install what is missing: the clone itself, or the project that depends on maggy. */
export function projectRoot(maggy: string = maggyRoot()): string {
  const marker = `${sep}node_modules${sep}`
  const at = maggy.indexOf(marker)
  return at === -1 ? maggy : maggy.slice(0, at)
}

/** The folder of tfjs-node as maggy resolves it, or undefined if npm has not installed it. */
export function tfjsNodeRoot(maggy: string = maggyRoot()): string | undefined {
  try {
    return dirname(createRequire(join(maggy, 'package.json')).resolve(`${tfjsNode}/package.json`))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

/** The version that maggy is made for, out of its own package.json. */
export function wantedTfjsNode(maggy: string = maggyRoot()): string {
  const { optionalDependencies } = readJson(join(maggy, 'package.json')) as {
    optionalDependencies: Record<string, string>
  }
  return optionalDependencies[tfjsNode] ?? 'latest'
}

/** The folders whose commands npm puts on the path for a package's scripts. */
export function binFolders(directory: string): string[] {
  const folders: string[] = []
  for (let at = directory; dirname(at) !== at; at = dirname(at)) {
    const bin = basename(at) === 'node_modules' ? join(at, '.bin') : join(at, 'node_modules', '.bin')
    if (existsSync(bin)) folders.push(bin)
  }
  return folders
}

export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}
