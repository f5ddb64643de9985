/**
 * Helm, if it can be had: the one of this machine, or one that `npm run test:deploy` has built here before. Building it takes Go, and two
 * minutes of a processor: it is done only where it is asked for.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../src/actor/index.ts'

const run = promisify(execFile)
const version = 'v3.22.0'
const built = join(packageRoot(), '.maggy', 'go', `helm-${version}`)

const onPath = (name: string, ...more: readonly string[]): string | undefined =>
  [...(process.env['PATH'] ?? '').split(delimiter), ...more].map((place) => join(place, name)).find(existsSync)

export type Helm = { readonly command: string } | { readonly missing: string }

/** `MAGGY_BUILD_HELM=1` builds it. */
export async function findHelm(): Promise<Helm> {
  const command = onPath('helm', built)
  if (command !== undefined) return { command }
  if (process.env['MAGGY_BUILD_HELM'] !== '1') return { missing: 'helm is not here: `npm run test:deploy` builds it' }
  const go = onPath('go', '/usr/local/go/bin')
  if (go === undefined) return { missing: 'neither helm nor Go is here' }
  await mkdir(built, { recursive: true })
  const env = { ...process.env, GOBIN: built, GOFLAGS: '-mod=mod' }
  await run(go, ['install', `helm.sh/helm/v3/cmd/helm@${version}`], { env, maxBuffer: 2 ** 26 })
  return { command: join(built, 'helm') }
}
