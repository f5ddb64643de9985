/** Where an experiment is submitted from: this host, its versions, and the state of the git repository that the module lies in. */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { hostname, userInfo } from 'node:os'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import type { Provenance } from '../../protocol/index.ts'

const run = promisify(execFile)
/** Git on a slow disk must not hold up a run. */
const gitMs = 3_000
const labelAtMost = 256

/** `path`: of the module. What cannot be found out is left out. */
export async function provenanceOf(path: string): Promise<Provenance> {
  const [maggy, tfjs] = [versionOf('maggy'), versionOf('@tensorflow/tfjs')]
  const git = await gitStateOf(path)
  const user = userName()
  return {
    host: hostname().slice(0, labelAtMost),
    ...(user === undefined ? {} : { user: user.slice(0, labelAtMost) }),
    versions: {
      ...(maggy === undefined ? {} : { maggy }),
      node: process.versions.node,
      ...(tfjs === undefined ? {} : { tfjs }),
    },
    ...(git === undefined ? {} : { git }),
  }
}

async function gitStateOf(path: string): Promise<Provenance['git']> {
  const git = async (...args: string[]): Promise<string> => {
    // These reads take no lock that a user's own git would wait for, and start no file-system monitor.
    const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0' }
    const options = { cwd: dirname(path), timeout: gitMs, maxBuffer: 64 * 2 ** 20, env }
    const { stdout } = await run('git', ['-c', 'core.fsmonitor=false', ...args], options)
    return stdout.trim()
  }
  try {
    const commit = await git('rev-parse', 'HEAD')
    if (!/^[0-9a-f]{40,64}$/.test(commit)) return undefined
    const branch = await git('rev-parse', '--abbrev-ref', 'HEAD')
    const changed = await git('status', '--porcelain', '--untracked-files=no')
    const known = await git('ls-files', '--', basename(path))
    return {
      commit,
      ...(branch === '' || branch === 'HEAD' ? {} : { branch: branch.slice(0, labelAtMost) }),
      dirty: changed !== '' || known === '',
    }
  } catch {
    // No git here, no repository, or no commit in it yet: there is nothing to tell.
    return undefined
  }
}

function versionOf(name: string): string | undefined {
  try {
    const { version } = createRequire(import.meta.url)(`${name}/package.json`) as { version?: unknown }
    return typeof version === 'string' ? version : undefined
  } catch {
    return undefined
  }
}

function userName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    // A user without an entry in the host's list, as in some containers.
    return undefined
  }
}
