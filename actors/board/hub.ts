/**
 * The channels that browsers join: home, the fleet, an experiment, a trial's output. A channel is opened for its first reader, and
 * closed some time after its last one has gone.
 */
import type { ServerResponse } from 'node:http'
import { describe } from '../../protocol/index.ts'
import { every, type ActorEnvironment } from '../../src/actor/index.ts'
import type { BoardStatus } from '../../src/board/index.ts'
import { Channel, type Source } from './channel.ts'
import { Curves } from './curves.ts'
import type { Experiments } from './experiments.ts'
import { FleetSource, Home } from './home.ts'
import { Look } from './look.ts'
import { Presence } from './presence.ts'
import { Printed } from './printed.ts'
import { Standings } from './standings.ts'

const lingerMs = 15_000
/** Silences and waits grow by themselves: they are looked at once a second. */
const lookMs = 1_000
const statusMs = 5_000

interface Open {
  readonly channel: Channel
  readonly look?: Look
  close(): void
  timer: unknown
}

export class Hub {
  readonly presence: Presence
  readonly #env: ActorEnvironment
  readonly #experiments: Experiments
  readonly #standings: Standings
  readonly #home: Home
  readonly #open = new Map<string, Promise<Open | undefined>>()
  readonly #opened = new Map<string, Open>()
  readonly #ends: (() => void)[]
  readonly #control: boolean

  constructor(env: ActorEnvironment, experiments: Experiments, control: boolean) {
    this.#env = env
    this.#experiments = experiments
    this.#control = control
    const { bus, clock, id, onDropped } = env
    this.presence = new Presence(bus, clock, id, () => this.#touch('fleet', 'home'), onDropped)
    this.#standings = new Standings(env, experiments, this.presence, (experiment) => this.#touch(keyOf(experiment)))
    this.#home = new Home(experiments, this.#standings, this.presence)
    this.#ends = [
      every(clock, lookMs, () => {
        this.presence.look()
        this.#touch(...this.#opened.keys())
      }),
      every(clock, statusMs, () => {
        this.#sayStatus()
        void this.#lookForRemoved()
      }),
      bus.onStatus(() => this.#sayStatus()),
    ]
  }

  /** An experiment's log has grown. */
  changes(experiment: string): void {
    this.#home.changes(experiment)
    this.#touch('home', 'fleet', keyOf(experiment))
  }

  joinHome(reader: ServerResponse, lastId: string | undefined): Promise<boolean> {
    return this.#join('home', reader, lastId, async () => ({ channel: this.#channel(this.#home), close: () => {} }))
  }

  joinFleet(reader: ServerResponse): Promise<boolean> {
    this.presence.call()
    const { clock } = this.#env
    return this.#join('fleet', reader, undefined, async () => {
      return { channel: this.#channel(new FleetSource(this.#experiments, this.presence, clock)), close: () => {} }
    })
  }

  /** false: there is no such experiment. */
  joinExperiment(experiment: string, reader: ServerResponse, lastId: string | undefined): Promise<boolean> {
    return this.#join(keyOf(experiment), reader, lastId, () => this.#openLook(experiment))
  }

