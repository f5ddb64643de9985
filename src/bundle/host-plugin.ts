/** The esbuild plugin that leaves out of a bundle what the host has to bring. */
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { Loader, Plugin } from 'esbuild'
import { fromHost, readsItsOwnFolder, urlImport, urlModule, usesItsUrl, withinPackages } from './left-out.ts'

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

/** `leftOut` collects what must be installed where the bundle runs. */
export function hostPlugin(external: readonly string[], leftOut: Set<string>): Plugin {
  const named = new Set(external)
  return {
    name: 'maggy-host',
    setup: (build) => {
      build.onResolve({ filter: /^(maggy|@tensorflow\/tfjs(-[a-z-]+)?)$/ }, ({ path }) => ({
        path,
        namespace: 'maggy-host',
      }))
      build.onResolve({ filter: /^[^./]/ }, ({ path }) => {
        const owner = path.split('/', path.startsWith('@') ? 2 : 1).join('/')
        if (!named.has(owner)) return undefined
        leftOut.add(owner)
        return { path, namespace: 'maggy-host' }
      })
      build.onResolve({ filter: /^maggy-url:/ }, ({ path }) => ({
        path: path.slice('maggy-url:'.length),
        namespace: 'maggy-url',
        sideEffects: false,
      }))
      build.onLoad({ filter: /./, namespace: 'maggy-host' }, ({ path }) => ({ contents: fromHost(path), loader: 'js' }))
      build.onLoad({ filter: /./, namespace: 'maggy-url' }, ({ path }) => ({
        contents: urlModule(withinPackages(path), path),
        loader: 'js',
      }))
      build.onLoad({ filter: /\.node$/ }, ({ path }) => leave(path, leftOut))
      build.onLoad({ filter: /\.([cm]?[jt]s|[jt]sx)$/, namespace: 'file' }, async ({ path }) => {
        const code = await readFile(path, 'utf8')
        const packaged = withinPackages(path) !== ''
        if (usesItsUrl(code)) {
          if (packaged) leftOut.add(packageOf(path))
          return { contents: code + urlImport(path), loader: loaders[extname(path)] ?? 'js' }
        }
        return packaged && readsItsOwnFolder(code) ? leave(path, leftOut) : undefined
      })
    },
  }
}

function leave(path: string, leftOut: Set<string>): { contents: string; loader: Loader } {
  const within = withinPackages(path)
  leftOut.add(within === '' ? path : packageOf(path))
  return { contents: fromHost(within || path, path), loader: 'js' }
}

function packageOf(path: string): string {
  const within = withinPackages(path)
  return within.split('/', within.startsWith('@') ? 2 : 1).join('/')
}
