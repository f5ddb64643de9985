/**
 * One schedule of a ring: the driver's rings and the members of real runners, on the simulated bus and in simulated time, with faults at
 * chosen messages. What must hold: the training ends; all that are done hold the same of every step; no shard is in a step twice
 * (G5), and none is without one; nothing but being left behind fails a member.
 */
import { pino } from 'pino'
import { Rings, type RingDecision } from '../../actors/driver/rings/index.ts'
import { createRingMember, type RingCheckpoints, type RingMember } from '../../actors/worker/ring/index.ts'
import { createMemoryNetwork, type Bus, type Leg, type Transit } from '../../src/bus/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { ringName } from '../../protocol/index.ts'
import { settingsOf } from '../support/ring-trainers.ts'
import { EventClock, type ProcessClock } from './event-clock.ts'
import { simulateTraining, type End } from './ring-training.ts'

const kinds = [
  'lost',
  'twice',
  'stalled',
  'sender killed',
  'receiver killed',
  'sender cut off',
  'receiver cut off',
] as const

/** At the n-th message that is not said by the clock. `ms`: how long it lasts, or until a killed member is missed. */
export interface RingFault {
  readonly at: number
  readonly kind: (typeof kinds)[number]
  readonly ms: number
}

export interface RingSchedule {
  readonly seed: number
  readonly workers: number
  readonly min: number
  readonly algorithm: 'ring' | 'direct'
  readonly steps: number
  readonly faults: readonly RingFault[]
}

const trial = 0
const limitMs = 300_000
const graceMs = 10_000
const durations = [50, 300, 1500, 6000]

export function drawRing(seed: number): RingSchedule {
  const random = createRandom('ring', seed)
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random.uniform() * choices.length)] as T
  const workers = pick([2, 3, 3, 4])
  const faults = Array.from({ length: pick([1, 2, 3, 4]) }, () => ({
    at: 1 + Math.floor(random.uniform() * 40 * workers),
    kind: pick(kinds),
    ms: pick(durations),
  }))
  return { seed, workers, min: pick([1, 2]), algorithm: pick(['ring', 'direct']), steps: pick([6, 12, 25]), faults }
}

interface Member {
  readonly name: string
  readonly attempt: number
  readonly bus: Bus
  readonly clock: ProcessClock
  member: RingMember
}

