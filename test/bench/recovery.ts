/**
 * What the loss of a worker costs a training on three: kill -9 of one at a random moment, again and again, each made good by another.
 * A pause is the longest time without a step after a kill. What was trained on is counted by the training itself (modules/counted.ts).
 * `--long`: two minutes of workers that come and go every five seconds, too, and a member that is stopped for 15 s.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { training } from 'maggy'
import { decodePayload, metrics, subjectFor } from '../../protocol/index.ts'
import { packageRoot, type Child } from '../../src/actor/index.ts'
import { readResult } from '../../src/store/index.ts'
import { startSystem, until, type System } from '../support/system.ts'
import { freeze } from '../support/together.ts'
import type { BenchOptions, Report } from './main.ts'
import { median, round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const batchSize = 64
const members = 3
const stepsAnEpoch = 40
const samples = members * batchSize * stepsAnEpoch
/** So that one kill after the other fits into the training, on a slow machine too. */
const epochsAKill = 6
const seeds = [1, 2, 3]

const counted = moduleFile('counted')
type Metrics = Readonly<Record<string, number | null>>

interface End {
  readonly state: string
  readonly metrics: Metrics
}

async function endOf(system: System, id: string): Promise<End> {
  await system.ended(id)
  const [trial] = (await readResult(system.bus, id)).trials
  return { state: trial?.state ?? 'nothing', metrics: trial?.metrics ?? {} }
}

const replicasEqual = ({ digest, digestSquared }: Metrics): string => String(digestSquared === (digest ?? NaN) ** 2)

/** When each step of an experiment was first said to be over. */
function stepTimes(system: System, id: string): Map<number, number> {
  const times = new Map<number, number>()
  const subject = subjectFor(metrics, { worker: '*', experiment: id, trial: '0' })
  system.bus.subscribe(subject, ({ data }) => {
    for (const { step, at } of decodePayload(metrics, data, subject).points) {
      if (!times.has(step)) times.set(step, at)
    }
  })
  return times
}

/** Resolves when a step is over that was not at `since`. */
async function stepAfter(times: ReadonlyMap<number, number>, since: number): Promise<void> {
  while (Math.max(0, ...times.values()) <= since) {
    if (Date.now() - since > 120_000) throw new Error('no step for two minutes: the training does not go on')
    await sleep(20)
  }
}

/** The longest time without a step that ended after `since`. */
function longestGap(times: ReadonlyMap<number, number>, since: number): number {
  const all = [...times.values()].sort((a, b) => a - b)
  return Math.max(0, ...all.map((time, index) => (time > since ? time - (all[index - 1] ?? time) : 0)))
}

