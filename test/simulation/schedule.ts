/**
 * One schedule: a search on the simulated system, faults at chosen messages, and what must hold all the same.
 * G2 every trial ends in exactly one final state, and no acknowledged result is lost; G3 a lost worker costs its attempt only;
 * it always ends; no place and no lease leaks; the log grows with progress only.
 */
import {
  codeOf,
  decode,
  decodePayload,
  describe,
  done,
  paramsFrom,
  type LogEvent,
  type Submission,
} from '../../protocol/index.ts'
import { replay, sourceOf } from '../../src/replay/index.ts'
import type { Leg, Transit } from '../../src/bus/index.ts'
import { valueOf } from './runner.ts'
import { logger, World, type Process, type Role } from './world.ts'

export type FaultKind =
  | 'lost'
  | 'twice'
  | 'stalled'
  | 'sender killed'
  | 'receiver killed'
  | 'sender cut off'
  | 'receiver cut off'
  | 'sender drained'
  | 'receiver drained'
  | 'runner crashed'
  | 'search interrupted'
  | 'server restarted'
export const faultKinds: readonly FaultKind[] = [
  'lost',
  'twice',
  'stalled',
  'sender killed',
  'receiver killed',
  'sender cut off',
  'receiver cut off',
  'sender drained',
  'receiver drained',
  'runner crashed',
  'search interrupted',
  'server restarted',
]

/** Fires at the n-th message that is not a beat, counted from the submission. `ms`: how long it lasts. */
export interface Fault {
  readonly at: number
  readonly kind: FaultKind
  readonly ms: number
  /** A killed driver comes back under its own id; a search that is interrupted is cancelled. */
  readonly sameId: boolean
}

/** What a user asks of the search at the n-th message, or once it has ended. */
export interface ChangeAt {
  readonly at: number
  readonly kind: 'more trials' | 'enqueued' | 'optimizer' | 'pruner' | 'parallel' | 'failed anew' | 'paused' | 'halted'
  /** How long a pause lasts. */
  readonly ms: number
}

export interface Schedule {
  readonly seed: number
  readonly drivers: number
  readonly workers: number
  readonly slots: number
  readonly trials: number
  readonly steps: number
  readonly stepMs: number
  readonly optimizer: string
  readonly pruner: string | null
  /** Other searches of the same shape, at the same time on the same workers. */
  readonly beside?: number
  readonly faults: readonly Fault[]
  readonly changes?: readonly ChangeAt[]
  /** Trials in which train throws until somebody has the failed ones tried anew. */
  readonly failing?: readonly number[]
  /** Trials of each configuration. */
  readonly repeats?: number
}

export interface Outcome {
  readonly violations: readonly string[]
  /** Messages that are not beats: where faults can be. */
  readonly legs: number
  readonly endedAfterMs: number
}

const limitMs = 180_000
/** Messages that no search of this size needs. */
const hotLegs = 20_000
/** Long enough for every slot to get a trial. */
const unhurried = { steps: 3, stepMs: 2000 }
/** Messages that come by the clock: a fault there is one in between. */
const byTheClock = /\.(beat|progress)$|\.driver\.[^.]+\.beat$/

