/** A member's messages to the driver: it wants to join, its generation cannot go on, it leaves. */
import {
  codeOf,
  joinRing,
  leaveRing,
  suspectMember,
  type PayloadOf,
  type ReplyOf,
  type RingHolding,
  type RingPlan,
} from '../../../protocol/index.ts'
import { ask, type Bus } from '../../../src/bus/index.ts'
import type { RingFault } from '../../../src/ring/index.ts'
import type { Joining } from './training.ts'

/** How a newcomer is sent ahead. */
type Ahead = NonNullable<ReplyOf<typeof joinRing>['ahead']>

export interface DriverSide {
  /**
   * Asks to be a member until there is a generation (then `isWanted` says no; undefined), or until the training is to come to a step by
   * itself first (the step) and what the others were told up to there is known (`recall`). Throws RING_MANIFEST_DIFFERS.
   */
  join(
    joining: Joining,
    holding: () => RingHolding,
    isWanted: () => boolean,
    recall: (from: Ahead) => Promise<void>,
  ): Promise<number | undefined>
  /** Says it until the next generation comes. 'expelled': the ring goes on without this member. */
  suspect(
    plan: RingPlan,
    fault: RingFault,
    finished: number,
    isWanted: () => boolean,
  ): Promise<'over' | { readonly expelled: unknown }>
  leave(plan: RingPlan, finished: number, reason: PayloadOf<typeof leaveRing>['reason']): Promise<void>
}

const answerWithinMs = 2_000
const sayAgainMs = 500
const goodbyes = 3

export function createDriverSide(options: {
  readonly bus: Bus
  readonly me: { readonly worker: string; readonly ring: string }
  readonly slot: number
  readonly pause: (ms: number) => Promise<void>
}): DriverSide {
  const { bus, me, slot, pause } = options
  return {
    join: async ({ manifest, step, chases }, holding, isWanted, recall) => {
      // A member that is sent ahead and finds nobody to ask has tried, too: else it would be sent again and again.
      let vain = 0
      while (isWanted()) {
        try {
          const told = { slot, manifest, holding: holding(), step, chases: chases + vain }
          const { ahead } = await ask(bus, joinRing, me, told, { timeoutMs: answerWithinMs })
          if (ahead !== null && isWanted()) {
            vain += 1
            await recall(ahead)
            return ahead.step
          }
        } catch (error) {
          if (codeOf(error) === 'RING_MANIFEST_DIFFERS') throw error
          // No driver now, or none that knows this ring yet.
        }
        await pause(sayAgainMs)
      }
      return undefined
    },
    suspect: async ({ generation, rank }, { suspect, code }, finished, isWanted) => {
      while (isWanted()) {
        try {
          const told = { generation, rank, suspect, code, step: finished }
          await ask(bus, suspectMember, me, told, { timeoutMs: answerWithinMs })
        } catch (error) {
          // The ring goes on without this one, and the driver knows it: there is nothing to take leave of.
          if (codeOf(error) === 'RING_STALE' && isWanted()) return { expelled: error }
        }
        await pause(sayAgainMs)
      }
      return 'over'
    },
    leave: async ({ generation, rank }, finished, reason) => {
      for (let tries = 0; tries < goodbyes; tries += 1) {
        try {
          await ask(bus, leaveRing, me, { generation, rank, finished, reason }, { timeoutMs: answerWithinMs })
          return
        } catch {
          // It will be missed, and found to be gone.
          await pause(sayAgainMs)
        }
      }
    },
  }
}
