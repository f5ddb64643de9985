/**
 * Builds dist with tsc, and the board's page with esbuild, if a source has changed since the last build that went well; otherwise it
 * ends at once. Type errors make it fail, with tsc's own words, but what can be emitted is emitted.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withCloneLock } from './lock.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const rooms = ['protocol', 'src', 'actors', 'deploy', 'test']
const stamp = join(root, 'dist', '.built')
const program = join(root, 'dist', 'src', 'cli', 'main.js')

/** Returns 'current', 'built' or 'failed'. */
export async function build(say) {
  return withCloneLock(
    join(root, '.maggy', 'build.lock'),
    () => {
      const wanted = fingerprint()
      if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return 'current'
      const begun = performance.now()
      rmSync(stamp, { force: true })
      const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
      const { status } = spawnSync(process.execPath, [tsc], { cwd: root, stdio: 'inherit' })
      sweep()
      if (existsSync(program)) chmodSync(program, 0o755)
      const bundled = esbuild(page) && esbuild(pageStyle) && esbuild(schemas)
      if (bundled) useBundledSchemas()
      if (status !== 0 || !bundled) return 'failed'
      writeFileSync(stamp, wanted)
      say(`build: ${((performance.now() - begun) / 1000).toFixed(1)} s`)
      return 'built'
    },
    (pid) => say(`waiting for another build (process ${pid})`),
  )
}

const common = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: 'esm',
  legalComments: 'none',
  logLevel: 'warning',
}

/** The page and its style sheet, one file each, with all that they need. */
const page = {
  ...common,
  entryPoints: { board: 'src/board/page/main.tsx' },
  outdir: 'dist/src/board/page',
  target: ['es2022', 'chrome109', 'firefox115', 'safari16'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
}
const pageStyle = { ...page, entryPoints: { board: 'src/board/page/board.css' } }

/**
 * TypeBox comes in 709 files, and loading them took half of the time in which any of our processes starts. Everything in dist, and every
 * test, loads these three files instead.
 */
const bundledSchemas = join('dist', 'protocol', 'typebox')
const schemas = {
  ...common,
  entryPoints: { typebox: 'typebox', compile: 'typebox/compile' },
  outdir: bundledSchemas,
  splitting: true,
  platform: 'node',
  target: 'node20',
  legalComments: 'eof',
}

function esbuild(options) {
  try {
    createRequire(import.meta.url)('esbuild').buildSync(options)
    return true
  } catch (error) {
    // What is wrong with the sources esbuild has said itself.
    if (error.errors === undefined) throw error
    return false
  }
}

/** Files that tsc has just written import the package. */
function useBundledSchemas() {
  for (const built of filesUnder('dist', '.js')) {
    if (built.startsWith(bundledSchemas)) continue
    const file = join(root, built)
    const text = readFileSync(file, 'utf8')
    const bundle = (name) => {
      const path = relative(dirname(built), join(bundledSchemas, `${name}.js`)).replaceAll('\\', '/')
      return path.startsWith('.') ? path : `./${path}`
    }
    const changed = text.replace(/ from 'typebox(?:\/(compile))?'/g, (_, name = 'typebox') => ` from '${bundle(name)}'`)
    if (changed !== text) writeFileSync(file, changed)
  }
}

function fingerprint() {
  const hash = createHash('sha256')
  const sources = rooms.flatMap((room) => ['.ts', '.tsx', '.css'].flatMap((ending) => filesUnder(room, ending)))
  const files = ['tsconfig.json', 'package-lock.json', 'deploy/build.mjs', ...sources.sort(byText)]
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0')
  return hash.digest('hex')
}

const byText = (a, b) => (a < b ? -1 : 1)

function filesUnder(folder, ending) {
  const at = join(root, folder)
  if (!existsSync(at)) return []
  return readdirSync(at, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
}

/** What was built from a source that is no more would still be packed and run. */
function sweep() {
  for (const built of filesUnder('dist', '.js')) {
    if (built.startsWith(bundledSchemas)) continue
    const stem = built.slice('dist/'.length, -'.js'.length)
    if (existsSync(join(root, `${stem}.ts`))) continue
    for (const ending of ['.js', '.js.map', '.d.ts']) rmSync(join(root, 'dist', stem + ending), { force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outcome = await build((line) => console.log(line))
  process.exitCode = outcome === 'failed' ? 1 : 0
}