export async function play(schedule: Schedule): Promise<Outcome> {
  const violations: string[] = []
  const acknowledged: { trial: number; attempt: number }[] = []
  const asked = new Map<string, { trial: number; attempt: number }>()
  const waiting = [...schedule.faults].sort((a, b) => a.at - b.at)
  let legs = 0
  // While the world starts nobody turns its time: a process that waits out a loss then would wait for ever.
  let armed = false
  let interrupting = 0
  const changes = [...(schedule.changes ?? [])].sort((a, b) => a.at - b.at)
  let healed = false

  const transit = (leg: Leg, world: World): Transit => {
    note(leg, asked)
    if (byTheClock.test(leg.subject)) return 'arrives'
    legs += 1
    // A loop without a pause would stand the time still: from here on everything is lost, so that it has to wait.
    if (legs > hotLegs) return 'lost'
    const isDue = armed && world.logs.has('e1') && (changes[0]?.at ?? Infinity) <= legs
    const due = isDue ? changes.shift() : undefined
    if (due !== undefined) make(world, due)
    const fault = armed && waiting[0]?.at === legs ? waiting.shift() : undefined
    const fate =
      fault === undefined
        ? 'arrives'
        : strike(world, leg, fault, (ms, mode) => {
            interrupting += 1
            void world.interrupt('e1', mode, ms).then(() => (interrupting -= 1))
          })
    if (fate !== 'lost' && leg.kind === 'reply') acknowledge(leg, asked, acknowledged)
    return fate
  }

  const make = (world: World, change: ChangeAt): void => {
    interrupting += 1
    healed ||= change.kind === 'failed anew'
    const made = madeOf(world, change)
    made
      .catch((error: unknown) => {
        // None has failed, or all is done already and there is nothing to go on with.
        const isNone = codeOf(error) === 'CHANGE_REFUSED' && moreBy[change.kind] === 0
        if (!isNone) violations.push(`${change.kind} was refused: ${describe(error)}`)
      })
      .finally(() => (interrupting -= 1))
  }
  const failing = new Set(schedule.failing)
  const paced = { ...schedule, fails: (trial: number) => !healed && failing.has(trial) }
  const world = new World({ pace: (experiment) => (experiment === 'e2' ? unhurried : paced), transit })
  await world.open()
  for (let n = 1; n <= schedule.drivers; n += 1) await world.start('driver', `d${n}`)
  await world.start('optimizer', 'o1')
  for (let n = 1; n <= schedule.workers; n += 1) await world.start('worker', `w${n}`, schedule.slots)
  await world.run(5000)

  legs = 0
  armed = true
  const begun = world.clock.now()
  const others = Array.from({ length: schedule.beside ?? 0 }, (_, n) => `b${n + 1}`)
  for (const experiment of ['e1', ...others]) world.submit(submissionOf(experiment, schedule))
  const isOver = (): boolean => ['e1', ...others].every((id) => world.ended(id)) && interrupting === 0
  let ended = await world.run(limitMs, isOver)
  // What the search was too quick for is asked of one that is done.
  for (let late = changes.shift(); ended && late !== undefined; late = changes.shift()) {
    make(world, late)
    ended = await world.run(limitMs, isOver)
  }
  const endedAfterMs = world.clock.now() - begun
  armed = false
  const firstLegs = legs
  const events = world.logs.get('e1') ?? []
  if (!ended) {
    for (const id of ['e1', ...others]) {
      const { waiting: says = 'nothing' } = world.standings.get(id) ?? {}
      if (!world.ended(id)) violations.push(`${id} has not ended; it says ${JSON.stringify(says)}`)
    }
  } else {
    violations.push(...wrongWith(world.logs.get('e1') ?? [], schedule, acknowledged))
    if (schedule.changes !== undefined) violations.push(...(await differencesOf(world)))
    for (const id of others)
      violations.push(...wrongWith(world.logs.get(id) ?? [], schedule, []).map((wrong) => `${id}: ${wrong}`))
    // What a later experiment finds: places and leases that are free again.
    await world.run(10_000)
    for (const { bus, role, id } of world.processes.values()) {
      if (role !== 'worker') continue
      const status = world.statuses.get(bus)?.()
      const held = status?.slots.filter(({ running, next }) => running !== null || next !== null) ?? []
      if (held.length > 0) violations.push(`${id} still holds ${JSON.stringify(held)}`)
    }
    world.submit(submissionOf('e2', { ...schedule, trials: 2 * schedule.workers * schedule.slots, repeats: 1 }))
    if (!(await world.run(120_000, () => world.ended('e2')))) {
      violations.push(`e2 has not ended; it says ${JSON.stringify(world.standings.get('e2')?.waiting ?? 'nothing')}`)
    } else {
      const used = new Set(
        (world.logs.get('e2') ?? []).flatMap((event) =>
          event.type === 'trial.assigned' ? [`${event.worker}/${event.slot}`] : [],
        ),
      )
      const there = schedule.workers * schedule.slots
      if (used.size < there) violations.push(`e2 used ${used.size} of ${there} slots`)
    }
  }
  if (legs > hotLegs) violations.push('messages were sent without a pause')
  const changed = schedule.changes?.length ?? 0
  const bound = 40 + 12 * schedule.trials * (schedule.repeats ?? 1) + 40 * (schedule.faults.length + changed)
  if (events.length > bound) violations.push(`the log of e1 holds ${events.length} events, more than ${bound}`)
  violations.push(...world.faults)
  if (process.env['MAGGY_TEST_LOG'] !== undefined) for (const event of events) logger.info(event)
  await world.close()
  return { violations, legs: firstLegs, endedAfterMs }
}

