/** Members of a ring on one in-memory network: each trains in a thread, and has its ring here. A driver made by hand forms them. */
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
import { build } from 'esbuild'
import { systemClock } from '../../src/actor/index.ts'
import { answer, ask, createMemoryNetwork, type Bus } from '../../src/bus/index.ts'
import { createRingMemory, type RingLine } from '../../src/train/ring-link.ts'
import { passOf } from '../../src/ring/index.ts'
import { createRingMember, type RingMember } from '../../actors/worker/ring/index.ts'
import {
  formRing,
  joinRing,
  leaveRing,
  problem,
  startRing,
  suspectMember,
  type RingHolding,
  type RingMember as Seat,
  type RingPlan,
  type RingSettings,
} from '../../protocol/index.ts'
import type { TrainerReport, TrainerSetting } from './ring-trainer.ts'

export const settingsOf = (members: number, change: Partial<RingSettings> = {}): RingSettings => ({
  workers: { min: 1, max: members },
  waitMs: null,
  algorithm: 'ring',
  encoding: 'float32',
  chunkBytes: 4096,
  syncEvery: 1,
  accumulate: 1,
  checkpointEvery: null,
  shard: 'rank',
  learningRate: 'as-set',
  nonFinite: 'stop',
  ...change,
})

interface Joining {
  readonly slot: number
  readonly holding: RingHolding
  readonly step: number
  readonly chases: number
}

const ring = 'r'
const everyStep = 2 ** 31 - 1

interface Running<Report> {
  readonly end: () => Promise<void>
  readonly report: Promise<Report>
}

/** Threads that run one script. They answer a message with a report, one after the other, as a runner that is warm. */
export interface Threads<Setting, Report> {
  run(setting: Setting, transfer: MessagePort[]): Promise<Running<Report>>
}

/** `script`: beside this file. A thread does not read TypeScript: it is bundled. */
export function threadsOf<Setting, Report>(script: string): Threads<Setting, Report> {
  const { pathname, href } = new URL(script, import.meta.url)
  let code: Promise<string> | undefined
  /** Threads that wait for work: loading tfjs takes longer than most tests. */
  const idle: Worker[] = []

  async function bundled(): Promise<string> {
    const built = await build({
      entryPoints: [pathname],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'cjs',
      external: ['@tensorflow/*', 'esbuild'],
      alias: { maggy: new URL('../../src/index.ts', import.meta.url).pathname },
      define: { 'import.meta.url': JSON.stringify(href) },
      logLevel: 'error',
    })
    return built.outputFiles[0]?.text ?? ''
  }

  return {
    run: async (setting, transfer) => {
      code ??= bundled()
      const thread = idle.pop() ?? new Worker(await code, { eval: true, stderr: true })
      let busy = true
      const report = new Promise<Report>((resolve, reject) => {
        const ended = (): void => {
          reject(new Error('the trainer was ended'))
        }
        thread.once('message', (message: Report) => {
          // One that is being ended takes no more work.
          if (!busy) return
          busy = false
          thread.off('error', reject)
          thread.off('exit', ended)
          idle.push(thread)
          resolve(message)
        })
        thread.once('error', reject)
        thread.once('exit', ended)
        thread.postMessage(setting, transfer)
      })
      // Who is killed has no report.
      report.catch(() => undefined)
      const end = async (): Promise<void> => {
        if (!busy) return
        busy = false
        await thread.terminate()
      }
      return { end, report }
    },
  }
}

const trainers = threadsOf<TrainerSetting, TrainerReport>('./ring-trainer.ts')

type Work = Omit<TrainerSetting, 'ring' | 'pace'>

/** The same work in one process, without the system. */
export async function trainAlone(work: Work): Promise<TrainerReport> {
  return await (
    await trainers.run({ ...work, ring: null }, [])
  ).report
}

/** What a thread of a ring is given beside its work. */
export interface RingSetting {
  readonly settings: RingSettings
  readonly seat: number
  readonly line: RingLine
}

export interface Trainer<Report = TrainerReport> {
  readonly worker: string
  readonly report: Promise<Report>
  /** As kill -9: nothing is said. */
  kill(): Promise<void>
}

export interface RingOf<Given, Report> {
  start(seat: number, change?: Partial<Given>): Promise<Trainer<Report>>
  /** Newcomers that were sent ahead by themselves first. */
  readonly chased: readonly string[]
  /** The members of each generation so far. */
  readonly generations: readonly (readonly string[])[]
  readonly checkpoints: ReadonlyMap<string, Uint8Array>
  /** Steps that the furthest trainer has taken. */
  steps(): number
  /** Lets trainers take so many steps, counted from the first. At the beginning all are allowed. */
  allow(steps: number): void
  close(): Promise<void>
}

export type RingOfTrainers = RingOf<Work, TrainerReport>

/** `wrap` may spoil what a member's bus carries. */
export const ringOfTrainers = (
  work: Work,
  settings: RingSettings,
  wanted?: number,
  wrap?: (bus: Bus, worker: string) => Bus,
): RingOfTrainers => ringOf<Work, TrainerReport>(trainers, work, settings, wanted, wrap)

