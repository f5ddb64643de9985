/** Does to the world what a plan says, and makes it good again. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { appendFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bundleBucket, checkpointBucket, isProblem, streams } from '../../protocol/index.ts'
import type { Child } from '../../src/actor/index.ts'
import { streamInfo } from '../support/cluster.ts'
import { setClock } from './clock.ts'
import type { Link } from './link.ts'
import type { Fault } from './plan.ts'
import { isRunner } from './processes.ts'
import type { Actor, World } from './world.ts'

/** Bytes a second through a link that is throttled. */
const slow = 20_000
const delayMs = 250
/** How far the clock of an actor is set, in seconds. */
const clockSteps = [3_600, -3_600, 45] as const
const settleMs = 240_000
const startMs = 240_000
const replicated = [streams.log.name, streams.telemetry.name, `OBJ_${bundleBucket}`, `OBJ_${checkpointBucket}`]

/** Carries faults out. Of a cluster one member at a time is hurt: that is how much it is made to stand. */
export class Faults {
  readonly #world: World
  #turn: Promise<unknown> = Promise.resolve()

  constructor(world: World) {
    this.#world = world
  }

  /** `begun` is called when it comes, if it does; resolves when it is over and whoever was hurt is there again. */
  async apply(fault: Fault, begun: () => void): Promise<void> {
    const { target } = fault
    if (target !== 'server' && target !== 'leader') return await this.#onActor(fault, begun)
    const before = this.#turn
    const mine = this.#onMember(fault, begun, before)
    this.#turn = mine.catch(() => undefined)
    await mine
  }

  async #onMember(fault: Fault, begun: () => void, before: Promise<unknown>): Promise<void> {
    await before
    await this.#whole()
    const { servers, bus } = this.#world
    const member = fault.target === 'leader' ? await servers.leader(bus) : fault.which % servers.count
    await this.#onServer(fault, member, begun)
    await this.#whole()
  }

  /** All copies are as they should be: a member that has just lost its own cannot stand in for another. */
  async #whole(): Promise<void> {
    const { servers, bus } = this.#world
    if (servers.count === 1) return
    for (const until = performance.now() + settleMs; ; await sleep(100)) {
      if (performance.now() > until) throw new Error(`the copies are not current after ${settleMs} ms`)
      try {
        const all = await Promise.all(replicated.map((stream) => streamInfo(bus, stream)))
        const isCurrent = all.every(
          ({ cluster }) =>
            cluster?.leader !== undefined && cluster.replicas?.every((one) => one.current && !one.offline),
        )
        if (isCurrent) return
      } catch (error) {
        // An election: it is asked again.
        if (!isProblem(error)) throw error
      }
    }
  }

  async #onServer({ kind, forMs, which }: Fault, member: number, begun: () => void): Promise<void> {
    const { servers, actors } = this.#world
    begun()
    switch (kind) {
      case 'kill':
        await servers.kill(member)
        return await servers.start(member)
      case 'terminate':
        await servers.terminate(member)
        return await servers.start(member)
      case 'wipe':
        await servers.kill(member)
        await servers.loseDisk(member)
        return await servers.start(member)
      case 'partition':
        servers.isolate(member, true)
        await sleep(forMs)
        return servers.isolate(member, false)
      case 'handles':
        return await withoutHandles(servers.pid(member), forMs)
      case 'disk':
        return await withoutRoom(servers.folder(member), forMs)
      case 'stop':
        return await frozen(servers.pid(member), forMs)
      default:
        return await spoilt(
          [...actors.values()].flatMap(({ links }) => links.slice(member, member + 1)),
          kind,
          forMs,
          which,
        )
    }
  }

  async #onActor(fault: Fault, begun: () => void): Promise<void> {
    const { kind, target, which, forMs } = fault
    if (target === 'runner') {
      const runners = this.#world.processes().filter(isRunner)
      const pid = runners[which % Math.max(1, runners.length)]?.pid
      if (pid === undefined) return
      begun()
      return kind === 'stop' ? await frozen(pid, forMs) : kill(pid, 'SIGKILL')
    }
    const actor = this.#world.actors.get(target)
    if (actor === undefined) throw new Error(`there is no ${target}`)
    const { child } = actor
    // It is being started after another fault.
    if (child === undefined) return
    begun()
    if (kind === 'kill' || kind === 'terminate') {
      kill(child.pid, kind === 'kill' ? 'SIGKILL' : 'SIGTERM')
      await startedAgain(actor, child)
    } else if (kind === 'stop') await frozen(child.pid, forMs)
    else if (kind === 'handles') await withoutHandles(child.pid, forMs, actor)
    else if (kind === 'clock') await withWrongClock(actor, clockSteps[which % clockSteps.length] ?? 0, forMs)
    else await spoilt(actor.links, kind, forMs, which)
  }
}

async function startedAgain(actor: Actor, before: Child): Promise<void> {
  for (const until = performance.now() + startMs; actor.child === undefined || actor.child === before;) {
    if (performance.now() > until) throw new Error(`${actor.name} is not there again after ${startMs} ms`)
    await sleep(50)
  }
}

async function spoilt(links: readonly Link[], kind: Fault['kind'], forMs: number, which: number): Promise<void> {
  for (const link of links) {
    if (kind === 'cut') link.cut()
    else if (kind === 'hold') link.hold(which % 2 === 0 ? 'up' : 'down')
    else if (kind === 'delay') link.delay(delayMs)
    else link.throttle(slow)
  }
  await sleep(forMs)
  for (const link of links) link.heal()
}

async function frozen(pid: number | undefined, forMs: number): Promise<void> {
  if (pid === undefined || pid === 0) return
  kill(pid, 'SIGSTOP')
  await sleep(forMs)
  kill(pid, 'SIGCONT')
}

/** Writes until nothing is left. */
async function withoutRoom(folder: string, forMs: number): Promise<void> {
  const ballast = join(folder, 'ballast')
  const more = Buffer.alloc(2 ** 20)
  try {
    for (;;) await appendFile(ballast, more)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
  await sleep(forMs)
  await rm(ballast)
}

async function withWrongClock({ clock }: Actor, seconds: number, forMs: number): Promise<void> {
  if (clock === undefined) throw new Error('this world has no clocks that can be set')
  await setClock(clock, seconds)
  await sleep(forMs)
  await setClock(clock, 0)
}

/** No file and no socket can be opened beyond those that are open; an actor loses its connections, too. */
async function withoutHandles(pid: number | undefined, forMs: number, actor?: Actor): Promise<void> {
  if (pid === undefined || pid === 0) return
  try {
    const open = readdirSync(`/proc/${pid}/fd`).length
    const hard = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1] ?? '4096'
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${open}:`])
    for (const link of actor?.links ?? []) link.cut()
    for (const link of actor?.links ?? []) link.heal()
    await sleep(forMs)
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${hard}:`], { stdio: 'ignore' })
  } catch {
    // It has ended meanwhile.
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It has ended already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
