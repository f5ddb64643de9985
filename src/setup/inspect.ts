import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { satisfies } from 'semver'
import { describe } from '../../protocol/index.ts'
import { cacheDirectory, withCacheLock } from './cache.ts'
import { findTool } from '../isolation/index.ts'
import { findNatsServer, installNatsServer } from './nats-server.ts'
import { maggyRoot } from './package-places.ts'
import { natsServerMinimum } from './pins.ts'
import type { Progress } from './progress.ts'
import { checkTfjsNode, installTfjsNode, knownToWork } from './tfjs-node.ts'
import { findCompiler, findNpm, findPip } from './toolchain.ts'

/** The state of one part. */
export interface PartReport {
  readonly part: 'node' | 'npm' | 'python' | 'compiler' | 'tfjs-node' | 'nats-server' | 'cache' | 'isolation'
  readonly ok: boolean
  /** A part that only serves to install another is not needed once that one is there. */
  readonly needed: boolean
  readonly version?: string
  readonly where?: string
  /** The fault, if there is one. */
  readonly reason?: string
  readonly remedy?: string
}

export interface Inspection {
  /** Whether everything that is needed is there. */
  readonly ok: boolean
  readonly parts: readonly PartReport[]
}

/** Looks at every part; changes nothing. */
export async function inspect(): Promise<Inspection> {
  const [tfjs, nats, npm, pip, compiler] = await Promise.all([
    inspectTfjsNode(),
    inspectNatsServer(),
    findNpm(),
    findPip(),
    findCompiler(),
  ])
  const installing = !tfjs.ok || !nats.ok
  const parts: PartReport[] = [
    inspectNode(),
    tfjs,
    nats,
    npm === undefined
      ? { part: 'npm', ok: false, needed: !tfjs.ok, reason: 'not found', remedy: 'it comes with Node' }
      : { part: 'npm', ok: true, needed: !tfjs.ok, version: npm.version, where: npm.command },
    pip.kind === 'found'
      ? { part: 'python', ok: true, needed: installing, version: pip.version, where: `${pip.python} -m pip` }
      : { part: 'python', ok: false, needed: installing, reason: pip.reason, remedy: pip.remedy },
    compiler.kind === 'found'
      ? { part: 'compiler', ok: true, needed: !tfjs.ok, version: compiler.version, where: compiler.command }
      : { part: 'compiler', ok: false, needed: !tfjs.ok, reason: compiler.reason, remedy: compiler.remedy },
    { part: 'cache', ok: true, needed: installing, where: cacheDirectory() },
    inspectIsolation(),
  ]
  return { ok: parts.every((part) => part.ok || !part.needed), parts }
}

/** Sets up what is missing, and nothing else. Returns what could not be set up. */
export async function fix(progress: Progress): Promise<readonly Error[]> {
  if ((await knownToWork()) && (await hasNatsServer())) return []
  const failures: Error[] = []
  const attempt = async (work: () => Promise<unknown>) => {
    try {
      await work()
    } catch (error) {
      failures.push(error instanceof Error ? error : new Error(describe(error)))
    }
  }
  await withCacheLock(
    async () => {
      // Looked at again: whoever held the lock may have done it.
      if (!(await hasNatsServer())) await attempt(() => installNatsServer(progress))
      if ((await checkTfjsNode()).kind === 'broken') await attempt(() => installTfjsNode(progress))
    },
    (pid) => progress.say(`waiting for another set-up (process ${pid})`),
  )
  return failures
}

function inspectNode(): PartReport {
  const { engines } = JSON.parse(readFileSync(join(maggyRoot(), 'package.json'), 'utf8')) as {
    engines: { node: string }
  }
  const found = { part: 'node', needed: true, version: process.versions.node, where: process.execPath } as const
  if (satisfies(process.versions.node, engines.node)) return { ...found, ok: true }
  return { ...found, ok: false, reason: `not in ${engines.node}`, remedy: 'install Node 20, 22, 24 or 26' }
}

/** The means by which `maggy worker --isolate` confines trials. */
function inspectIsolation(): PartReport {
  const { kind, reasons } = findTool()
  const found = { part: 'isolation', needed: false } as const
  if (kind === 'bwrap') return { ...found, ok: true, where: 'bwrap' }
  const without = kind === 'none' ? 'nothing' : 'files and processes only, by unshare'
  const reason = `\`maggy worker --isolate\` confines ${without}: ${reasons.join('; ')}`
  return { ...found, ok: false, reason, remedy: 'install bubblewrap (`apt-get install bubblewrap`)' }
}

async function inspectTfjsNode(): Promise<PartReport> {
  const state = await checkTfjsNode()
  const where = state.root === undefined ? {} : { where: state.root }
  if (state.kind === 'ready') return { part: 'tfjs-node', ok: true, needed: true, version: state.version, ...where }
  const remedy = '`maggy doctor --fix` installs it'
  return { part: 'tfjs-node', ok: false, needed: true, reason: state.reason, remedy, ...where }
}

async function inspectNatsServer(): Promise<PartReport> {
  try {
    const { version, path } = await findNatsServer()
    return { part: 'nats-server', ok: true, needed: true, version, where: path }
  } catch (error) {
    const remedy = `\`maggy doctor --fix\` installs it; or set NATS_SERVER to one of version ${natsServerMinimum} or later`
    return { part: 'nats-server', ok: false, needed: true, reason: describe(error), remedy }
  }
}

async function hasNatsServer(): Promise<boolean> {
  try {
    await findNatsServer()
    return true
  } catch {
    return false
  }
}
