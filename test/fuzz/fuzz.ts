/**
 * A real server with real actors, hostile messages on every subject, and experiments beside: nobody may end, stand still or grow, and
 * the experiments must come out right.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  codeOf,
  driverPing,
  judge,
  lease,
  observe,
  open,
  ping,
  subjectFor,
  suggest,
  announce,
} from '../../protocol/index.ts'
import { every, packageRoot, systemClock, type Child } from '../../src/actor/index.ts'
import { ask, connectNats, tell, type Bus } from '../../src/bus/index.ts'
import { followExperiment } from '../../src/client/index.ts'
import { optimization, type ContextOf } from '../../src/experiment/index.ts'
import { createRandom, type Random } from '../../src/random/index.ts'
import { space } from '../../src/space/index.ts'
import type { Result } from '../../src/store/index.ts'
import { startSystem, type System } from '../support/system.ts'
import { hostileMessage } from './messages.ts'

export interface FuzzOptions {
  readonly seed: number
  /** It ends once so much time is over, and so many messages are sent, and so many experiments are over. */
  readonly ms: number
  readonly messages: number
  readonly experiments: number
  /** Bytes of a message. Default: as many as the server takes. */
  readonly mostBytes?: number
  readonly say: (line: string) => void
}

export interface FuzzReport {
  readonly sent: number
  readonly bytes: number
  /** Experiments that came out right. */
  readonly right: number
  /** What is wrong with the others. */
  readonly wrong: readonly string[]
  /** Actors that ended. */
  readonly exits: readonly string[]
  /** What their logs say that is a fault of ours. */
  readonly faults: readonly string[]
  /** The longest that an actor took to answer, in ms. */
  readonly stalls: Readonly<Record<string, number>>
  /** Resident memory in MiB: after the first third, and at the end. */
  readonly memory: Readonly<Record<string, readonly [number, number]>>
}

const module = join(packageRoot(), 'test/system/modules/bowl.ts')
const trials = 6
/** Messages that are sent in one turn. */
const burst = 8

export async function fuzz({ seed, ms, messages, experiments, mostBytes, say }: FuzzOptions): Promise<FuzzReport> {
  const system = await startSystem()
  const hostile = await connectNats({ server: system.server.url, name: 'hostile' })
  const random = createRandom(seed, 'fuzz')
  try {
    const actors = await startActors(system)
    const exits: string[] = []
    for (const [name, { exited }] of actors)
      void exited.then(({ code, signal }) => exits.push(`${name} (${signal ?? code})`))
    const faults = faultsOf(actors)
    const stalls = watchStalls(system, actors)
    const stopLiars = lie(hostile, random)
    const began = systemClock.elapsed()
    const running: string[] = []
    const over = { now: false }
    const beside = runBeside(system, random, running, over)
    const present = () => ({
      workers: [actors.get('worker')?.id ?? ''],
      drivers: [actors.get('driver')?.id ?? ''],
      experiments: running.slice(-3),
    })
    const early = new Map<string, number>()
    let sent = 0
    let bytes = 0
    let told = 0
    const enough = () =>
      systemClock.elapsed() - began >= ms && sent >= messages && beside.right() + beside.wrong.length >= experiments
    while (!enough() && exits.length === 0) {
      for (let left = burst; left > 0; left -= 1) {
        const { subject, data, asks } = hostileMessage(random, present(), mostBytes ?? hostile.maxPayload)
        sent += 1
        bytes += data.length
        if (asks) hostile.request(subject, data, { timeoutMs: 500 }).catch(() => undefined)
        else hostile.publish(subject, data)
      }
      await hostile.flush()
      const gone = systemClock.elapsed() - began
      if (early.size === 0 && gone >= ms / 3) for (const [name, { pid }] of actors) early.set(name, residentMiB(pid))
      if (gone - told < 10_000) continue
      told = gone
      say(
        `${Math.round(gone / 1000)} s: ${sent} messages, ${Math.round(bytes / 2 ** 20)} MiB, ${beside.right()} experiments`,
      )
    }
    const memory = Object.fromEntries(
      [...actors].map(([name, { pid }]) => [name, [early.get(name) ?? 0, residentMiB(pid)] as const]),
    )
    over.now = true
    // The last experiment may be one that asks a liar.
    await beside.ended
    stopLiars()
    const worst = stalls.stop()
    const gone = [...exits]
    return { sent, bytes, right: beside.right(), wrong: beside.wrong, exits: gone, faults, stalls: worst, memory }
  } finally {
    await hostile.close()
    await system.stop()
  }
}

async function startActors(system: System): Promise<Map<string, Child>> {
  const actors = new Map<string, Child>()
  for (const name of ['driver', 'optimizer', 'ablator'] as const) actors.set(name, await system.actor(name))
  const [worker] = await system.workers(1, '--slots', '2')
  if (worker !== undefined) actors.set('worker', worker)
  return actors
}

/** Lines of their logs that tell of a handler that threw what has no code. */
function faultsOf(actors: ReadonlyMap<string, Child>): string[] {
  const faults: string[] = []
  for (const [name, { process: child }] of actors) {
    let rest = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (/"code":"INTERNAL"|[Uu]nhandled|[Uu]ncaught/.test(line)) faults.push(`${name}: ${line.slice(0, 1000)}`)
      }
    })
  }
  return faults
}