  joinOutput(experiment: string, trial: number, reader: ServerResponse, lastId: string | undefined): Promise<boolean> {
    const key = `${keyOf(experiment)}/output/${trial}`
    return this.#join(key, reader, lastId, async () => {
      if (this.#experiments.card(experiment) === undefined) return undefined
      const printed = new Printed(this.#env.bus, experiment, trial, () => this.#touch(key))
      this.#watchOver(printed.ended, key)
      return { channel: this.#channel(printed), close: () => printed.close() }
    })
  }

  /** The experiment as somebody looks at it; undefined: there is no such experiment, or nobody looks. */
  async look(experiment: string): Promise<Look | undefined> {
    return (await this.#opening(keyOf(experiment), () => this.#openLook(experiment)))?.look
  }

  /** How many streams are open. */
  get readers(): number {
    return [...this.#opened.values()].reduce((sum, { channel }) => sum + channel.readers, 0)
  }

  status(): BoardStatus {
    const { bus, clock } = this.#env
    return { bus: bus.status, server: bus.server, now: clock.now(), control: this.#control }
  }

  close(): void {
    for (const end of this.#ends) end()
    for (const open of this.#opened.values()) {
      this.#env.clock.clearTimeout(open.timer)
      open.close()
      open.channel.close()
    }
    this.#standings.close()
    this.presence.close()
  }

  #channel(source: Source): Channel {
    return new Channel(source, this.#env.clock)
  }

  async #openLook(experiment: string): Promise<Omit<Open, 'timer'> | undefined> {
    const watched = await this.#experiments.look(experiment)
    if (watched === undefined) return undefined
    const key = keyOf(experiment)
    const curves = new Curves(this.#env.bus, experiment, () => this.#touch(key))
    this.#watchOver(curves.ended, key)
    const look = new Look(watched, curves, this.#standings)
    const close = () => {
      curves.close()
      this.#experiments.leave(experiment)
    }
    return { channel: this.#channel(look), look, close }
  }

  async #join(
    key: string,
    reader: ServerResponse,
    lastId: string | undefined,
    open: () => Promise<Omit<Open, 'timer'> | undefined>,
  ): Promise<boolean> {
    const opened = await this.#opening(key, open)
    if (opened === undefined) return false
    if (reader.destroyed) return true
    this.#env.clock.clearTimeout(opened.timer)
    reader.once('close', () => {
      opened.channel.leave(reader)
      if (opened.channel.readers === 0) this.#linger(key, opened)
    })
    reader.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' })
    reader.write(`retry: 1000\nevent: status\ndata: ${JSON.stringify(this.status())}\n\n`)
    opened.channel.join(reader, lastId)
    return true
  }

  async #opening(key: string, open: () => Promise<Omit<Open, 'timer'> | undefined>): Promise<Open | undefined> {
    const there = this.#open.get(key)
    if (there !== undefined) return await there
    const opening = (async () => {
      const opened = await open()
      if (opened === undefined) return undefined
      const kept: Open = { ...opened, timer: undefined }
      this.#opened.set(key, kept)
      this.#linger(key, kept)
      return kept
    })()
    this.#open.set(key, opening)
    try {
      const opened = await opening
      if (opened === undefined) this.#open.delete(key)
      return opened
    } catch (error) {
      this.#open.delete(key)
      throw error
    }
  }

  /** With nobody there for a while, it is closed. */
  #linger(key: string, open: Open): void {
    const { clock } = this.#env
    clock.clearTimeout(open.timer)
    open.timer = clock.setTimeout(() => {
      if (open.channel.readers > 0 || this.#opened.get(key) !== open) return
      this.#opened.delete(key)
      this.#open.delete(key)
      open.close()
    }, lingerMs)
  }

  /** A follower that cannot go on: its readers are cut off, and come again. */
  #watchOver(ended: Promise<void>, key: string): void {
    ended.catch((error: unknown) => {
      this.#env.logger.error({ key }, describe(error))
      this.#shut(key)
    })
  }

  /** A removed experiment vanishes from the pages: its readers are cut off, and told that it is not there when they come again. */
  async #lookForRemoved(): Promise<void> {
    try {
      for (const experiment of await this.#experiments.missing()) {
        this.#home.removed()
        for (const key of this.#opened.keys())
          if (key === keyOf(experiment) || key.startsWith(`${keyOf(experiment)}/`)) this.#shut(key)
        this.#touch('home', 'fleet')
      }
    } catch (error) {
      // Without a bus nothing can be looked for; it is looked for again.
      this.#env.logger.debug(describe(error))
    }
  }

  #shut(key: string): void {
    const open = this.#opened.get(key)
    this.#opened.delete(key)
    this.#open.delete(key)
    open?.close()
    open?.channel.close()
  }

  #touch(...keys: readonly string[]): void {
    for (const key of keys) this.#opened.get(key)?.channel.touch()
  }

  #sayStatus(): void {
    for (const { channel } of this.#opened.values()) channel.say('status', this.status())
  }
}

const keyOf = (experiment: string): string => `experiment/${experiment}`
