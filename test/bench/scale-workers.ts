/**
 * A process with many workers in it: each is the real worker's code on a connection of its own, with runners that compute nothing. A trial
 * takes the time that its hparams say, in ms, on average: `x` is in [0, 1), and spreads it, so that not all end together. One that is told
 * to stop is done.
 */
import { createHash } from 'node:crypto'
import { createWorker } from '../../actors/worker/worker.ts'
import { bundlePart } from '../../actors/worker/store.ts'
import type { SpawnRunner } from '../../actors/worker/runner-process.ts'
import { attemptKey, runnerBeat } from '../../protocol/index.ts'
import { every, systemClock } from '../../src/actor/index.ts'
import { connectNats, tell as tellOnBus, type Bus } from '../../src/bus/index.ts'

/** What the process tells its parent. */
export type Told =
  | { readonly type: 'present'; readonly worker: string }
  | { readonly type: 'loaded'; readonly worker: string; readonly bytes: number }
  | { readonly type: 'notice'; readonly worker: string; readonly text: string }

const [server = '', first = '0', count = '1'] = process.argv.slice(2)
const tell = (told: Told): void => void process.send?.(told)
process.on('disconnect', () => process.exit(0))

const spawnNothing: SpawnRunner = (_, hears) => {
  let stop: () => void = () => undefined
  setImmediate(() => {
    hears.message({ type: 'ready', backend: 'none', versions: {} })
  })
  return {
    pid: 0,
    send: (message) => {
      if (message.type === 'stop') stop()
      if (message.type !== 'begin') return
      const { attempt, hparams } = message.assignment
      const key = attemptKey(attempt)
      const startedAt = Date.now()
      const end = (): void => {
        stop = () => undefined
        const outcome = { kind: 'done' as const, metrics: { value: Number(hparams['x']) } }
        const rest = { points: 0, rssBytes: 0, last: false, checkpoint: false }
        hears.message({ type: 'ended', key, outcome, startedAt, endedAt: Date.now(), ...rest })
      }
      setImmediate(() => {
        hears.message({ type: 'started', key, at: startedAt })
        const ms = Number(hparams['ms']) * (0.2 + 1.6 * Number(hparams['x']))
        if (ms === 0) return end()
        const timer = setTimeout(end, ms)
        // Not at once: a process says nothing before it has heard.
        stop = () => {
          clearTimeout(timer)
          setImmediate(end)
        }
      })
    },
    kill: () => {
      hears.exit('killed')
    },
  }
}

/** Reads the code as every worker does, and keeps none of it: a thousand copies have no place in one host's memory. */
async function read(bus: Bus, worker: string, sha256: string): Promise<string> {
  const hash = createHash('sha256')
  let read = 0
  for (;;) {
    const { bytes, data } = await bundlePart({ bus, clock: systemClock, worker }, sha256, read)
    hash.update(data)
    read += data.length
    if (read >= bytes || data.length === 0) break
  }
  if (hash.digest('hex') !== sha256) throw new Error('what came is another bundle')
  tell({ type: 'loaded', worker, bytes: read })
  return 'nowhere'
}

async function start(worker: string): Promise<void> {
  const bus = await connectNats({ server, name: worker })
  const loaded = new Map<string, Promise<string>>()
  const created = createWorker({
    bus,
    clock: systemClock,
    info: {
      worker,
      host: 'bench',
      pid: process.pid,
      slots: 1,
      labels: {},
      cores: 1,
      memoryBytes: 1,
      versions: {},
      startedAt: Date.now(),
      can: ['bundle'],
      ahead: 16,
    },
    cache: {
      fetch: (_, sha256) => {
        const reading = loaded.get(sha256) ?? read(bus, worker, sha256)
        loaded.set(sha256, reading)
        reading.catch(() => loaded.delete(sha256))
        return reading
      },
      keep: () => Promise.resolve('nowhere'),
    },
    spawn: spawnNothing,
    maxTrialsPerRunner: Number.MAX_SAFE_INTEGER,
    maxRssBytes: Number.MAX_SAFE_INTEGER,
    notice: false,
    drainTimeoutMs: null,
    onNotice: (text, details) => {
      tell({ type: 'notice', worker, text: `${text} ${JSON.stringify(details ?? {})}` })
    },
  })
  // A runner that gave no sign of life would be replaced. The real one has a connection of its own for it, and beats each second.
  every(systemClock, 5_000, () => void tellOnBus(bus, runnerBeat, { worker, runner: '0' }, { pid: 0, attempt: null }))
  await created.present
  tell({ type: 'present', worker })
}

// A few at a time: each shows the server its name.
const names = Array.from({ length: Number(count) }, (_, index) => `w${Number(first) + index}`)
const next = names[Symbol.iterator]()
await Promise.all(
  Array.from({ length: 8 }, async () => {
    for (const name of next) await start(name)
  }),
)
