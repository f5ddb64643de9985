/**
 * How much of a training is left where workers keep dying: samples that count, in a time, against those of the same training undisturbed.
 * Beside it what a restart of all workers from the last checkpoint would leave (as elastic launchers do it): of each interval between
 * two losses it loses the time until all workers are there again, and half of the way from one checkpoint to the next.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { training } from 'maggy'
import { decodePayload, metrics, subjectFor } from '../../protocol/index.ts'
import type { Child } from '../../src/actor/index.ts'
import { readResult } from '../../src/store/index.ts'
import { startSystem, until, type System } from '../support/system.ts'
import type { BenchOptions, Report } from './main.ts'
import { median, round } from './statistics.ts'
import { moduleFile } from './trials.ts'

const members = 3
const batchSize = 32
const stepsAnEpoch = 40
const samples = members * batchSize * stepsAnEpoch
const stepMs = 60
const checkpointEvery = 100
const undisturbedEpochs = 8
/** Losses that are measured at each pace. */
const losses = 5

interface Measured {
  /** Samples that counted, a second. */
  readonly rate: number
  readonly stepSeconds: number
  /** From a loss until the ring was whole again. */
  readonly wholeAgain: readonly number[]
  readonly wrong: string
}

async function measured(
  system: System,
  id: string,
  epochs: number,
  disturb: (ended: AbortSignal) => Promise<readonly number[]>,
): Promise<Measured> {
  const times: number[] = []
  const subject = subjectFor(metrics, { worker: '*', experiment: id, trial: '0' })
  const heard = system.bus.subscribe(subject, ({ data }) => {
    for (const { at } of decodePayload(metrics, data, subject).points) times.push(at)
  })
  const hparams = { samples, batchSize, epochs, seed: 1, stepMs }
  await system.submit(
    moduleFile('counted'),
    training({ workers: { min: 1, max: members }, hparams, checkpointEvery, maxAttempts: 1000 }),
    id,
  )
  await until(system, id, 'ring.formed', (event) => event.members.length === members)
  const ended = new AbortController()
  const disturbing = disturb(ended.signal)
  await system.ended(id)
  ended.abort()
  const wholeAgain = await disturbing
  heard.unsubscribe()
  const [trial] = (await readResult(system.bus, id)).trials
  const { counted = NaN, twice, steps = NaN, digest, digestSquared } = trial?.metrics ?? {}
  const seconds = (Math.max(...times) - Math.min(...times)) / 1000
  const isRight =
    trial?.state === 'done' && twice === 0 && steps === epochs * stepsAnEpoch && digestSquared === (digest ?? NaN) ** 2
  return {
    rate: (counted ?? NaN) / seconds,
    stepSeconds: seconds / (steps ?? NaN),
    wholeAgain,
    wrong: isRight ? '' : JSON.stringify({ id, state: trial?.state, steps, twice }),
  }
}

export async function goodput(say: (line: string) => void, { kills = losses }: BenchOptions): Promise<Report> {
  const system = await startSystem()
  try {
    await system.actor('driver')
    let workers: Child[] = await system.workers(members)
    const quiet = await measured(system, 'quiet', undisturbedEpochs, () => Promise.resolve([]))
    say(`undisturbed: ${round(quiet.rate, 0)} samples a second`)

    const at = async (everySeconds: number): Promise<Measured> => {
      const id = `every-${everySeconds}`
      const epochs = Math.ceil(((kills + 0.5) * everySeconds) / (stepsAnEpoch * quiet.stepSeconds))
      return await measured(system, id, epochs, async (ended) => {
        const again: number[] = []
        const rejoined: Promise<void>[] = []
        for (let turn = 1; turn <= kills && !ended.aborted; turn += 1) {
          await sleep(everySeconds * 1000, undefined, { signal: ended }).catch(() => undefined)
          if (ended.aborted) break
          const killedAt = Date.now()
          workers.shift()?.process.kill('SIGKILL')
          // Whoever looks after workers starts another one at once.
          workers = [...workers, await system.actor('worker')]
          const whole = until(
            system,
            id,
            'ring.formed',
            ({ at: formed, members: there }) => formed > killedAt && there.length === members,
          )
          rejoined.push(
            whole.then(
              ({ at: formed }) => void again.push((formed - killedAt) / 1000),
              () => undefined,
            ),
          )
          say(`every ${everySeconds} s: ${turn} of ${kills} killed`)
        }
        await Promise.all(rejoined)
        return again
      })
    }
    const twenty = await at(20)
    const five = await at(5)
    /** What restarts would leave of each interval. */
    const restarts = (everySeconds: number): number => {
      const again = median([...twenty.wholeAgain, ...five.wholeAgain])
      const lost = Math.min(everySeconds, (checkpointEvery * quiet.stepSeconds) / 2)
      return Math.max(0, (everySeconds - again - lost) / everySeconds)
    }
    return {
      figures: {
        undisturbedSamplesPerSecond: round(quiet.rate, 0),
        goodputEvery20s: round(twenty.rate / quiet.rate, 3),
        restartEvery20s: round(restarts(20), 3),
        goodputEvery5s: round(five.rate / quiet.rate, 3),
        restartEvery5s: round(restarts(5), 3),
        wholeAgainMedianS: round(median([...twenty.wholeAgain, ...five.wholeAgain]), 1),
        checkpointIntervalS: round(checkpointEvery * quiet.stepSeconds, 1),
        wrong: [quiet, twenty, five].map(({ wrong }) => wrong).join('') || 'nothing',
      },
      bars: { goodputEvery20s: '>= 0.85', wrong: 'nothing' },
    }
  } finally {
    await system.stop()
  }
}
