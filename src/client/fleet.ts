/**
 * An embedded bus and the actors beside it: a nats-server on loopback at a random port with a token, a driver, workers, and an
 * optimizer or an ablator, as child processes of this one.
 * I1 None outlives this process, however it ends: the server watches a pipe and the actors a channel that ends with it.
 * I2 What ends unasked is started again; what keeps ending makes the fleet fail.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { describe, problem } from '../../protocol/index.ts'
import { spawnActor, systemClock, type Child } from '../actor/index.ts'
import type { ContextOf } from '../experiment/index.ts'
import { startServer, type RunningServer } from '../server/index.ts'
import { pause } from './submit.ts'

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
  /** Starts a driver and these if there are none, and as many workers as are missing. Resolves once the driver is ready. */
  wants(workers: number, suggesters: readonly SuggesterName[]): Promise<void>
  stop(): Promise<void>
}

const restartMs = 500
const windowMs = 60_000
const maximumEnds = 4
const stopGraceMs = 5_000

/** Starts the server. Rejects with BUS_BUSY if another process holds the folder, or with SETUP_FAILED. */
export async function startFleet(folder: string): Promise<Fleet> {
  const data = join(folder, 'server')
  let server = await startServer({ port: 0, data })
  const { url, port, token } = server
  const stopping = new AbortController()
  const kept: Promise<void>[] = []
  const children = new Set<Child>()
  let workers = 0
  let driver: Promise<void> | undefined
  const started = new Set<SuggesterName>()
  let fail: (error: unknown) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {}) // whoever races with it hears of it; with nobody there it is no crash

  const startAgain = async (): Promise<RunningServer> =>
    (server = await startServer({ port, data, ...(token === undefined ? {} : { token }) }))
  const keepServer = () =>
    keep('server', async (first) => {
      const running = first ? server : await startAgain()
      const { code, signal, lastLines } = await running.ended
      return `it ended (${signal ?? code}) ${lastLines}`
    })

  const keepActor = (name: string, args: readonly string[], onReady: () => void = () => {}) =>
    keep(name, async () => {
      const env = token === undefined ? {} : { MAGGY_TOKEN: token }
      const address = `nats://127.0.0.1:${port}`
      const options = ['--server', address, '--log-level', 'warn', ...args]
      const child = await spawnActor(name, options, { env, ownGroup: true })
      children.add(child)
      onReady()
      if (stopping.signal.aborted) await child.stop(stopGraceMs)
      const { code, signal } = await child.exited
      children.delete(child)
      return `it ended (${signal ?? code}) ${child.stderrTail().trimEnd().slice(-1000)}`
    })

  /** I2. The first start decides: what cannot be started at all fails with its own words. */
  async function keep(actor: string, live: (first: boolean) => Promise<string>): Promise<void> {
    const ends: number[] = []
    for (let first = true; !stopping.signal.aborted; first = false) {
      let reason: string
      try {
        reason = await live(first)
      } catch (error) {
        if (first) throw error
        reason = describe(error)
      }
      if (stopping.signal.aborted) return
      const now = performance.now()
      ends.push(now)
      while (ends[0] !== undefined && ends[0] < now - windowMs) ends.shift()
      if (ends.length >= maximumEnds) throw problem('ACTOR_FAILED', { actor, times: ends.length, reason })
      await pause(restartMs, systemClock, stopping.signal).catch(() => {}) // stopped meanwhile: the loop ends
    }
  }

  const watch = (work: Promise<void>) => kept.push(work.catch((error: unknown) => fail(error)))
  watch(keepServer())

  return {
    url,
    failed,
    async wants(wanted, suggesters) {
      driver ??= new Promise<void>((resolve) => {
        watch(keepActor('driver', ['--adopt', 'none'], resolve))
      })
      for (const name of suggesters) {
        if (started.has(name)) continue
        started.add(name)
        watch(keepActor(name, []))
      }
      const threads = Math.max(1, Math.floor(availableParallelism() / Math.max(wanted, workers)))
      for (; workers < wanted; workers += 1) {
        watch(keepActor('worker', wanted > 1 ? ['--threads', String(threads)] : []))
      }
      await Promise.race([driver, failed])
    },
    async stop() {
      stopping.abort()
      await Promise.all([...children].map((child) => child.stop(stopGraceMs)))
      await server.stop()
      await Promise.all(kept)
    },
  }
}
