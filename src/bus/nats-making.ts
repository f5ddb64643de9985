/**
 * Makes the streams, and gives them their copies.
 * I1 What is there is never made smaller, and never gets fewer copies.
 * I2 Without a wish there are three copies in a cluster of three or more. One that is only forming is waited for; where it stays
 *    smaller, one copy is made, and whoever makes streams next in the whole cluster gives it the others.
 * I3 A stream that acknowledges before it writes (metrics, one copy) cannot be given more: that is said, and fails only for who asks for it.
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

  const tooFew = (stream: string, replicas: number, reason: string) =>
    problem('BUS_TOO_FEW_SERVERS', { server: wire.label, stream, replicas, reason })

  async function make(setting: (replicas: number) => StreamSetting, wished: number | undefined): Promise<void> {
    const { name } = setting(1)
    for (;;) {
      const known = await api.streamSetting(name)
      if (known !== undefined) return await raise(await tightened(known, setting(1)), wished)
      const replicas = wished ?? (wire.members() > 0 ? clusterCopies : 1)
      try {
        if (await created(setting(replicas))) return
      } catch (error) {
        if (wished !== undefined || replicas === 1 || !isProblem(error, 'BUS_TOO_FEW_SERVERS')) throw error
        // I2
        wire.report(error)
        if (await created(setting(1))) return
      }
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
      const sized = { ...setting, max_bytes: Math.floor(bytes) }
      const end = bytes === wished ? await onceFormed(sized) : await api.createStream(sized)
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
  async function onceFormed(setting: StreamSetting) {
    for (const until = performance.now() + formingMs; ; await delay(lookMs)) {
      const end = await api.createStream(setting)
      if (end.kind !== 'noPeers' || wire.members() === 0 || performance.now() > until) return end
    }
  }

  /** I1, I3. What nobody asked for is tried, and said if it cannot be had. */
  async function raise(known: StreamSetting, wished: number | undefined): Promise<void> {
    const replicas = wished ?? (wire.members() > 0 ? clusterCopies : 1)
    if (known.num_replicas >= replicas) return
    try {
      await api.updateStream({ ...known, num_replicas: replicas })
    } catch (error) {
      if (!isProblem(error, 'BUS_REFUSED')) throw error
      // It was said when it was made.
      if (wished !== undefined) throw tooFew(known.name, replicas, String(error.details['reason']))
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
