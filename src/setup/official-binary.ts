/** The binary that tfjs-node's own install step downloads. Its host is often blocked, so it is asked first. */
import { connect } from 'node:net'
import { join, delimiter } from 'node:path'
import { lastLines, runCommand } from './command.ts'
import { binFolders, readJson } from './package-places.ts'

export type OfficialOutcome = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly reason: string }

const answerMs = 4000
const installMs = 5 * 60_000

/** Whether the host of the official binary takes a connection. Behind a proxy only the install step itself can tell. */
export async function officialAnswers(root: string, environment: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  if (environment['HTTPS_PROXY'] || environment['https_proxy']) return true
  const { binary } = readJson(join(root, 'package.json')) as { binary: { host: string } }
  const url = new URL(environment['TFJS_NODE_CDN_STORAGE'] || environment['CDN_STORAGE'] || binary.host)
  const port = Number(url.port) || (url.protocol === 'http:' ? 80 : 443)
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname, port, timeout: answerMs })
    const settle = (answers: boolean) => {
      socket.destroy()
      resolve(answers)
    }
    socket.once('connect', () => settle(true))
    socket.once('timeout', () => settle(false))
    socket.once('error', () => settle(false))
  })
}

/** Runs the package's own install script as npm would. */
export async function installOfficial(root: string): Promise<OfficialOutcome> {
  const path = [...binFolders(root), process.env['PATH'] ?? ''].join(delimiter)
  const outcome = await runCommand(process.execPath, [join('scripts', 'install.js')], {
    cwd: root,
    environment: { PATH: path },
    timeoutMs: installMs,
  })
  if (outcome.kind === 'done') return { kind: 'done' }
  if (outcome.kind === 'absent') return { kind: 'failed', reason: 'Node cannot be started' }
  return { kind: 'failed', reason: lastLines(outcome.output, 1) || outcome.reason }
}
