/** The worker as an actor: its identity, its options, its real parts. */
import { createRequire } from 'node:module'
import { availableParallelism, hostname, totalmem } from 'node:os'
import { problem } from '../../protocol/index.ts'
import { readCredentials, type Access } from '../../src/access/index.ts'
import type { ActorDefinition } from '../../src/actor/index.ts'
import { createBundleCache, defaultCacheFolder, makeCacheFolder } from '../../src/bundle/index.ts'
import { createGate, followTrust, readTrust } from '../../src/signing/index.ts'
import { confinementFor } from './confinement.ts'
import { workerOptions, type WorkerArguments } from './options.ts'
import type { RunnerAccess } from './runner-messages.ts'
import { createSpawn } from './runner-process.ts'
import { createWorker } from './worker.ts'

export const workerActor: ActorDefinition<WorkerArguments> = {
  name: 'worker',
  description: 'offers slots in which trials run',
  roles: ['worker'],
  options: workerOptions,
  start: async ({ bus, clock, logger, id, onDropped, access }, options) => {
    const { slots, labels, threads, maxMemory, memory, gpus, cache = defaultCacheFolder(), server } = options
    // Told now, and not by each trial.
    await makeCacheFolder(cache)
    const trust = options.trust === undefined ? undefined : new Map(await readTrust(options.trust))
    if (trust !== undefined) logger.info({ trusts: [...trust.values()] }, 'runs signed code only')
    const maxRssBytes = maxMemory === undefined ? ((memory ?? totalmem()) * 0.75) / slots : maxMemory * 2 ** 20
    const confinement = await confinementFor(options, { maxRssBytes, tls: access.tls !== undefined }, logger)
    const { version } = createRequire(import.meta.url)('maggy/package.json') as { version: string }
    const worker = createWorker({
      bus,
      clock,
      info: {
        worker: id,
        host: hostname(),
        pid: process.pid,
        slots,
        labels: { ...labels },
        cores: availableParallelism(),
        memoryBytes: memory ?? totalmem(),
        ...(gpus === undefined ? {} : { gpus }),
        versions: { maggy: version, node: process.versions.node },
        startedAt: clock.now(),
        can: ['bundle', 'ablated', 'ring', 'resumeFrom', 'artifacts'],
        ahead: aheadOf(slots),
      },
      ...(trust === undefined ? {} : { trust, gate: createGate(id, trust) }),
      cache: createBundleCache({ folder: cache }),
      spawn: createSpawn(() => ({ server, access: accessOfRunners(access), worker: id }), {
        ...(threads === undefined ? {} : { threads }),
        memory: { bytes: Math.floor((memory ?? totalmem()) / slots), isLimit: memory !== undefined },
        confinement,
      }),
      runnersAtOnce: availableParallelism(),
      maxTrialsPerRunner: options.maxTrialsPerRunner,
      maxRssBytes,
      notice: options.notice !== undefined,
      drainTimeoutMs: drainTimeoutIn(options),
      onDropped,
      onNotice: (text, details) => {
        logger.warn(details ?? {}, text)
      },
    })
    const file = options.trust
    const stopFollowing =
      file === undefined || trust === undefined
        ? undefined
        : followTrust(file, trust, {
            clock,
            onChange: (reason) => {
              if (reason === undefined) logger.info({ trusts: [...trust.values()] }, 'trusts other keys from now on')
              else logger.warn({ reason }, 'trusts nobody until its file of keys can be read again')
              worker.announceAgain()
            },
          })
    // Ready once it is announced: a runner that cannot start on this host is told before.
    const ready = Promise.race([worker.present, worker.ended])
    return {
      drain: worker.drain.bind(worker),
      measures: worker.measures.bind(worker),
      ended: worker.ended.finally(() => {
        stopFollowing?.()
        confinement?.close()
      }),
      ready,
    }
  },
}

/** The rest of a notice is for results and for a good-bye. */
const goodbyeSeconds = 5

function drainTimeoutIn({ drainTimeout, notice }: WorkerArguments): number | null {
  const given = notice === undefined ? Infinity : notice - Math.min(goodbyeSeconds, notice / 4)
  const seconds = Math.min(drainTimeout ?? Infinity, given)
  return seconds === Infinity ? null : seconds * 1000
}

/** Attempts that wait in each slot, so many that a beat, which names them all, stays small. */
const aheadOf = (slots: number): number => Math.max(1, Math.min(32, Math.floor(1024 / slots)))

/**
 * Credentials that runners show to the server. User code can get at them, so they are the pair that a worker holds for runners: it may speak of
 * metrics, output and checkpoints and take part in rings, and neither end a trial nor hear what drivers ask of the worker. A file that was
 * renewed counts from the next runner on.
 */
function accessOfRunners({ token, tls, user, identity, credentials }: Access): RunnerAccess {
  const secret = typeof token === 'function' ? token() : token
  const common = { ...(secret === undefined ? {} : { token: secret }), ...(tls === undefined ? {} : { tls }) }
  if (credentials === undefined) return { ...common, ...(user === undefined ? {} : { user: user() }) }
  const { file } = credentials
  const { runner } = readCredentials(file)
  if (runner === undefined)
    throw problem('CREDENTIALS_INVALID', { file, reason: 'they hold nothing for the runners of the worker' })
  return {
    ...common,
    user: runner,
    ...(identity === undefined ? {} : { identity: { role: 'runner', name: identity.name } }),
  }
}