/** What went wrong; empty: nothing did. */
export async function playRing(schedule: RingSchedule): Promise<string[]> {
  const { workers, steps } = schedule
  const random = createRandom('ring pace', schedule.seed)
  const clock = new EventClock()
  const wrong: string[] = []
  const members = new Map<string, Member>()
  const ends: End[] = []
  const waiting = schedule.faults.toSorted((a, b) => a.at - b.at)
  let legs = 0
  let births = 0
  let armed = false

  const network = createMemoryNetwork({
    clock,
    onFault: (fault) => wrong.push(JSON.stringify(fault)),
    transit: (leg) => {
      if (!armed || leg.subject.endsWith('.progress')) return 'arrives'
      legs += 1
      return waiting[0]?.at === legs ? strike(leg, waiting.shift() as RingFault) : 'arrives'
    },
  })
  const bus = network.connect('driver')
  const kept = new Map<string, { generation: number; bytes: Uint8Array }>()
  const checkpoints: RingCheckpoints = {
    save: async (ring, generation, make) => {
      if ((kept.get(ring)?.generation ?? 0) <= generation) kept.set(ring, { generation, bytes: make() })
    },
    keep: () => Promise.resolve(),
    load: async (ring) => kept.get(ring)?.bytes,
  }
  const decide = (decision: RingDecision): void => {
    // A generation is in the log a moment later.
    if (decision.kind === 'form') clock.setTimeout(() => rings.formed(trial, decision.generation), 1)
    if (decision.kind === 'expel') leave(decision.attempt, 0)
  }
  const settings = settingsOf(workers, { algorithm: schedule.algorithm, workers: { min: schedule.min, max: workers } })
  const rings = new Rings({ bus, clock, logger: pino({ level: 'silent' }), onDropped: () => undefined, decide }, 'e1', {
    ...settings,
    waitMs: 5000,
  })

  /** A worker begins an attempt, with its place in the ring. */
  function start(): void {
    births += 1
    const attempt = births
    const worker = `w${attempt}`
    const own = clock.process()
    const connection = network.connect(worker)
    const seat = rings.freeSeat(trial)
    const training = simulateTraining({
      clock: own,
      shards: workers,
      seat,
      steps,
      stepMs: () => 5 + random.uniform() * 200,
      onEnd: (end) => {
        if (end.kind === 'failed') return ended(worker, end)
        ends.push(end)
        members.delete(worker)
        if (ends.length === 1) settle()
      },
    })
    const member = createRingMember({
      bus: connection,
      clock: own,
      worker,
      slot: 0,
      ring: ringName('e1', trial),
      seat,
      line: training.line,
      checkpoints,
    })
    members.set(worker, { name: worker, attempt, bus: connection, clock: own, member })
    rings.seat(trial, { worker, slot: 0, attempt, seat })
    own.setTimeout(() => training.begin(), 100 + random.uniform() * 500)
  }

  /** The first result is the trial's: a moment later it is in the log, and the ring is over. Whoever does not return is stopped. */
  function settle(): void {
    clock.setTimeout(() => {
      rings.end(trial)
    }, 10)
    clock.setTimeout(() => {
      for (const { attempt } of members.values()) leave(attempt, 0)
    }, graceMs)
  }

  /** Nobody hears of its member any more, and another one comes. */
  function leave(attempt: number, ms: number): void {
    const gone = [...members.values()].find((one) => one.attempt === attempt)
    if (gone === undefined) return
    members.delete(gone.name)
    gone.clock.end()
    gone.member.close()
    network.outage(gone.bus)
    clock.setTimeout(() => {
      rings.gone(trial, attempt)
      if (ends.length === 0) start()
    }, ms)
  }

  function ended(worker: string, { code }: Extract<End, { kind: 'failed' }>): void {
    if (code !== 'RING_STALE' && code !== 'RING_PASSED') wrong.push(`${worker} failed: ${code}`)
    const one = members.get(worker)
    if (one !== undefined) leave(one.attempt, 10)
  }

  function strike(leg: Leg, { kind, ms }: RingFault): Transit {
    if (kind === 'lost' || kind === 'twice') return kind
    if (kind === 'stalled') return { stallMs: ms }
    const one = members.get(kind.startsWith('sender') ? leg.from : leg.to)
    if (one === undefined) return 'lost'
    if (kind.endsWith('killed')) leave(one.attempt, ms)
    else {
      network.outage(one.bus)
      clock.setTimeout(() => {
        if (members.get(one.name) === one) network.restore(one.bus)
      }, ms)
    }
    return 'lost'
  }

  for (let n = 0; n < workers; n += 1) start()
  armed = true
  const until = clock.now() + limitMs
  const isOver = (): boolean => ends.length > 0 && members.size === 0
  for (;;) {
    await network.settled()
    if (isOver() || !clock.advance(until)) break
  }
  if (!isOver()) wrong.push(`it has not ended; ${JSON.stringify(rings.standing(trial))}`)
  rings.close()
  for (const { member } of members.values()) member.close()
  await bus.close()
  return [...wrong, ...wrongWith(ends, steps)]
}

function wrongWith(ends: readonly End[], steps: number): string[] {
  const done = ends.flatMap((end) => (end.kind === 'done' ? [end] : []))
  // One that came when the others were at their end may begin anew, from the checkpoint: its result is not the trial's.
  const all = done.filter(({ lineage }) => lineage === done[0]?.lineage).map((end) => end.steps)
  const [first = []] = all
  const wrong = all.some((other) => other.join() !== first.join())
    ? [`the members do not hold the same: ${all.map((one) => one.join()).join(' / ')}`]
    : []
  if (first.length !== steps) wrong.push(`${first.length} steps, not ${steps}`)
  for (const [step, counts] of first.entries()) {
    if (/[^01]/.test(counts)) wrong.push(`step ${step} has a shard twice: ${counts}`)
    if (!counts.includes('1')) wrong.push(`step ${step} has no shard: ${counts}`)
  }
  return wrong
}
