/** The files of the host that user code sees. Pure, but for its questions to the host by `Host`. */
import { isAbsolute, join, relative } from 'node:path'

export interface Files {
  /** Paths that must be seen wherever they lie: the program, the working folder, the cache of bundles. */
  readonly needs: readonly string[]
  /** Folders and files with secrets in them. */
  readonly hides: readonly string[]
  /** The user's own folder. */
  readonly home: string
  /** A file that stands in the place of /etc/hosts. */
  readonly hosts?: string
}

export interface Host {
  /** Undefined: there is no such path. */
  kindOf(path: string): 'file' | 'folder' | undefined
  realPath(path: string): string
}

/** Folders that are empty and the runner's own. */
const temporary = ['/tmp', '/var/tmp', '/run', '/dev/shm']

const isWithin = (path: string, folder: string): boolean => {
  const way = relative(folder, path)
  return way === '' || (!way.startsWith('..') && !isAbsolute(way))
}

/** Arguments of bwrap: all is read-only, temporary folders are its own, secrets are not there. */
export function bwrapFiles({ needs, hides, hosts }: Files, host: Host): string[] {
  const own = temporary.filter((path) => path !== '/dev/shm' && host.kindOf(path) === 'folder')
  const emptied = hides.filter((path) => host.kindOf(path) === 'folder')
  const covered = [...own, ...emptied]
  // Where names are looked up lies among what is emptied.
  const resolver = host.kindOf('/etc/resolv.conf') === undefined ? [] : [host.realPath('/etc/resolv.conf')]
  const seen = [...needs, ...resolver].filter(
    (path) => host.kindOf(path) !== undefined && covered.some((folder) => isWithin(path, folder)),
  )
  return [
    '--ro-bind',
    '/',
    '/',
    '--dev',
    '/dev',
    '--proc',
    '/proc',
    ...covered.flatMap((path) => ['--tmpfs', path]),
    ...seen.flatMap((path) => ['--ro-bind', path, path]),
    ...hides.filter((path) => host.kindOf(path) === 'file').flatMap((path) => ['--ro-bind', '/dev/null', path]),
    ...(hosts === undefined ? [] : ['--ro-bind', hosts, '/etc/hosts']),
  ]
}

/**
 * The same in mount's words, as far as it goes, for a shell within a mount namespace; `own`: the temporary folders that become the runner's. One
 * that something needed lies in stays as it is.
 */
export function mountScript({ needs, hides, home }: Files, host: Host): { script: string; own: readonly string[] } {
  const folders = temporary.filter((path) => path !== '/run' && host.kindOf(path) === 'folder')
  const own = folders.filter((folder) => !needs.some((path) => isWithin(path, folder)))
  const emptied = hides.filter((path) => host.kindOf(path) === 'folder' && !needs.some((need) => isWithin(need, path)))
  const lines = [
    ...(host.kindOf(home) === 'folder'
      ? [`mount --bind ${quoted(home)} ${quoted(home)}`, `mount -o remount,bind,ro ${quoted(home)}`]
      : []),
    ...[...own, ...emptied].map((path) => `mount -t tmpfs -o mode=1777 tmpfs ${quoted(path)}`),
    ...hides.filter((path) => host.kindOf(path) === 'file').map((path) => `mount --bind /dev/null ${quoted(path)}`),
  ]
  return { script: lines.join(' && '), own }
}

/** As one word of a shell's. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Folders and files of a user's in which secrets are kept. */
export function secretsOf(home: string, configuration: string, workingFolder: string): string[] {
  return [
    join(configuration, 'maggy'),
    ...['.ssh', '.gnupg', '.aws', '.kube', '.docker', '.netrc', '.npmrc'].map((name) => join(home, name)),
    join(workingFolder, '.maggy'),
  ]
}
