/**
 * An embedded bus and the actors beside it: a nats-server on loopback at a random port with a token, a driver, workers, and an
 * optimizer or an ablator, as child processes of this one.
 * I1 None outlives this process, however it ends: the server watches a pipe and the actors a channel that ends with it.
 * I2 What ends unasked is started again; what keeps ending makes the fleet fail.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { spawnActor, type Child } from '../actor/index.ts'
import type { ContextOf } from '../experiment/index.ts'
import { startServer, type RunningServer } from '../server/index.ts'
import { keep } from './keep.ts'

/** The actors that say what trials are run. */
export type SuggesterName = 'optimizer' | 'ablator'

/** Which of them an experiment in this context needs. */
export function suggesterFor({ kind }: Pick<ContextOf, 'kind'>): SuggesterName {
  return kind === 'ablation' ? 'ablator' : 'optimizer'
}

export interface Fleet {
  /** For connecting, with the token in it. */
  readonly url: string
  readonly failed: Promise<never>
  /**
   * Starts a driver and these if there are none, and as many workers as are missing. Resolves once the driver is ready. `trust`: a file
   * of keys for the workers that it starts.
   */
  wants(workers: number, suggesters: readonly SuggesterName[], trust?: string): Promise<void>
  /**
   * `again` is called whenever a driver is ready in the place of one that ended: it owns nothing until it is told (it takes up nothing
   * by itself, for the folder may hold what others left there). Returns the way to stop listening.
   */
  readonly onDriver: (again: () => void) => () => void
  /** Called with what people should know of the server: that the disk is full, that it was started again. */
  readonly onNotice: (say: (text: string) => void) => () => void
  stop(): Promise<void>
}

const stopGraceMs = 5_000

/** Starts the server. Rejects with BUS_BUSY if another process holds the folder, or with SETUP_FAILED. */
export async function startFleet(folder: string): Promise<Fleet> {
  const data = join(folder, 'server')
  const hearers = new Set<(text: string) => void>()
  const onNotice = (text: string): void => {
    for (const say of hearers) say(text)
  }
  let server = await startServer({ port: 0, data, onNotice })
  const { url, port, token, tokenFile } = server
  const stopping = new AbortController()
  const kept: Promise<void>[] = []
  const children = new Set<Child>()
  let workers = 0
  let driver: Promise<void> | undefined
  const followers = new Set<() => void>()
  const started = new Set<SuggesterName>()
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {}) // whoever races with it hears of it; with nobody there it is no crash

  const startAgain = async (): Promise<RunningServer> =>
    (server = await startServer({ port, data, onNotice, ...(token === undefined ? {} : { token }) }))
  const keepServer = () =>
    keep(
      'server',
      async (first) => {
        const running = first ? server : await startAgain()
        const { code, signal, lastLines } = await running.ended
        return `it ended (${signal ?? code}) ${lastLines}`
      },
      stopping.signal,
    )

  const keepActor = (name: string, args: readonly string[], onReady: () => void = () => {}) =>
    keep(
      name,
      async () => {
        // Neither their arguments nor their environment hold the token. The server is their parent's own.
        const env = { MAGGY_KNOWN_SERVERS: '' }
        const shown = tokenFile === undefined ? [] : ['--token-file', tokenFile]
        const address = `nats://127.0.0.1:${port}`
        const options = ['--server', address, '--log-level', 'warn', ...shown, ...args]
        const child = await spawnActor(name, options, { env, ownGroup: true, signal: stopping.signal })
        children.add(child)
        onReady()
        if (stopping.signal.aborted) await child.stop(stopGraceMs)
        const { code, signal } = await child.exited
        children.delete(child)
        return `it ended (${signal ?? code}) ${child.stderrTail().trimEnd().slice(-1000)}`
      },
      stopping.signal,
    )

  const watch = (work: Promise<void>) => kept.push(work.catch((error: unknown) => fail(error)))
  watch(keepServer())

  return {
    url,
    failed,
    async wants(wanted, suggesters, trust) {
      driver ??= new Promise<void>((resolve) => {
        const ready = () => {
          resolve()
          // Of the first there is nobody to hear: who follows an experiment has waited for it.
          for (const again of followers) again()
        }
        watch(keepActor('driver', ['--adopt', 'none'], ready))
      })
      for (const name of suggesters) {
        if (started.has(name)) continue
        started.add(name)
        watch(keepActor(name, []))
      }
      const threads = Math.max(1, Math.floor(availableParallelism() / Math.max(wanted, workers)))
      for (; workers < wanted; workers += 1) {
        const args = [
          ...(wanted > 1 ? ['--threads', String(threads)] : []),
          ...(trust === undefined ? [] : ['--trust', trust]),
        ]
        watch(keepActor('worker', args))
      }
      await Promise.race([driver, failed])
    },
    onDriver(again) {
      followers.add(again)
      return () => void followers.delete(again)
    },
    onNotice(say) {
      hearers.add(say)
      return () => void hearers.delete(say)
    },
    async stop() {
      stopping.abort()
      await Promise.all([...children].map((child) => child.stop(stopGraceMs)))
      await server.stop()
      await Promise.all(kept)
    },
  }
}
