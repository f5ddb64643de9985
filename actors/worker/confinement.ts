/** Confines a worker's trials, where its user asks for it. */
import { availableParallelism, totalmem } from 'node:os'
import { resolve } from 'node:path'
import type { AccessOptions } from '../../src/access/index.ts'
import { packageRoot, type Logger } from '../../src/actor/index.ts'
import { defaultCacheFolder } from '../../src/bundle/index.ts'
import { confine, describeMeasure, type Confinement } from '../../src/isolation/index.ts'
import type { WorkerArguments } from './options.ts'

/** Of a runner's memory beyond which it is ended, against that beyond which it is replaced. */
const headroom = 1.25
/** Processes and threads of a runner: tfjs has a few for each core. */
const processesOf = () => 1024 + 32 * availableParallelism()

/** The worker says at its start which parts are in force and which are not. */
export async function confinementFor(
  { isolate, server, cache, slots, creds, nkey, tokenFile, tlsKey }: WorkerArguments & AccessOptions,
  { maxRssBytes, tls }: { readonly maxRssBytes: number; readonly tls: boolean },
  logger: Logger,
): Promise<Confinement | undefined> {
  if (isolate === undefined || server === undefined) return undefined
  const confinement = await confine({
    server,
    tls,
    network: isolate,
    bounds: {
      memoryBytes: Math.min(Math.round(maxRssBytes * headroom), Math.round(totalmem() / slots)),
      processes: processesOf(),
    },
    needs: [packageRoot(), cache ?? defaultCacheFolder()],
    hides: [creds, nkey, tokenFile, tlsKey].filter((path) => path !== undefined).map((path) => resolve(path)),
  })
  const { measures } = confinement
  const done = measures.filter(({ done: isDone }) => isDone)
  if (done.length > 0) logger.info(`trials are confined: ${done.map(describeMeasure).join(', ')}`)
  for (const measure of measures) {
    if (!measure.done) logger.warn(`trials are confined in part; missing: ${describeMeasure(measure)}`)
  }
  return confinement
}
