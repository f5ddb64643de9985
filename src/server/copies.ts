/** How many servers really have what is kept: a stream that was only just given more copies fills them for a while. */
import { setTimeout as delay } from 'node:timers/promises'
import { Type } from 'typebox'
import { bundleBucket, check, checkpointBucket, isProblem, streamOfBucket, streams } from '../../protocol/index.ts'
import type { Bus } from '../bus/index.ts'

const names = [
  ...Object.values(streams).map(({ name }) => name),
  ...[bundleBucket, checkpointBucket].map(streamOfBucket),
]
const askMs = 2_000
const lookMs = 500

/** What the leader of a stream says of its copies; a server alone says nothing of a cluster. */
const Info = Type.Object({
  config: Type.Optional(Type.Object({ num_replicas: Type.Integer() })),
  cluster: Type.Optional(
    Type.Object({
      leader: Type.Optional(Type.String()),
      replicas: Type.Optional(
        Type.Array(Type.Object({ current: Type.Boolean(), offline: Type.Optional(Type.Boolean()) })),
      ),
    }),
  ),
})

interface Copies {
  readonly stream: string
  /** How many it was made to have; 0: nobody answers for it. */
  readonly made: number
  /** How many are there, and have all of it. */
  readonly whole: number
}

/**
 * Looks until that many servers have all of each stream, as far as streams were made so, or until the time is up. Gives the streams that
 * fewer have, in words.
 */
export async function streamsShortOf(bus: Bus, copies: number, patienceMs: number): Promise<readonly string[]> {
  for (const until = performance.now() + patienceMs; ; await delay(lookMs)) {
    const found = await Promise.all(names.map((stream) => copiesOf(bus, stream)))
    const short = found.filter(({ whole }) => whole < copies)
    const mayCome = short.some(({ made }) => made === 0 || made >= copies)
    if (!mayCome || performance.now() > until) return short.map(({ stream, whole }) => `${stream} (${whole})`)
  }
}

async function copiesOf(bus: Bus, stream: string): Promise<Copies> {
  const subject = `$JS.API.STREAM.INFO.${stream}`
  try {
    const answer = await bus.request(subject, new Uint8Array(), { timeoutMs: askMs })
    const { config, cluster } = check(Info, JSON.parse(new TextDecoder().decode(answer)), subject)
    const followers = cluster?.replicas?.filter(({ current, offline }) => current && offline !== true) ?? []
    const leaders = config === undefined || (cluster !== undefined && cluster.leader === undefined) ? 0 : 1
    return { stream, made: config?.num_replicas ?? 0, whole: leaders + followers.length }
  } catch (error) {
    if (!isProblem(error)) throw error
    return { stream, made: 0, whole: 0 }
  }
}
