import { existsSync, statSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, problem } from '../../protocol/index.ts'
import { cacheDirectory, cacheEntry } from './cache.ts'
import { lastLines, runCommand } from './command.ts'
import { addonPath, buildNative, linkNative, nativeName } from './native.ts'
import { installOfficial, officialAnswers } from './official-binary.ts'
import { projectRoot, readJson, tfjsNode, tfjsNodeRoot, wantedTfjsNode } from './package-places.ts'
import { tensorflowWheels, thisHost } from './pins.ts'
import type { Progress } from './progress.ts'

export type TfjsNodeState =
  | { readonly kind: 'ready'; readonly root: string; readonly version: string; readonly backend: string }
  | { readonly kind: 'broken'; readonly root: string | undefined; readonly reason: string }

const loadScript = fileURLToPath(new URL('./load-tfjs.js', import.meta.url))

/** Whether tfjs-node works here, found out by loading it in a process of its own and adding two numbers. */
export async function checkTfjsNode(): Promise<TfjsNodeState> {
  const root = tfjsNodeRoot()
  if (root === undefined) return { kind: 'broken', root, reason: 'npm has not installed it' }
  const loaded = await runCommand(process.execPath, [loadScript, root], {
    // Half a second, as a rule. A time-out counts as broken, and a busy machine must not look like that.
    timeoutMs: 180_000,
    environment: { TF_CPP_MIN_LOG_LEVEL: '2' },
  })
  if (loaded.kind === 'absent') return { kind: 'broken', root, reason: 'Node cannot be started' }
  if (loaded.kind === 'failed') {
    const line = loaded.output.split('\n').find((text) => /^\s*(\w*Error|Error)\b/.test(text))
    return { kind: 'broken', root, reason: (line ?? (lastLines(loaded.output, 1) || loaded.reason)).trim() }
  }
  const { version, backend } = JSON.parse(lastLines(loaded.stdout, 1)) as { version: string; backend: string }
  await writeFile(stampPath(root), stamp(root)).catch(() => undefined)
  return { kind: 'ready', root, version, backend }
}

/** Whether the native part is where tfjs-node looks for it; whether it can be loaded is not tried. */
export function hasNativeBackend(): boolean {
  const root = tfjsNodeRoot()
  return root !== undefined && existsSync(addonPath(root))
}

/** Whether this very add-on has been loaded by this Node before: a check that costs nothing, for every start of a command. */
export async function knownToWork(): Promise<boolean> {
  const root = tfjsNodeRoot()
  if (root === undefined || !existsSync(addonPath(root))) return false
  try {
    return (await readFile(stampPath(root), 'utf8')) === stamp(root)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Makes tfjs-node work: out of the cache, else by the package's own install step, else from the libtensorflow in a wheel. */
export async function installTfjsNode(progress: Progress): Promise<TfjsNodeState> {
  if (tfjsNodeRoot() === undefined) await progress.step('tfjs-node: installing the package', installPackage)
  const root = tfjsNodeRoot()
  if (root === undefined) throw failed('npm installed it, and it is still not there')
  const { version } = readJson(join(root, 'package.json')) as { version: string }
  const entry = join('tfjs-node', nativeName(version))
  if (!existsSync(join(cacheDirectory(), entry)) && (await officialAnswers(root))) {
    const official = await progress.step('tfjs-node: its own install step', () => installOfficial(root))
    const state = official.kind === 'done' ? await checkTfjsNode() : { kind: 'broken' as const }
    if (state.kind === 'ready') return state
    progress.say(
      `tfjs-node: that did not work (${official.kind === 'failed' ? official.reason : 'it cannot be loaded'})`,
    )
  }
  const pin = tensorflowWheels[thisHost]
  if (pin === undefined)
    throw failed(`no wheel with libtensorflow for ${thisHost}, and its own binary cannot be fetched`)
  const native = await cacheEntry(entry, (directory) => buildNative(root, pin, directory, progress))
  await progress.step('tfjs-node: linking the native part', () => linkNative(native, root))
  const state = await checkTfjsNode()
  if (state.kind === 'ready') return state
  // The cached build is whole, and yet of no use here (another libc, a compiler of another kind): the next try builds anew.
  await rm(native, { recursive: true, force: true })
  throw failed(`built, but cannot be loaded: ${state.reason}`)
}

async function installPackage(): Promise<void> {
  const wanted = `${tfjsNode}@${wantedTfjsNode()}`
  const args = ['install', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', wanted]
  const outcome = await runCommand('npm', args, { cwd: projectRoot(), timeoutMs: 5 * 60_000 })
  if (outcome.kind === 'absent') throw failed('there is no npm; it comes with Node')
  if (outcome.kind === 'failed') throw failed(`npm could not install ${wanted}: ${lastLines(outcome.output, 5)}`)
}

function stampPath(root: string): string {
  return join(root, '.maggy-loaded.json')
}

function stamp(root: string): string {
  try {
    const { mtimeMs, size } = statSync(addonPath(root))
    const library = existsSync(join(root, 'deps', 'lib'))
    return JSON.stringify({ node: process.version, mtimeMs, size, library })
  } catch (error) {
    return describe(error)
  }
}

function failed(reason: string) {
  return problem('SETUP_FAILED', { part: 'tfjs-node', reason })
}
