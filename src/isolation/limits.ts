/** Limits of memory and processes for each runner, by cgroups (version 2, or 1), or by systemd, which has those of this host. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from '../../protocol/index.ts'
import { quoted } from './files.ts'
import { whyNot } from './tool.ts'

export interface Bounds {
  readonly memoryBytes: number
  readonly processes: number
}

export type Limits =
  /** `enter`: puts what is run with these words before it under the limits. */
  | { readonly kind: 'limited'; readonly how: string; enter(runner: number): readonly string[]; close(): void }
  | { readonly kind: 'unlimited'; readonly reason: string }

export function findLimits(bounds: Bounds, path = process.env['PATH'] ?? '', root = '/sys/fs/cgroup'): Limits {
  const own = ownGroups(root)
  const reasons: string[] = []
  if (own !== undefined) {
    try {
      sweep(own.version === 2 ? [own.folder] : Object.values(own.folders))
      return own.version === 2 ? unified(own.folder, bounds) : split(own.folders, bounds)
    } catch (error) {
      reasons.push(`this process may not make cgroups (${describe(error)})`)
    }
  } else reasons.push('there are no cgroups with limits of memory and processes here')
  const scope = ['--scope', '--quiet', '--collect', ...(process.getuid?.() === 0 ? [] : ['--user'])]
  const without = whyNot('systemd-run', [...scope, 'true'], path)
  if (without !== undefined) return { kind: 'unlimited', reason: [...reasons, without].join('; ') }
  const properties = [`MemoryMax=${bounds.memoryBytes}`, `TasksMax=${bounds.processes}`]
  const words = ['systemd-run', ...scope, ...properties.flatMap((one) => ['-p', one]), '--']
  return { kind: 'limited', how: 'systemd-run', enter: () => words, close: () => undefined }
}

type Own =
  | { readonly version: 2; readonly folder: string }
  | { readonly version: 1; readonly folders: { readonly memory: string; readonly pids: string } }

function ownGroups(root: string): Own | undefined {
  const lines = existsSync('/proc/self/cgroup') ? readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n') : []
  const entries = lines.map((line) => line.split(':'))
  const of = (controller: string) =>
    entries.find(([, names = '']) => (controller === '' ? names === '' : names.split(',').includes(controller)))?.[2]
  const unifiedAt = of('')
  if (unifiedAt !== undefined && existsSync(join(root, 'cgroup.controllers')))
    return { version: 2, folder: join(root, unifiedAt) }
  const [memory, pids] = [of('memory'), of('pids')]
  if (memory === undefined || pids === undefined) return undefined
  const folders = { memory: join(root, 'memory', memory), pids: join(root, 'pids', pids) }
  return existsSync(folders.memory) && existsSync(folders.pids) ? { version: 1, folders } : undefined
}

/** Version 2: a group with limits below it has no processes of its own, so that this one moves into a group beside. */
function unified(folder: string, bounds: Bounds): Limits {
  const below = join(folder, `maggy-${process.pid}`)
  const beside = join(below, 'worker')
  const made: string[] = []
  const make = (path: string) => {
    mkdirSync(path)
    made.push(path)
  }
  try {
    const inherited = readFileSync(join(folder, 'cgroup.subtree_control'), 'utf8').split(/\s+/)
    if (!['memory', 'pids'].every((name) => inherited.includes(name))) {
      make(join(folder, `maggy-${process.pid}-self`))
      writeFileSync(join(folder, `maggy-${process.pid}-self`, 'cgroup.procs'), String(process.pid))
      writeFileSync(join(folder, 'cgroup.subtree_control'), '+memory +pids')
    }
    make(below)
    writeFileSync(join(below, 'cgroup.subtree_control'), '+memory +pids')
    make(beside)
  } catch (error) {
    for (const path of made.toReversed()) remove(path)
    throw error
  }
  return limited(
    'cgroup',
    (runner) => [join(below, `runner-${runner}`)],
    (group) => {
      writeFileSync(join(group, 'memory.max'), String(bounds.memoryBytes))
      writeFileSync(join(group, 'pids.max'), String(bounds.processes))
    },
    made,
  )
}

function split({ memory, pids }: { memory: string; pids: string }, bounds: Bounds): Limits {
  const below = [memory, pids].map((folder) => join(folder, `maggy-${process.pid}`))
  for (const path of below) mkdirSync(path)
  return limited(
    'cgroup',
    (runner) => below.map((path) => join(path, `runner-${runner}`)),
    (group) => {
      const [file, value] = group.startsWith(memory)
        ? ['memory.limit_in_bytes', bounds.memoryBytes]
        : ['pids.max', bounds.processes]
      writeFileSync(join(group, file), String(value))
    },
    below,
  )
}

function limited(
  how: string,
  groupsOf: (runner: number) => string[],
  bound: (group: string) => void,
  made: string[],
): Limits {
  const known = new Set<string>()
  return {
    kind: 'limited',
    how,
    enter: (runner) => {
      const groups = groupsOf(runner)
      for (const group of groups) {
        if (known.has(group)) continue
        mkdirSync(group)
        known.add(group)
        bound(group)
      }
      // It enters by itself, before it is anything else: nothing that it starts is outside.
      const entering = groups.map((group) => `echo $$ > ${quoted(join(group, 'cgroup.procs'))}`).join(' && ')
      return ['/bin/sh', '-c', `${entering} && exec "$@"`, 'sh']
    },
    close: () => {
      for (const path of [...[...known].toReversed(), ...made.toReversed()]) remove(path)
    },
  }
}

/** Groups that a worker which was killed has left. */
function sweep(folders: readonly string[]): void {
  for (const folder of folders) {
    for (const name of readdirSync(folder)) {
      const [, pid] = /^maggy-(\d+)$/.exec(name) ?? []
      if (pid === undefined || existsSync(`/proc/${pid}`)) continue
      const left = join(folder, name)
      for (const entry of readdirSync(left, { withFileTypes: true })) {
        if (entry.isDirectory()) remove(join(left, entry.name))
      }
      remove(left)
    }
  }
}

/** A group in which something still runs stays until that has ended, and is then empty. */
function remove(path: string): void {
  try {
    rmdirSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EBUSY' && code !== 'ENOENT') throw error
  }
}
