/**
 * The native part of tfjs-node: an entry of the cache holds libtensorflow, its headers and the add-on built against it.
 * The add-on speaks N-API, so one build serves every version of Node.
 */
import { randomUUID } from 'node:crypto'
import { copyFile, cp, lstat, mkdir, rename, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { problem } from '../../protocol/index.ts'
import { lastLines, runCommand } from './command.ts'
import { readJson } from './package-places.ts'
import { thisHost, type WheelPin } from './pins.ts'
import type { Progress } from './progress.ts'
import { findCompiler, findNodeGyp, findNodeHeaders } from './toolchain.ts'
import { unpackWheel } from './wheel.ts'

const addonName = 'tfjs_binding.node'

/** The name of the cache entry for a version of tfjs-node. */
export function nativeName(tfjsNodeVersion: string): string {
  return `${tfjsNodeVersion}-napi${napiVersion([8])}-${thisHost}`
}

/** Where tfjs-node looks for its add-on. */
export function addonPath(root: string): string {
  const { binary } = readJson(join(root, 'package.json')) as { binary: { napi_versions: number[] } }
  return join(root, 'lib', `napi-v${napiVersion(binary.napi_versions)}`, addonName)
}

/** The newest N-API version that both the package and this Node know. */
function napiVersion(offered: readonly number[]): number {
  const supported = Number(process.versions['napi'] ?? 8)
  return Math.max(...offered.filter((version) => version <= supported))
}

/** Fills a cache entry: `deps/lib`, `deps/include` and the add-on. */
export async function buildNative(root: string, pin: WheelPin, directory: string, progress: Progress): Promise<void> {
  // Asked first: it would be a pity to find out after 200 MB.
  const compiler = await findCompiler()
  if (compiler.kind === 'missing') throw failed(`${compiler.reason}; ${compiler.remedy}`)
  const gyp = await findNodeGyp()
  if (gyp === undefined) throw failed('node-gyp, which comes with npm, is not there; install npm')

  const deps = join(directory, 'deps')
  await mkdir(deps)
  await progress.step(`tfjs-node: libtensorflow from ${pin.project} ${pin.version} (${pin.megabytes} MB)`, () =>
    unpackWheel(pin, 'tfjs-node', deps),
  )
  await symlink('libtensorflow_cc.so.2', join(deps, 'lib', 'libtensorflow.so'))
  await symlink('libtensorflow_framework.so.2', join(deps, 'lib', 'libtensorflow_framework.so'))
  await progress.step(`tfjs-node: building the add-on with ${compiler.command}`, () => buildAddon(root, directory, gyp))
}

/** Builds in a copy, so that node_modules is not touched before everything is there. */
async function buildAddon(root: string, directory: string, gyp: string): Promise<void> {
  const copy = join(directory, 'build')
  await mkdir(copy)
  for (const name of ['binding', 'binding.gyp', 'package.json']) {
    await cp(join(root, name), join(copy, name), { recursive: true })
  }
  await symlink(join('..', 'deps'), join(copy, 'deps'))
  const napi = napiVersion([8])
  const headers = await findNodeHeaders()
  const args = [
    'rebuild',
    '--module_name=tfjs_binding',
    `--module_path=${directory}`,
    `--napi_version=${napi}`,
    `--napi_build_version=${napi}`,
    ...(headers === undefined ? [] : [`--nodedir=${headers}`]),
  ]
  const outcome = await runCommand(process.execPath, [gyp, ...args], { cwd: copy, timeoutMs: 10 * 60_000 })
  if (outcome.kind !== 'done') {
    const detail = outcome.kind === 'failed' ? lastLines(faults(outcome.output), 8) : 'Node cannot be started'
    throw failed(`node-gyp could not build the add-on: ${detail}`)
  }
  await rm(copy, { recursive: true, force: true })
}

/**
 * Puts a cache entry in place: the libraries by a link (they are 600 MB), the add-on by a copy, since its run path starts
 * from its own place. Each of the two steps is one rename; the add-on comes last, and nothing loads without it.
 */
export async function linkNative(entry: string, root: string): Promise<void> {
  const deps = join(root, 'deps')
  const current = await lstat(deps).catch(() => undefined)
  if (current?.isDirectory() === true) await rm(deps, { recursive: true, force: true })
  await renameOver(deps, (draft) => symlink(join(entry, 'deps'), draft))
  const addon = addonPath(root)
  await mkdir(dirname(addon), { recursive: true })
  await renameOver(addon, (draft) => copyFile(join(entry, addonName), draft))
}

async function renameOver(path: string, make: (draft: string) => Promise<void>): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}`)
  try {
    await make(draft)
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
}

/** The compiler's own errors, if there are any: node-gyp's closing words say nothing. */
function faults(output: string): string {
  const errors = output.split('\n').filter((line) => /error[: ]/i.test(line) && !line.startsWith('gyp ERR! stack'))
  return errors.length > 0 ? errors.slice(0, 8).join('\n') : output
}

function failed(reason: string) {
  return problem('SETUP_FAILED', { part: 'tfjs-node', reason })
}