/** Remembers which result each worker says, for the reply does not name it. */
function note(leg: Leg, asked: Map<string, { trial: number; attempt: number }>): void {
  if (leg.kind !== 'message' || leg.data === undefined || paramsFrom(done, leg.subject) === undefined) return
  const { trial, attempt } = decodePayload(done, leg.data, leg.subject)
  asked.set(`${leg.from} ${leg.subject}`, { trial, attempt })
}

function acknowledge(
  leg: Leg,
  asked: Map<string, { trial: number; attempt: number }>,
  acknowledged: { trial: number; attempt: number }[],
): void {
  if (leg.data === undefined || !leg.subject.endsWith('.e1')) return
  const result = asked.get(`${leg.to} ${leg.subject}`)
  if (result !== undefined && 'ok' in (decode(leg.data, leg.subject) as object)) acknowledged.push(result)
}

/** A user's request, as it is made. */
function madeOf(world: World, { kind, ms }: ChangeAt): Promise<void> {
  switch (kind) {
    case 'more trials':
      return world.change('e1', { trials: { more: 3 } })
    case 'enqueued':
      return world.change('e1', { enqueue: [{ x: 0.5 }] })
    case 'optimizer':
      return world.change('e1', { optimizer: { name: 'sobol', options: {} }, trials: { more: 1 } })
    case 'pruner':
      return world.change('e1', { pruner: { name: 'median', options: {} } })
    case 'parallel':
      return world.change('e1', { policy: { parallel: 1 } })
    case 'failed anew':
      return world.change('e1', { failed: true })
    default:
      return world.pause('e1', kind === 'halted', ms)
  }
}

/** What a replay decides otherwise. */
async function differencesOf(world: World): Promise<string[]> {
  const found: string[][] = []
  void sourceOf(world.client, 'e1')
    .then((source) => replay(source))
    .then(({ differences, untaken }) =>
      found.push([...differences, ...Object.entries(untaken)].map((one) => `replay: ${JSON.stringify(one)}`)),
    )
    .catch((error: unknown) => found.push([`replay: ${describe(error)}`]))
  await world.run(10_000, () => found.length > 0)
  return found[0] ?? ['replay: it does not end']
}

function strike(
  world: World,
  leg: Leg,
  { kind, ms, sameId }: Fault,
  interrupt: (ms: number, mode: 'finish' | 'cancel') => void,
): Transit {
  const { clock, network } = world
  const follow = ({ role, id, slots }: Process): void => {
    clock.setTimeout(() => void world.start(role, nextId(role, id, sameId), slots), ms)
  }
  const kill = (name: string): void => {
    const dead = world.kill(name)
    if (dead === undefined) return
    follow(dead)
  }
  const drain = (name: string): void => world.drain(name, follow)
  const cut = (name: string): void => {
    const bus = world.processes.get(name)?.bus
    if (bus === undefined) return
    network.outage(bus)
    clock.setTimeout(() => {
      if (world.processes.has(name)) network.restore(bus)
    }, ms)
  }
  switch (kind) {
    case 'lost':
    case 'twice':
      return kind
    case 'stalled':
      return { stallMs: ms }
    case 'sender killed':
      kill(leg.from)
      return 'lost'
    case 'receiver killed':
      kill(leg.to)
      return 'lost'
    case 'sender cut off':
      cut(leg.from)
      return 'lost'
    case 'receiver cut off':
      cut(leg.to)
      return 'lost'
    case 'sender drained':
      drain(leg.from)
      return 'arrives'
    case 'receiver drained':
      drain(leg.to)
      return 'arrives'
    case 'search interrupted':
      interrupt(ms, sameId ? 'cancel' : 'finish')
      return 'arrives'
    case 'runner crashed':
      for (const { runners } of world.processes.values()) {
        for (const runner of runners) if (leg.from === runner.name || leg.to === runner.name) runner.crash()
      }
      return 'arrives'
    default: {
      const alive = [...world.processes.keys()]
      for (const name of alive) cut(name)
      network.outage(world.client)
      clock.setTimeout(() => {
        network.restore(world.client)
      }, ms)
      return 'lost'
    }
  }
}

