/** The esbuild plugin that leaves out of a bundle what the host has to bring, and tells each file where it lies. */
import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { extname } from 'node:path'
import type { Loader, Plugin } from 'esbuild'
import { fromHost, packageOf, readsItsOwnFolder, withinPackages } from './left-out.ts'
import { asksForItsModule, asksForItsPlace, asksForItsUrl, formatOf, placeModule, withPlace } from './place.ts'

const loaders: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.jsx': 'jsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
}

/** `leftOut` collects what must be installed where the bundle runs. `given`: the text of a file that is not read. */
export function hostPlugin(
  external: readonly string[],
  leftOut: Set<string>,
  given: (path: string) => string | undefined = () => undefined,
): Plugin {
  const named = new Set(external)
  return {
    name: 'maggy-host',
    setup: (build) => {
      build.onResolve({ filter: /^(maggy|@tensorflow\/tfjs(-[a-z-]+)?)$/ }, ({ path }) => ({
        path,
        namespace: 'maggy-host',
      }))
      build.onResolve({ filter: /^[^./]/ }, ({ path }) => {
        // A bundle is a function, and no import statement can stand in one.
        if (path.startsWith('node:') || isBuiltin(path)) return { path, namespace: 'maggy-host' }
        const owner = packageOf(path)
        if (!named.has(owner)) return undefined
        leftOut.add(owner)
        return { path, namespace: 'maggy-host' }
      })
      build.onResolve({ filter: /^maggy-place:/ }, ({ path }) => ({
        path: path.slice('maggy-place:'.length),
        namespace: 'maggy-place',
        sideEffects: false,
      }))
      build.onLoad({ filter: /./, namespace: 'maggy-host' }, ({ path }) => ({ contents: fromHost(path), loader: 'js' }))
      build.onLoad({ filter: /./, namespace: 'maggy-place' }, ({ path }) => ({
        contents: placeModule(withinPackages(path), path),
        loader: 'js',
      }))
      build.onLoad({ filter: /\.node$/ }, ({ path }) => leave(path, leftOut))
      build.onLoad({ filter: /\.([cm]?[jt]s|[jt]sx)$/, namespace: 'file' }, async ({ path }) => {
        const text = given(path)
        const code = text ?? (await readFile(path, 'utf8'))
        const within = withinPackages(path)
        const loader = loaders[extname(path)] ?? 'js'
        const asIs = text === undefined ? undefined : { contents: text, loader }
        if (!asksForItsPlace(code) && !readsItsOwnFolder(code) && !asksForItsModule(code)) return asIs
        const format = await formatOf(code, path, loader)
        if (within !== '') {
          if (format !== 'esm') return readsItsOwnFolder(code) ? leave(path, leftOut) : undefined
          if (asksForItsUrl(code) || readsItsOwnFolder(code)) leftOut.add(packageOf(within))
        }
        return { contents: withPlace(code, path, format), loader }
      })
    },
  }
}

function leave(path: string, leftOut: Set<string>): { contents: string; loader: Loader } {
  const within = withinPackages(path)
  leftOut.add(within === '' ? path : packageOf(within))
  return { contents: fromHost(within || path, path), loader: 'js' }
}