/** `threads` are given `work`, and their place in the ring as `ring`. */
export function ringOf<Given extends object, Report>(
  threads: Threads<object, Report>,
  work: Given,
  settings: RingSettings,
  wanted = settings.workers.max,
  wrap: (bus: Bus, worker: string) => Bus = (bus) => bus,
): RingOf<Given, Report> {
  const network = createMemoryNetwork()
  const driver = network.connect('driver')
  const generations: string[][] = []
  const chased: string[] = []
  const joined = new Map<string, Seat>()
  const gone = new Set<string>()
  const killed = new Set<string>()
  const started: Trainer<Report>[] = []
  const checkpoints = new Map<string, Uint8Array>()
  const pace = new Int32Array(new SharedArrayBuffer(8))
  pace[1] = everyStep
  let forming: Promise<void> | undefined

  const form = (): void => {
    forming ??= formNow().finally(() => {
      forming = undefined
    })
  }

  async function formNow(): Promise<void> {
    for (;;) {
      const members = [...joined.values()].sort(
        (a, b) => Number(fresh.get(a.worker)) - Number(fresh.get(b.worker)) || a.worker.localeCompare(b.worker),
      )
      // With none of the old ones left it begins anew, with as many as are wanted.
      if (members.length < wanted && members.every(({ worker }) => fresh.get(worker) === true)) return
      generations.push(members.map(({ worker }) => worker))
      const generation = generations.length
      const answers = await Promise.allSettled(
        members.map(async ({ worker }, rank) => {
          const plan: RingPlan = {
            generation,
            key: new Uint8Array(16).fill(generation),
            members,
            rank,
            algorithm: settings.algorithm,
            encoding: settings.encoding,
            chunkBytes: settings.chunkBytes,
            window: 3,
            timing: { hopMinMs: 50, hopMaxMs: 500, silentMs: 1_500, absentMs: 150 },
          }
          await ask(driver, formRing, { worker, ring, slot: '0' }, plan, { timeoutMs: 1_000 })
        }),
      )
      const lost = members.filter((_, rank) => answers[rank]?.status === 'rejected')
      for (const { worker } of lost) joined.delete(worker)
      if (lost.length > 0) continue
      await Promise.all(
        members.map(async ({ worker }) => {
          await ask(driver, startRing, { worker, ring, slot: '0' }, { generation }, { timeoutMs: 1_000 })
          fresh.set(worker, false)
        }),
      )
      return
    }
  }

  const fresh = new Map<string, boolean>()
  const heard = [
    answer(driver, joinRing, { worker: '*', ring }, ({ slot, holding, step, chases }: Joining, { worker }) => {
      const known = joined.has(worker)
      // A ring that is at work waits for nobody who is far behind.
      const ahead = Atomics.load(pace, 0) - 2
      const isAtWork = [...joined.keys()].some((one) => !killed.has(one))
      if (!known && isAtWork && generations.length > 0 && ahead - step > 5 && chases < 4) {
        chased.push(worker)
        const [member = ''] = [...joined.keys()].filter((one) => !killed.has(one) && !gone.has(one))
        const pass = passOf(new Uint8Array(16).fill(generations.length), { ring, worker })
        return { joined: joined.size, wanted, ahead: { step: ahead, member, pass } }
      }
      if (!known && !gone.has(worker)) {
        joined.set(worker, { worker, slot })
        fresh.set(worker, holding.fresh)
        if (joined.size >= wanted || generations.length > 0) form()
      }
      return { joined: joined.size, wanted, ahead: null }
    }),
    answer(driver, suspectMember, { worker: '*', ring }, ({ generation }, { worker }) => {
      if (!joined.has(worker)) throw problem('RING_STALE', { generation, ring, current: generations.length })
      if (generation === generations.length) form()
      return {}
    }),
    answer(driver, leaveRing, { worker: '*', ring }, ({ reason }, { worker }) => {
      joined.delete(worker)
      gone.add(worker)
      if (reason !== 'done') form()
      return {}
    }),
  ]

  return {
    chased,
    generations,
    checkpoints,
    steps: () => Atomics.load(pace, 0),
    allow: (steps) => {
      Atomics.store(pace, 1, Math.min(steps, everyStep))
      Atomics.notify(pace, 1)
    },
    start: async (seat, change = {}) => {
      const worker = `w${seat}`
      const bus: Bus = wrap(network.connect(worker), worker)
      const { port1, port2 } = new MessageChannel()
      const memory = createRingMemory()
      const member: RingMember = createRingMember({
        bus,
        clock: systemClock,
        worker,
        slot: 0,
        ring,
        seat,
        line: { port: port2, memory },
        checkpoints: {
          save: async (name, _generation, make) => void checkpoints.set(name, make()),
          keep: async (name, _, bytes) => void checkpoints.set(name, bytes),
          load: async (name) => checkpoints.get(name),
        },
      })
      const own: RingSetting = { settings, seat, line: { port: port1, memory } }
      const { end, report } = await threads.run({ ...work, ...change, pace, ring: own }, [port1])
      const trainer: Trainer<Report> = {
        worker,
        report,
        kill: async () => {
          killed.add(worker)
          member.close()
          await end()
          await bus.close()
        },
      }
      started.push(trainer)
      return trainer
    },
    close: async () => {
      for (const call of heard) call.unsubscribe()
      await Promise.all(started.map((trainer) => trainer.kill()))
      await driver.close()
    },
  }
}

/** The largest difference, relative to the larger of the two, or to 1e-3 of the largest weight. */
export function relativeDifference(a: readonly number[], b: readonly number[]): number {
  const floor = 1e-3 * Math.max(...a.map(Math.abs))
  return Math.max(
    ...a.map((value, at) => Math.abs(value - (b[at] ?? NaN)) / Math.max(Math.abs(value), Math.abs(b[at] ?? 0), floor)),
  )
}