const nextId = (role: Role, id: string, sameId: boolean): string => (role === 'driver' && !sameId ? `${id}x` : id)

function submissionOf(experiment: string, { seed, trials, optimizer, pruner, repeats = 1 }: Schedule): Submission {
  return {
    experiment,
    name: 'simulated',
    contextName: 'tune',
    context: {
      kind: 'optimization',
      optimizer: { name: optimizer, options: {} },
      pruner: pruner === null ? null : { name: pruner, options: {} },
      space: { x: { type: 'double', low: 0, high: 1 } },
      trials,
      ...(repeats === 1 ? {} : { repeats }),
      objectives: [{ metric: 'value', direction: 'maximize' }],
      hparams: {},
      seed,
      policy: { trialTimeoutMs: null, graceMs: 1000, maxAttempts: 8, maxFailed: null, parallel: null, labels: {} },
    },
    bundle: { sha256: 'a'.repeat(64), bytes: 1, module: 'simulated.ts' },
  }
}

const moreBy: Readonly<Record<ChangeAt['kind'], number>> = {
  'more trials': 3,
  enqueued: 1,
  optimizer: 1,
  pruner: 0,
  parallel: 0,
  'failed anew': 0,
  paused: 0,
  halted: 0,
}

function wrongWith(
  events: readonly LogEvent[],
  { trials: begun, changes = [], repeats = 1 }: Schedule,
  acknowledged: readonly { trial: number; attempt: number }[],
): string[] {
  const wrong: string[] = []
  const more = changes.reduce((sum, { kind }) => sum + moreBy[kind], 0)
  const trials = begun + more
  const suggested = events.flatMap((event) => (event.type === 'trial.suggested' ? [event] : []))
  if (suggested.length !== trials) wrong.push(`${suggested.length} trials were suggested, not ${trials}`)
  const end = events.at(-1)
  if (end?.type !== 'experiment.ended' || end.state !== 'done') wrong.push(`it ended as ${JSON.stringify(end)}`)
  const all = suggested.flatMap(({ trial, hparams }) =>
    Array.from({ length: repeats }, (_, repeat) => ({ trial: trial + repeat, first: trial, hparams })),
  )
  const finalsOf = (trial: number) =>
    events.flatMap((event) =>
      event.type === 'trial.ended' &&
      event.trial === trial &&
      (event.outcome.kind === 'done' || event.outcome.kind === 'stopped')
        ? [event.outcome]
        : [],
    )
  for (const { trial, first, hparams } of all) {
    const finals = finalsOf(trial)
    const beside = Array.from({ length: repeats }, (_, repeat) => finalsOf(first + repeat)).flat()
    const isNeedless = repeats > 1 && beside.some((one) => one.kind === 'stopped' && one.reason === 'pruned')
    if (finals.length === 0 && !isNeedless) wrong.push(`trial ${trial} has no result`)
    for (const outcome of finals) {
      if (outcome.kind === 'done' && outcome.metrics['value'] !== valueOf(hparams))
        wrong.push(`trial ${trial} has another result than its hparams give`)
    }
  }
  for (const { trial, attempt } of acknowledged) {
    const kept = events.some(
      (event) => event.type === 'trial.ended' && event.trial === trial && event.attempt === attempt,
    )
    const settledBy = events.some((event) => event.type === 'trial.ended' && event.trial === trial)
    if (!kept && !settledBy)
      wrong.push(`the result of attempt ${attempt} at trial ${trial} was acknowledged and is gone`)
  }
  return wrong
}
