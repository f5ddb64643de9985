/** The tools that set-up itself needs: Python with pip, a C++ compiler with make, npm with its node-gyp, the headers of Node. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { lastLines, runCommand } from './command.ts'

const quick = { timeoutMs: 20_000 }

export type Pip =
  | { readonly kind: 'found'; readonly python: string; readonly version: string }
  | { readonly kind: 'missing'; readonly reason: string; readonly remedy: string }

/** A `python3` may be a shim with nothing behind it, so each one is asked. */
export async function findPip(): Promise<Pip> {
  let reason = 'there is no python3'
  for (const python of ['python3', 'python']) {
    const asked = await runCommand(python, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3])'], quick)
    if (asked.kind === 'failed') reason = `${python} does not run: ${lastLines(asked.output, 1) || asked.reason}`
    if (asked.kind !== 'done' || !asked.stdout.startsWith('3.')) continue
    const pip = await runCommand(python, ['-m', 'pip', '--version'], quick)
    if (pip.kind === 'done') return { kind: 'found', python, version: asked.stdout.trim() }
    reason = `${python} ${asked.stdout.trim()} has no pip`
  }
  const remedy = 'install Python 3 with pip (Debian: apt-get install python3 python3-pip; macOS: brew install python)'
  return { kind: 'missing', reason, remedy }
}

export type Compiler =
  | { readonly kind: 'found'; readonly command: string; readonly version: string }
  | { readonly kind: 'missing'; readonly reason: string; readonly remedy: string }

export async function findCompiler(): Promise<Compiler> {
  const remedy = 'install a C++ compiler and make (Debian: apt-get install g++ make; macOS: xcode-select --install)'
  const make = await runCommand('make', ['--version'], quick)
  for (const command of [process.env['CXX'], 'g++', 'clang++', 'c++']) {
    if (command === undefined || command === '') continue
    const asked = await runCommand(command, ['--version'], quick)
    if (asked.kind !== 'done') continue
    if (make.kind !== 'done') return { kind: 'missing', reason: 'there is no make', remedy }
    return { kind: 'found', command, version: firstVersion(asked.stdout.split('\n')[0] ?? '') ?? 'unknown' }
  }
  return { kind: 'missing', reason: 'there is no C++ compiler', remedy }
}

export interface Npm {
  readonly command: string
  readonly version: string
}

export async function findNpm(): Promise<Npm | undefined> {
  const asked = await runCommand('npm', ['--version'], quick)
  return asked.kind === 'done' ? { command: 'npm', version: asked.stdout.trim() } : undefined
}

/** npm brings node-gyp with it; npm exec would ask for a download where it is there already. */
export async function findNodeGyp(): Promise<string | undefined> {
  const asked = await runCommand('npm', ['root', '--global'], quick)
  const roots = [
    asked.kind === 'done' ? asked.stdout.trim() : '',
    join(dirname(dirname(process.execPath)), 'lib', 'node_modules'),
    join(dirname(process.execPath), 'node_modules'),
  ]
  return roots
    .filter((root) => root !== '')
    .map((root) => join(root, 'npm', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js'))
    .find((path) => existsSync(path))
}

/**
 * Node's own headers, if they are on this machine. Those of any version will do: the add-on uses the stable N-API only.
 * Undefined: node-gyp downloads them.
 */
export async function findNodeHeaders(): Promise<string | undefined> {
  const configured = await runCommand('npm', ['config', 'get', 'nodedir'], quick)
  const candidates = [
    process.env['npm_config_nodedir'] ?? '',
    configured.kind === 'done' ? configured.stdout.trim() : '',
    dirname(dirname(process.execPath)),
    '/usr',
    '/usr/local',
  ]
  return candidates.find((path) => path !== '' && existsSync(join(path, 'include', 'node', 'node_api.h')))
}

export function firstVersion(text: string): string | undefined {
  return /\d+\.\d+\.\d+/.exec(text)?.[0]
}
