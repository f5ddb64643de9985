/**
 * Keeps user code from the rest of the host, as far as the host lets us: without new privileges, among processes of its own, with read-only
 * files, a temporary folder of its own, no network but the bus, and limits of memory and processes. What cannot be done is said.
 */
import { existsSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { bwrapFiles, mountScript, quoted, secretsOf, type Files, type Host } from './files.ts'
import { findLimits, type Bounds } from './limits.ts'
import { planNetwork, serveBus, type BusGate } from './network.ts'
import { dropRights, findTool, unshareFlags, type Tool } from './tool.ts'

/** One thing that confinement is made of. */
export interface Measure {
  readonly what: string
  readonly done: boolean
  /** By what, or why not. */
  readonly how: string
}

export interface ConfinementOptions {
  /** The bus's address, as the worker has it. */
  readonly server: string
  /** The bus is spoken to by TLS, whatever the address says. */
  readonly tls: boolean
  /** `open`: the network is left as it is. */
  readonly network: 'bus' | 'open'
  readonly bounds: Bounds
  /** Paths that runners read. */
  readonly needs: readonly string[]
  /** Files with secrets in them, beside those that are known. */
  readonly hides: readonly string[]
  /** Where commands are looked for. Default: PATH. */
  readonly path?: string
}

export interface Confinement {
  readonly measures: readonly Measure[]
  /** The address that runners find the bus at. */
  readonly server: string
  /** A runner opens these before it finds the bus at `server`. */
  readonly gates: readonly BusGate[]
  /** The words that run a command within. */
  wrap(command: readonly string[], runner: number): readonly string[]
  close(): void
}

const host: Host = {
  kindOf: (path) => {
    const stat = statSync(path, { throwIfNoEntry: false })
    return stat === undefined ? undefined : stat.isDirectory() ? 'folder' : 'file'
  },
  realPath: (path) => realpathSync(path),
}

/** Resolves once runners can be started in it. */
export async function confine(options: ConfinementOptions): Promise<Confinement> {
  const { path = process.env['PATH'] ?? '' } = options
  const tool = findTool(path)
  const limits = findLimits(options.bounds, path)
  const folder = mkdtempSync(join(tmpdir(), 'maggy-confined-'))
  const home = homedir()
  const configuration = process.env['XDG_CONFIG_HOME'] || join(home, '.config')
  const hides = [...secretsOf(home, configuration, process.cwd()), ...options.hides]
  const network = options.network === 'open' ? 'it was left open (--isolate open)' : networkFor(tool, options)
  let files: Files = { needs: [...options.needs, process.cwd(), process.execPath], hides, home }
  let served: { readonly gates: readonly BusGate[]; close(): void } = { gates: [], close: () => undefined }
  if (typeof network !== 'string') {
    const hosts = join(folder, 'hosts')
    const known = existsSync('/etc/hosts') ? '/etc/hosts' : undefined
    writeFileSync(hosts, network.hosts(known))
    files = { ...files, needs: [...files.needs, folder], hosts }
    served = await serveBus(network.targets, folder)
  }
  const within = wrapper(tool, files, typeof network !== 'string')
  const by = tool.kind === 'none' ? tool.reasons.join('; ') : tool.kind
  const measure = (what: string, done: boolean, how = by): Measure => ({ what, done, how })
  const limit = limits.kind === 'limited' ? limits.how : limits.reason
  return {
    measures: [
      measure('no new privileges', tool.kind !== 'none'),
      measure('no sight of other processes', tool.kind !== 'none'),
      measure(tool.kind === 'unshare' ? 'a read-only home' : 'read-only files', tool.kind !== 'none'),
      measure('a temporary folder of its own', within.hasTemporary, within.hasTemporary ? by : within.temporaryReason),
      measure('no network but the bus', typeof network !== 'string', typeof network === 'string' ? network : by),
      measure('limits of memory and processes', limits.kind === 'limited', limit),
    ],
    server: typeof network === 'string' ? options.server : network.server,
    gates: served.gates,
    wrap: (command, runner) => [...(limits.kind === 'limited' ? limits.enter(runner) : []), ...within.wrap(command)],
    close: () => {
      served.close()
      if (limits.kind === 'limited') limits.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function networkFor(tool: Tool, { server, tls }: ConfinementOptions) {
  if (tool.kind !== 'bwrap') return `only bwrap can do it: ${tool.reasons.join('; ')}`
  return planNetwork(server, tls)
}

interface Wrapper {
  readonly hasTemporary: boolean
  readonly temporaryReason: string
  wrap(command: readonly string[]): readonly string[]
}

const bwrapNamespaces =
  '--unshare-pid --unshare-ipc --unshare-uts --die-with-parent --cap-drop ALL --setenv TMPDIR /tmp'.split(' ')

function wrapper(tool: Tool, files: Files, withoutNetwork: boolean): Wrapper {
  const cwd = process.cwd()
  if (tool.kind === 'bwrap') {
    const words = [
      'bwrap',
      ...bwrapFiles(files, host),
      ...bwrapNamespaces,
      ...(withoutNetwork ? ['--unshare-net'] : []),
      '--chdir',
      cwd,
      '--',
    ]
    return { hasTemporary: true, temporaryReason: '', wrap: (command) => [...words, ...command] }
  }
  if (tool.kind === 'unshare') {
    const { script, own } = mountScript(files, host)
    // The shell stays, as the first process of the namespace: that one cannot end itself by a signal, and a runner must be able to.
    const end = `cd ${quoted(cwd)} && { setpriv ${dropRights.join(' ')} -- "$@"; exit $?; }`
    // It ends with the worker, and all within ends with it.
    const words = [
      'setpriv',
      '--pdeathsig',
      'KILL',
      '--',
      'unshare',
      ...unshareFlags(),
      '--',
      '/bin/sh',
      '-c',
      `${script} && ${end}`,
      'sh',
    ]
    const hasTemporary = own.includes('/tmp')
    const temporaryReason = 'what runners need lies in /tmp'
    return { hasTemporary, temporaryReason, wrap: (command) => [...words, ...command] }
  }
  return { hasTemporary: false, temporaryReason: tool.reasons.join('; '), wrap: (command) => command }
}

/** For people, on one line each. */
export function describeMeasure({ what, how }: Measure): string {
  return `${what} (${how})`
}
