/**
 * How fast gradients are reduced, by size, members, algorithm and encoding, with members as processes; beside it, in the same run, the rate
 * of NATS from one of the processes to another, and gloo (`--peer PYTHON`).
 */
import { execFile, fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { runnerFlags } from '../../actors/worker/runner-process.ts'
import type { RingAlgorithm, RingEncoding, RingPlan } from '../../protocol/index.ts'
import { packageRoot } from '../../src/actor/index.ts'
import { ringDefaults } from '../../src/ring/index.ts'
import { Authority, mainTenant } from '../../src/auth/index.ts'
import { startServer } from '../../src/server/index.ts'
import { freePort } from '../support/server.ts'
import type { Order, Report as Told } from './allreduce-member.ts'
import type { Report } from './main.ts'
import { median, round } from './statistics.ts'

const sizes = [0.4, 4, 9.5, 40]
const algorithms: readonly RingAlgorithm[] = ['ring', 'direct']
const encodingNames: readonly RingEncoding[] = ['float32', 'bfloat16', 'int8']
const chunkBytes = Number(process.env['BENCH_CHUNK_BYTES'] ?? ringDefaults.chunkBytes)
const window = Number(process.env['BENCH_WINDOW'] ?? ringDefaults.window)

const passes = 3
/** Rounds of a new ring that do not count: its buffers are touched for the first time, and make V8 collect what was there before. */
const warmUp = 6

interface Member {
  order(order: Order): void
  next(): Promise<Told>
  end(): Promise<void>
}

async function startMember(server: string, name: string, creds?: string): Promise<Member> {
  const file = fileURLToPath(new URL('./allreduce-member.js', import.meta.url))
  const child: ChildProcess = fork(file, [server, name, ...(creds === undefined ? [] : [creds])], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // As a worker starts its runners.
    execArgv: [...runnerFlags],
  })
  const told: Told[] = []
  let wake = (): void => {}
  child.on('message', (message: Told) => {
    told.push(message)
    wake()
  })
  let ended = false
  child.on('exit', () => {
    ended = true
    wake()
  })
  const next = async (): Promise<Told> => {
    for (;;) {
      const message = told.shift()
      if (message !== undefined) return message
      if (ended) throw new Error(`${name} ended`)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  await next()
  return {
    order: (order) => void child.send(order),
    next,
    async end() {
      if (ended) return
      child.send({ kind: 'end' } satisfies Order)
      await once(child, 'exit')
    },
  }
}

/** Bytes a millisecond from one member to another. */
async function pointToPoint(from: Member, to: Member): Promise<number> {
  const bytes = 19 * 2 ** 20
  to.order({ kind: 'listen', bytes })
  await to.next()
  from.order({ kind: 'speak', bytes, message: chunkBytes })
  const [start, end] = await Promise.all([from.next(), to.next()])
  if (start.kind !== 'moved' || end.kind !== 'moved') throw new Error('no transfer')
  return bytes / (end.at - start.at)
}

export async function allreduce(
  say: (line: string) => void,
  { peer, secured = false }: { peer?: string; secured?: boolean } = {},
): Promise<Report> {
  const data = await mkdtemp(join(tmpdir(), 'maggy-bench-'))
  const folder = join(data, 'authority')
  const authority = secured ? await Authority.init(folder, { hosts: [], port: 4222, days: 1 }) : undefined
  const auth = authority === undefined ? {} : { auth: join(folder, 'server') }
  const server = await startServer({ port: 0, data: join(data, 'server'), ...auth })
  const started = [0, 1, 2, 3].map(async (rank) => {
    const creds = await authority?.addUser('worker', `w${rank}`, { tenant: mainTenant, days: 1 })
    return await startMember(server.url, `w${rank}`, creds)
  })
  const members = await Promise.all(started)
  const figures: Record<string, number> = {}
  const bars: Record<string, string> = {}
  let generation = 0

  const reduce = async (
    count: number,
    algorithm: RingAlgorithm,
    encoding: RingEncoding,
    megabytes: number,
  ): Promise<number[]> => {
    generation += 1
    const chosen = members.slice(0, count)
    const rounds = warmUp + (megabytes > 20 ? 6 : 12)
    const plan: Omit<RingPlan, 'rank'> = {
      generation,
      key: randomBytes(16),
      members: chosen.map((_, rank) => ({ worker: `w${rank}`, slot: 0 })),
      algorithm,
      encoding,
      chunkBytes,
      window,
      timing: { hopMinMs: 1_000, hopMaxMs: 4_000, silentMs: 20_000, absentMs: 5_000 },
    }
    const elements = Math.round((megabytes * 1e6) / 4)
    for (const [rank, member] of chosen.entries())
      member.order({ kind: 'reduce', plan: { ...plan, rank }, elements, rounds })
    const told = await Promise.all(chosen.map((member) => member.next()))
    const times = told.map((one) => (one.kind === 'reduced' ? one.ms : []))
    // A round takes as long as its slowest member.
    const slowest = Array.from({ length: rounds }, (_, at) => Math.max(...times.map((one) => one[at] ?? NaN)))
    return slowest.slice(warmUp)
  }

  try {
    const [first, second] = members
    if (first === undefined || second === undefined) throw new Error('no members')
    const rates: number[] = []
    const measureRate = async (): Promise<void> => {
      for (let i = 0; i < 4; i += 1) rates.push(await pointToPoint(first, second))
    }
    await measureRate()
    rates.length = 0
    await measureRate()
    const only = process.env['BENCH_ONLY']
    for (const count of [2, 4]) {
      for (const megabytes of sizes) {
        const times = new Map<string, number[]>()
        // In turns, with the rate between them, so that all are measured under the same load.
        for (let pass = 0; pass < passes; pass += 1) {
          for (const algorithm of algorithms) {
            for (const encoding of encodingNames) {
              const name = `${algorithm}-${encoding}-${megabytes}MB-${count}`
              if (only !== undefined && !new RegExp(only).test(name)) continue
              const more = await reduce(count, algorithm, encoding, megabytes)
              times.set(name, [...(times.get(name) ?? []), ...more])
            }
          }
          if (only === undefined || times.size > 0) await measureRate()
        }
        for (const [name, ms] of times) {
          figures[name] = round(median(ms), 1)
          say(`${name}: median ${figures[name]} ms, least ${round(Math.min(...ms), 1)} ms`)
        }
      }
    }
    const rate = median(rates)
    figures['pointToPointMBs'] = round(rate / 1e3, 0)
    const wire = (2 * 9.5e6) / rate
    const time = figures['ring-float32-9.5MB-2'] ?? NaN
    figures['wireMs'] = round(wire, 1)
    figures['ringPerWire'] = round(time / wire)
    figures['bfloat16PerFloat32'] = round((figures['ring-bfloat16-9.5MB-2'] ?? NaN) / time)
    figures['int8PerFloat32'] = round((figures['ring-int8-9.5MB-2'] ?? NaN) / time)
    const four = figures['ring-float32-9.5MB-4'] ?? NaN
    figures['fourPerTwo'] = round(four / time)
    // Three times the bytes of two go through the server: where two are as fast as the wire, three times their time is all there is.
    figures['fourPerWire'] = round(four / (3 * wire))
    Object.assign(bars, {
      ringPerWire: '<= 1.3',
      bfloat16PerFloat32: '<= 0.6',
      int8PerFloat32: '<= 0.4',
      fourPerTwo: '<= 2.5',
    })
    if (peer !== undefined) Object.assign(figures, await gloo(peer, say))
    return { figures, bars }
  } finally {
    for (const member of members) await member.end()
    await server.stop()
    await rm(data, { recursive: true, force: true })
  }
}

/** Of the same sizes and members, on the same machine in the same run. */
async function gloo(python: string, say: (line: string) => void): Promise<Record<string, number>> {
  const figures: Record<string, number> = {}
  const script = join(packageRoot(), 'test/bench/gloo_allreduce.py')
  for (const count of [2, 4]) {
    for (const megabytes of sizes) {
      const port = await freePort()
      const args = [script, String(count), String(megabytes * 1e6), '12', String(port)]
      const name = `gloo-${megabytes}MB-${count}`
      try {
        const { stdout } = await promisify(execFile)(python, args)
        figures[name] = round(Number(stdout), 1)
        say(`${name}: ${figures[name]} ms`)
      } catch (error) {
        // Ours are not lost for it.
        say(`${name}: ${error instanceof Error ? error.message : String(error)}`)
        figures[name] = NaN
      }
    }
  }
  return figures
}
