/**
 * Makes the streams, and gives them their copies.
 * I1 What is there is never made smaller, and never gets fewer copies.
 * I2 Without a wish there are three copies in a cluster of three or more. One that is only forming is waited for; where it stays
 *    smaller, one copy is made, and whoever makes streams next in the whole cluster gives it the others.
 * I3 A stream that acknowledges before it writes (metrics, one copy) cannot be given more: that is said, and fails only who asked for it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { bundleBucket, checkpointBucket, isProblem, problem, streams } from '../../protocol/index.ts'
import type { Copies } from './bus.ts'
import type { JetStreamApi } from './nats-api.ts'
import { configOf, configOfBucket, type StreamSetting } from './nats-settings.ts'
import type { Wire } from './nats-wire.ts'

export interface Maker {
  /** All streams and buckets. */
  all(copies: Copies): Promise<void>
  /** A bucket that is missing. */
  bucket(name: string): Promise<void>
}

const clusterCopies = 3
const formingMs = 5_000
const lookMs = 100
const smallestStream = 16 * 2 ** 20

/** `guarded`: roles have permissions of their own on this bus. */
export function createMaker(wire: Wire, api: JetStreamApi, guarded: boolean): Maker {
  let copies: Copies = {}

  /** So many members, once there are; false: the cluster stays smaller. */
  async function membersCome(count: number): Promise<boolean> {
    for (const until = performance.now() + formingMs; wire.members() < count; await delay(lookMs))
      if (performance.now() > until) return false
    return true
  }

  const tooFew = (stream: string, replicas: number, reason: string) =>
    problem('BUS_TOO_FEW_SERVERS', { server: wire.label, stream, replicas, reason })

  /** I2: for a stream that is to be made. */
  async function copiesFor(name: string, wished: number | undefined): Promise<number> {
    if (wished !== undefined) return wished
    if (wire.members() === 0) return 1
    if (await membersCome(clusterCopies)) return clusterCopies
    const reason = `its cluster has ${wire.members()} members now; one copy is made, and the others when a driver starts with all members there`
    wire.report(tooFew(name, clusterCopies, reason))
    return 1
  }

  async function make(setting: (replicas: number) => StreamSetting, wished: number | undefined): Promise<void> {
    const { name } = setting(1)
    for (;;) {
      const known = await api.streamSetting(name)
      if (known !== undefined) return await raise(await tightened(known, setting(1)), wished)
      const replicas = await copiesFor(name, wished)
      if (await created(setting(replicas))) return
    }
  }

  /** A bucket of before, whose entries anybody who wrote there could take away. */
  async function tightened(known: StreamSetting, wanted: StreamSetting): Promise<StreamSetting> {
    if (known['allow_rollup_hdrs'] !== true || wanted['allow_rollup_hdrs'] !== false) return known
    const setting = { ...known, allow_rollup_hdrs: false }
    await api.updateStream(setting)
    return setting
  }

  /** False: somebody else made it meanwhile, in another way. */
  async function created(setting: StreamSetting): Promise<boolean> {
    const { name, num_replicas: replicas } = setting
    const wished = Number(setting['max_bytes'])
    for (let bytes = wished; ; bytes /= 4) {
      const end = await madeOrRefused({ ...setting, max_bytes: Math.floor(bytes) })
      if (end.kind === 'made') {
        // Where the store has less room than was wished for, half of it is left to the other streams.
        if (bytes < wished) await api.updateStream({ ...setting, max_bytes: Math.floor(bytes / 2) })
        return true
      }
      if (end.kind === 'exists') return false
      if (bytes / 4 >= smallestStream) continue
      throw end.kind === 'noPeers' ? tooFew(name, replicas, end.reason) : end.error
    }
  }

  /** A cluster says of members that are missing and of members without room the same: those that may still come are waited for. */
  async function madeOrRefused(setting: StreamSetting) {
    for (const until = performance.now() + formingMs; ; await delay(lookMs)) {
      const end = await api.createStream(setting)
      if (end.kind !== 'noPeers') return end
      const { name, num_replicas: replicas } = setting
      if (wire.members() > 0 && performance.now() < until) continue
      if (wire.members() < replicas) throw tooFew(name, replicas, end.reason)
      return end
    }
  }

  /** I1, I3. What nobody asked for is tried, and said if it cannot be had. */
  async function raise(known: StreamSetting, wished: number | undefined): Promise<void> {
    const replicas = wished ?? (wire.members() >= clusterCopies ? clusterCopies : 1)
    if (known.num_replicas >= replicas) return
    try {
      await api.updateStream({ ...known, num_replicas: replicas })
    } catch (error) {
      if (!isProblem(error, 'BUS_REFUSED')) throw error
      const said = tooFew(known.name, replicas, String(error.details['reason']))
      if (wished !== undefined) throw said
      wire.report(said)
    }
  }

  /** Metrics and output: they follow the others when they are made, and afterwards change only for who asks for just that. */
  async function makeTelemetry({ replicas, telemetryReplicas }: Copies): Promise<void> {
    const definition = streams.telemetry
    const known = await api.streamSetting(definition.name)
    if (known === undefined) return await make((count) => configOf(definition, count), telemetryReplicas ?? replicas)
    if (telemetryReplicas !== undefined) await raise(known, telemetryReplicas)
    else if (replicas !== undefined && known.num_replicas < replicas)
      wire.report(tooFew(definition.name, replicas, 'it was made with one copy, which its server alone keeps'))
  }

  return {
    async all(wish) {
      copies = wish
      const { replicas } = wish
      await make((count) => configOf(streams.log, count), replicas)
      await makeTelemetry(wish)
      await make((count) => configOf(streams.artifacts, count), replicas)
      for (const bucket of [bundleBucket, checkpointBucket])
        await make((count) => configOfBucket(bucket, count, guarded), replicas)
    },
    bucket: (name) => make((count) => configOfBucket(name, count, guarded), copies.replicas),
  }
}
