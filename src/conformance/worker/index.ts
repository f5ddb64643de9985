/** All checks of a worker. They need a bus on which no driver runs: a driver takes every slot that it sees. */
import {
  assign,
  encode,
  lease,
  metrics,
  decodePayload,
  ping,
  stopTrial,
  subjectFor,
  type Call,
} from '../../../protocol/index.ts'
import { otherVersion, requiresAnyError, requiresError } from '../answers.ts'
import { Finding, requires, type Check } from '../check.ts'
import { cameText } from '../line.ts'
import type { WorkerPeer } from './peer.ts'

export { WorkerPeer } from './peer.ts'
export { program, programName } from './program.ts'

/** Of which it is told to stop at the first: whoever makes so many more was deaf to it. */
const manyReports = 100
/** A trial that is over so soon need not say that it has begun (trial.started). */
const leftOutMs = 1000
const long = { steps: 2000, pauseMs: 20 }

export const workerChecks: readonly Check<WorkerPeer>[] = [
  {
    name: 'presence.announce',
    says: 'announces itself when a driver calls the roll',
    why: 'a driver that starts knows nobody: who does not announce itself gets no trials',
    async run(peer) {
      const { info, status } = await peer.announced()
      requires(info.worker === peer.name, () => `it announces ${info.worker} on the subject of ${peer.name}`)
      const slots = status.slots.map(({ slot }) => slot)
      // A slot that is not named is not offered yet.
      const isWhole = slots.length > 0 && new Set(slots).size === slots.length
      requires(isWhole && slots.every((slot) => slot < info.slots), () => {
        return `it has ${info.slots} slots, numbered from 0, and offers ${slots.join(', ') || 'none'}`
      })
      return `${slots.length} of ${info.slots} slots offered, backend ${info.backend}`
    },
  },
  {
    name: 'presence.beat',
    says: 'beats, with what its slots hold',
    why: 'a worker that is silent for 8 s is lost, and what it runs is run again elsewhere',
    async run(peer) {
      await peer.beat()
      await peer.beat()
      return undefined
    },
  },
  {
    name: 'presence.ping',
    says: 'answers a ping with its status',
    why: 'it is asked when its beats stay out, before it is given up',
    async run(peer) {
      await peer.status()
      return undefined
    },
  },
  otherVersion((peer) => ({ subject: subjectFor(ping, { worker: peer.name }), payload: {} })),
  {
    name: 'transport.garbage',
    says: 'answers garbage with an error, and goes on',
    why: 'one message that is not valid must not end a worker, nor what it runs',
    async run(peer) {
      const calls: readonly Call[] = [lease, assign, stopTrial]
      for (const call of calls) {
        for (const payload of [new Uint8Array(), new Uint8Array([0xc1]), encode([]), encode({})]) {
          const came = await peer.call(call, payload)
          requiresAnyError(came)
        }
      }
      await peer.status()
      return undefined
    },
  },
  {
    name: 'lease.first',
    says: 'leases a slot to the first driver that asks, and says so in its status',
    why: 'the worker alone decides who holds its slots',
    async run(peer) {
      await peer.holding(async (driver) => {
        const { slots } = await peer.status()
        requires(
          slots[0]?.driver === driver.id,
          () => `slot 0 is held by ${driver.id}, and the status says ${slots[0]?.driver}`,
        )
        // Asked again: the answer may have been lost.
        await peer.lease(driver)
      })
      return undefined
    },
  },
  {
    name: 'lease.taken',
    says: 'refuses a slot that another driver holds with SLOT_TAKEN',
    why: 'two drivers that both believe they hold a slot hand it two trials',
    async run(peer) {
      const other = peer.driver()
      try {
        await peer.holding(async () => {
          const came = await peer.call(lease, { driver: other.id, slot: 0 })
          requiresError(came, 'SLOT_TAKEN')
        })
      } finally {
        other.end()
      }
      return undefined
    },
  },
  {
    name: 'lease.no-such-slot',
    says: 'refuses a slot that it does not have',
    why: 'a driver that heard something else of it must not wait for a slot that is not there',
    async run(peer) {
      const driver = peer.driver()
      try {
        const came = await peer.call(lease, { driver: driver.id, slot: 1000 })
        requires(came.kind === 'error', () => `an error should come, and there came ${cameText(came)}`)
      } finally {
        driver.end()
      }
      return undefined
    },
  },
  {
    name: 'lease.released',
    says: 'gives a slot that was released to the next driver',
    why: 'fleets are shared: a driver gives back what it has no use for',
    async run(peer) {
      await peer.holding(async () => {})
      await peer.holding(async () => {})
      return undefined
    },
  },
  {
    name: 'lease.foreign-release',
    says: 'does not release a slot for a driver that does not hold it',
    why: 'a release that comes late would take the slot away from its new holder',
    async run(peer) {
      const other = peer.driver()
      try {
        await peer.holding(async (driver) => {
          await peer.tryRelease(other)
          const { slots } = await peer.status()
          requires(slots[0]?.driver === driver.id, () => 'another driver released it')
        })
      } finally {
        other.end()
      }
      return undefined
    },
  },
  {
    name: 'lease.ends',
    says: 'ends the lease of a driver that has fallen silent',
    why: 'a driver that was killed releases nothing: its slots would be lost to all others',
    async run(peer) {
      const driver = peer.driver()
      await peer.lease(driver)
      driver.end()
      await peer.beat(({ slots }) => slots[0]?.driver === null, peer.leaseEndsMs)
      return undefined
    },
  },
  {
    name: 'trial.without-lease',
    says: 'takes no attempt from a driver that holds no lease',
    why: 'what a driver that was replaced hands over late would run beside what the new one does',
    async run(peer) {
      const driver = peer.driver()
      try {
        const came = await peer.tryAssign(peer.assignment(driver, peer.attempt()))
        requires(came.kind === 'error', () => `LEASE_UNKNOWN should come, and there came ${cameText(came)}`)
      } finally {
        driver.end()
      }
      return undefined
    },
  },
  {
    name: 'trial.runs',
    says: 'runs an attempt, says when it has begun, and what it came to with the metric that was asked for',
    why: 'this is what a worker is for',
    async run(peer) {
      return peer.running(async ({ driver, attempt, following }) => {
        const assignment = peer.assignment(driver, attempt)
        await peer.must(assign, assignment)
        const { outcome, points, startedAt, endedAt } = await following.ended()
        if (outcome.kind === 'failed')
          throw new Finding(
            'failed',
            `the trial failed: ${outcome.problem.message} (give what its objective needs with --hparams)`,
          )
        if (startedAt === null || endedAt - startedAt >= leftOutMs) await following.begun()
        requires(outcome.kind === 'done', () => `it should be done, and is ${outcome.kind}`)
        const [metric = ''] = assignment.objectives
        requires(
          outcome.metrics[metric] !== undefined,
          () => `it lacks the metric ${metric}: there are ${Object.keys(outcome.metrics).join(', ')}`,
        )
        return `${points} reports`
      })
    },
  },
  {
    name: 'trial.reports-kept',
    says: 'has recorded as many reports as it says it has',
    why: 'reports are read from the stream of metrics, by a pruner, by `maggy show`, by the next driver',
    async run(peer) {
      return peer.running(async ({ driver, attempt, following }) => {
        await peer.must(assign, peer.assignment(driver, attempt))
        const { points } = await following.ended()
        const subject = subjectFor(metrics, { worker: peer.name, experiment: attempt.experiment, trial: '0' })
        const found = new Map<number, number>()
        for await (const { data } of peer.line.bus.streams.read('telemetry', subject)) {
          const batch = decodePayload(metrics, data, subject)
          for (const [index, { step }] of batch.points.entries()) found.set(batch.first + index, step)
        }
        peer.line.note(`the stream of metrics on ${subject}`, `${found.size} reports`)
        requires(found.size === points, () => `it says ${points} reports, and ${found.size} are in the stream`)
        const steps = [...found].toSorted(([a], [b]) => a - b).map(([, step]) => step)
        requires(
          steps.every((step, index) => index === 0 || step >= (steps[index - 1] ?? 0)),
          () => `steps go back: ${steps.join(', ')}`,
        )
        return `${points} reports`
      })
    },
  },
  {
    name: 'trial.assigned-twice',
    says: 'runs an attempt once that is handed over twice',
    why: 'the driver hands over again when it got no answer',
    async run(peer) {
      await peer.running(async ({ driver, attempt, following }) => {
        const assignment = peer.assignment(driver, attempt)
        // At once: the second is there before a short attempt has ended and its result is acknowledged.
        await Promise.all([peer.must(assign, assignment), peer.must(assign, assignment)])
        await following.ended()
        // Whatever runs after it comes later than this one.
        const next = peer.attempt()
        const after = peer.follow(next)
        await peer.must(assign, peer.assignment(driver, next))
        await after.ended()
        after.end()
        requires(
          following.results.length === 1,
          () => `its result came ${following.results.length} times, though the first was acknowledged`,
        )
      })
      return undefined
    },
  },
  {
    name: 'trial.said-again',
    says: 'says a result again until it is acknowledged, and tells that it owes it',
    why: 'a result outlives a driver that is away: it is in the log before it is acknowledged, and only then forgotten',
    async run(peer) {
      await peer.running(async ({ driver, attempt, following }) => {
        await peer.must(assign, peer.assignment(driver, attempt))
        await following.ended(1)
        const { unacknowledged } = await peer.status()
        requires(
          unacknowledged.some(({ experiment }) => experiment === attempt.experiment),
          () => 'its status does not tell that it owes the result',
        )
        await following.ended(3)
        await peer.beat(({ unacknowledged: owed }) => !owed.some(({ experiment }) => experiment === attempt.experiment))
      }, 2)
      return undefined
    },
  },
  {
    name: 'trial.stopped',
    says: 'stops an attempt that it is told to stop, and says so',
    why: 'a pruner that is not heard saves nothing',
    async run(peer) {
      await peer.running(async ({ driver, attempt, following }) => {
        await peer.must(assign, peer.assignment(driver, attempt, long))
        await following.begun()
        const { known } = (await peer.stop(attempt)) as { known: boolean }
        const { outcome, points } = await following.ended()
        if (outcome.kind === 'done' && points < manyReports) {
          throw new Finding('skipped', 'its trial was over before it could be stopped')
        }
        requires(known, () => 'it said that it does not know the attempt')
        requires(outcome.kind === 'stopped', () => `the outcome should be stopped, and is ${outcome.kind}`)
      })
      return undefined
    },
  },
  {
    name: 'trial.stop-unknown',
    says: 'says of an attempt that it does not have that it does not know it',
    why: 'by this the driver learns that an attempt has ended, or was never there',
    async run(peer) {
      const { known } = (await peer.stop(peer.attempt())) as { known: boolean }
      requires(!known, () => 'it says that it knows an attempt that never was')
      return undefined
    },
  },
]