export async function recovery(say: (line: string) => void, { kills = 50, long }: BenchOptions): Promise<Report> {
  const system = await startSystem()
  const figures: Record<string, number | string> = {}
  try {
    await system.actor('driver')
    let workers: Child[] = await system.workers(members)

    // The same global batches, and nobody is killed: on one worker each, at once.
    const epochs = kills * epochsAKill
    const undisturbed = await Promise.all(
      seeds.map(async (seed) => {
        const hparams = { samples, batchSize: members * batchSize, epochs, seed }
        await system.submit(counted, training({ workers: 1, hparams }), `undisturbed-${seed}`)
        return await endOf(system, `undisturbed-${seed}`)
      }),
    )
    const losses = undisturbed.map(({ metrics: { loss } }) => loss ?? NaN)
    say(`undisturbed: losses ${losses.map((loss) => round(loss, 5)).join(', ')}`)

    const id = 'recovery'
    const times = stepTimes(system, id)
    const hparams = { samples, batchSize, epochs, seed: seeds[0] ?? 0, stepMs: 40 }
    await system.submit(counted, training({ workers: { min: 1, max: members }, hparams }), id)
    let { members: ring } = await until(system, id, 'ring.formed', (event) => event.members.length === members)
    const pauses: number[] = []
    for (let n = 0; n < kills; n += 1) {
      await stepAfter(times, Date.now())
      await sleep(300 + Math.random() * 500)
      const at = Math.floor(Math.random() * members)
      const killedAt = Date.now()
      workers[at]?.process.kill('SIGKILL')
      const known = ring.map(({ attempt }) => attempt)
      workers = [...workers.filter((_, index) => index !== at), ...(await system.workers(1))]
      const formed = await until(
        system,
        id,
        'ring.formed',
        ({ members: there }) => there.length === members && there.some(({ attempt }) => attempt > Math.max(...known)),
      )
      ring = formed.members
      await stepAfter(times, Date.now())
      await sleep(300)
      pauses.push(longestGap(times, killedAt))
      const step = Math.max(...times.keys())
      say(`kill ${n + 1} of ${kills}: ${round(pauses.at(-1) ?? NaN, 0)} ms; step ${step} of ${epochs * stepsAnEpoch}`)
    }
    say('the rest of the training, undisturbed')
    const { state, metrics: end } = await endOf(system, id)
    Object.assign(figures, {
      kills,
      ended: state,
      medianPauseMs: round(median(pauses), 0),
      maximumPauseMs: round(Math.max(...pauses), 0),
      stepsLost: epochs * stepsAnEpoch - (end['steps'] ?? NaN),
      samplesTwice: end['twice'] ?? NaN,
      // Those of members that were away.
      samplesLeftOut: epochs * samples - (end['counted'] ?? NaN),
      replicasEqual: replicasEqual(end),
      finalLoss: round(end['loss'] ?? NaN, 5),
      undisturbedLoss: round(losses[0] ?? NaN, 5),
      undisturbedSpread: round(Math.max(...losses) - Math.min(...losses), 5),
      lossDifference: round(Math.abs((end['loss'] ?? NaN) - (losses[0] ?? NaN)), 5),
    })
    if (long === true) Object.assign(figures, await churn(system, workers, say), await frozen(system, workers, say))
    return {
      figures,
      bars: {
        medianPauseMs: '<= 1000',
        maximumPauseMs: '<= 5000',
        stepsLost: '0',
        samplesTwice: '0',
        replicasEqual: 'true',
        lossDifference: '<= undisturbedSpread',
        churnStepsLost: '0',
        churnReplicasEqual: 'true',
        frozenStepsLost: '0',
        frozenReplicasEqual: 'true',
      },
    }
  } finally {
    await system.stop()
  }
}

const together = join(packageRoot(), 'test/system/modules/together.ts')
const togetherSteps = (epochs: number): number => (epochs * 960) / members / 8

/** One worker killed and another started every five seconds. */
async function churn(
  system: System,
  workers: Child[],
  say: (line: string) => void,
): Promise<Record<string, number | string>> {
  const id = 'churn'
  const epochs = 100
  const times = stepTimes(system, id)
  const hparams = { epochs, stepMs: 20 }
  await system.submit(together, training({ workers: { min: 1, max: members }, hparams, checkpointEvery: 50 }), id)
  await until(system, id, 'ring.formed', (event) => event.members.length === members)
  const turns = 24
  for (let turn = 1; turn <= turns; turn += 1) {
    await sleep(5_000)
    workers.shift()?.process.kill('SIGKILL')
    workers.push(await system.actor('worker'))
    say(`${turn} of ${turns} killed and replaced; step ${Math.max(...times.keys())} of ${togetherSteps(epochs)}`)
  }
  const end = await endOf(system, id)
  return {
    churnEnded: end.state,
    churnStepsLost: togetherSteps(epochs) - 1 - Math.max(...times.keys()),
    churnReplicasEqual: replicasEqual(end.metrics),
  }
}

/** SIGSTOP of a member for a second, five, and fifteen: after the last it is out, and comes back as a newcomer. */
async function frozen(
  system: System,
  workers: readonly Child[],
  say: (line: string) => void,
): Promise<Record<string, number | string>> {
  const id = 'frozen'
  const epochs = 30
  const times = stepTimes(system, id)
  // There are no others: it is a member.
  const [, victim] = workers
  const hparams = { epochs, stepMs: 20 }
  await system.submit(together, training({ workers: { min: 1, max: members }, hparams }), id)
  await until(system, id, 'ring.formed', (event) => event.members.length === members)
  const figures: Record<string, number | string> = {}
  for (const ms of [1_000, 5_000, 15_000]) {
    const since = Date.now()
    await stepAfter(times, since)
    const wake = freeze(victim?.pid ?? 0)
    await sleep(ms)
    wake()
    await sleep(3_000)
    figures[`frozen${ms}PauseMs`] = round(longestGap(times, since), 0)
    say(`stopped for ${ms} ms: the longest pause was ${figures[`frozen${ms}PauseMs`]} ms`)
  }
  const end = await endOf(system, id)
  return {
    ...figures,
    frozenEnded: end.state,
    frozenStepsLost: togetherSteps(epochs) - 1 - Math.max(...times.keys()),
    frozenReplicasEqual: replicasEqual(end.metrics),
  }
}
