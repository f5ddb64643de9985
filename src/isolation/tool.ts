/** The tools of this host that can confine a process, tried and not only looked for: in many a container they are there and may not be used. */
import { spawnSync } from 'node:child_process'

export interface Tool {
  /** The best first. `none`: nothing is there that works. */
  readonly kind: 'bwrap' | 'unshare' | 'none'
  /** Why better ones are not used, for people. */
  readonly reasons: readonly string[]
}

const tryMs = 5_000

/** As root no user namespace is needed, and often none is allowed. */
export const unshareFlags = (isRoot = process.getuid?.() === 0): readonly string[] => [
  ...(isRoot ? [] : ['--user', '--map-current-user', '--keep-caps']),
  '--mount',
  '--pid',
  '--fork',
  '--kill-child',
  '--ipc',
  '--uts',
  '--mount-proc',
]

export const dropRights = ['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'] as const

const tries = [
  ['bwrap', ['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--unshare-pid', '--', 'true']],
  ['unshare', [...unshareFlags(), '--', 'setpriv', '--pdeathsig', 'KILL', ...dropRights, '--', 'true']],
] as const

/** Tries them all once. `path`: where commands are looked for. */
export function findTool(path = process.env['PATH'] ?? ''): Tool {
  const reasons: string[] = []
  for (const [kind, args] of tries) {
    const reason = whyNot(kind, args, path)
    if (reason === undefined) return { kind, reasons }
    reasons.push(reason)
  }
  return { kind: 'none', reasons }
}

/** Why a command does not work here; undefined: it does. */
export function whyNot(command: string, args: readonly string[], path: string): string | undefined {
  const { status, error, stderr } = spawnSync(command, args, {
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: tryMs,
  })
  if (error !== undefined) {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return `${command} ${isAbsent ? 'is not installed' : `does not start (${error.message})`}`
  }
  return status === 0
    ? undefined
    : `${command} may not be used here (${stderr.trim().split('\n').at(-1)?.slice(0, 200) || `exit code ${status}`})`
}