/** Asks each actor again and again, and remembers the longest that one took. */
function watchStalls(system: System, actors: ReadonlyMap<string, Child>): { stop(): Record<string, number> } {
  const worst: Record<string, number> = {}
  const { bus } = system
  const idOf = (name: string) => actors.get(name)?.id ?? ''
  const nothing = { experiment: 'ghost', observations: [], closed: false }
  const questions: Readonly<Record<string, () => Promise<unknown>>> = {
    driver: () => ask(bus, driverPing, { driver: idOf('driver') }, {}, { timeoutMs: 30_000 }),
    worker: () => ask(bus, ping, { worker: idOf('worker') }, {}, { timeoutMs: 30_000 }),
    optimizer: () =>
      ask(bus, observe, { optimizer: 'random', instance: idOf('optimizer') }, nothing, { timeoutMs: 30_000 }),
  }
  const busy = new Set<string>()
  // This process makes megabytes of messages, and is late itself: that is nobody else's fault.
  let lateMs = 0
  let ticked = systemClock.elapsed()
  const stopTicking = every(systemClock, 5, () => {
    lateMs += Math.max(0, systemClock.elapsed() - ticked - 10)
    ticked = systemClock.elapsed()
  })
  const stop = every(systemClock, 100, () => {
    for (const [name, question] of Object.entries(questions)) {
      if (busy.has(name)) continue
      busy.add(name)
      const began = systemClock.elapsed() - lateMs
      question()
        .catch((error: unknown) => {
          if (codeOf(error) === undefined) throw error
        })
        .finally(() => {
          busy.delete(name)
          worst[name] = Math.max(worst[name] ?? 0, Math.round(systemClock.elapsed() - lateMs - began))
        })
    }
  })
  return {
    stop() {
      stop()
      stopTicking()
      return worst
    },
  }
}

/** Peers that answer what is none: a worker that offers slots, an optimizer and a pruner. */
function lie(bus: Bus, random: Random): () => void {
  const rubbish = (): Uint8Array => {
    const size = 1 + random.integer(200)
    return Uint8Array.from({ length: size }, () => random.integer(256))
  }
  const worker = 'ghost-liar'
  const subjects = [
    subjectFor(open, { optimizer: 'liar' }),
    subjectFor(suggest, { optimizer: 'liar', instance: '*' }),
    subjectFor(judge, { pruner: 'liar' }),
    subjectFor(lease, { worker }),
    subjectFor(ping, { worker }),
  ]
  const subscriptions = subjects.map((subject) => bus.subscribe(subject, (delivery) => delivery.respond(rubbish())))
  const { info, status } = announce.example.payload
  const slots = [{ slot: 0, driver: null, running: null, next: null }]
  const stop = every(systemClock, 1000, () => {
    tell(bus, announce, { worker }, { info: { ...info, worker }, status: { ...status, slots } })
  })
  return () => {
    stop()
    for (const subscription of subscriptions) subscription.unsubscribe()
  }
}

/** Experiments one after the other, among them such as ask liars. */
function runBeside(system: System, random: Random, running: string[], over: { now: boolean }) {
  const wrong: string[] = []
  let right = 0
  const one = async (number: number): Promise<void> => {
    const id = `beside-${number}`
    const kind = number % 4
    const context = contextOf(kind === 3 ? 'liar' : 'random', kind === 2, number)
    await system.submit(module, context, id)
    // From here on hostile messages name it: before, one of them could be the submission that is accepted under this id.
    running.push(id)
    const fault = faultIn(await followExperiment(system.bus, id), kind === 3)
    if (fault === undefined) right += 1
    else wrong.push(`${id}: ${fault}`)
  }
  const ended = (async () => {
    for (let number = random.integer(4); !over.now; number += 1) await one(number)
  })()
  return { ended, wrong, right: () => right }
}

function contextOf(optimizer: string, judged: boolean, seed: number): ContextOf {
  return optimization({
    optimizer,
    space: { x: space.double(-1, 1), k: space.categorical(['a', 'b']) },
    trials,
    metric: 'loss',
    direction: 'minimize',
    seed,
    ...(judged ? { pruner: { name: 'liar', served: true } } : {}),
  })
}

/** Each trial is what its hparams make of it, whoever computed it. */
function faultIn(result: Result, liar: boolean): string | undefined {
  if (liar) {
    const code = result.problem?.code
    return code === 'OPTIMIZER_MISBEHAVED' ? undefined : `${result.state} with ${code}, and not OPTIMIZER_MISBEHAVED`
  }
  if (result.state !== 'done' || result.counts.done !== trials)
    return `${result.state}: ${JSON.stringify(result.counts)}`
  for (const { trial, hparams, metrics } of result.trials) {
    const expected = (Number(hparams['x']) - 0.25) ** 2 + (hparams['k'] === 'b' ? 0 : 0.5)
    if (metrics['loss'] !== expected) return `trial ${trial} has ${metrics['loss']}, and not ${expected}`
  }
  return undefined
}

function residentMiB(pid: number): number {
  const [, kib = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kib) / 1024)
}
