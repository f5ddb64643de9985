/** Checks of an actor on the bus as tests of whatever runner: each with an actor that was started for it. */
import assert from 'node:assert/strict'
import type { Bus } from '../../src/bus/index.ts'
import { runChecks, type Asked, type Check } from '../../src/conformance/index.ts'
import type { TestRunner } from './runner.ts'

interface Started {
  readonly bus: Bus
  readonly stop: () => Promise<void>
}

/** A check that cannot be made, because the actor refuses what it would be made with, passes. */
export function checksAsTests<Peer extends Asked>(
  name: string,
  checks: readonly Check<Peer>[],
  start: () => Promise<Started>,
  peerOn: (bus: Bus) => Peer,
  { describe, it }: TestRunner,
): void {
  describe(name, () => {
    for (const check of checks) {
      it(`${check.name}: ${check.says}`, async () => {
        const { bus, stop } = await start()
        try {
          const [result] = await runChecks(peerOn(bus), [check])
          const { state, reason, sent, came } = result ?? { state: 'failed' }
          assert.ok(state !== 'failed', `${reason}\nsent: ${sent}\ncame: ${came}\nwhy it matters: ${check.why}`)
        } finally {
          await stop()
        }
      })
    }
  })
}
