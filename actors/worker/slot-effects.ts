/** What a slot asks of the bus: an attempt's code, and what a runner that is gone had recorded. */
import type { Clock } from '../../src/actor/index.ts'
import type { BundleCache } from '../../src/bundle/index.ts'
import { ask, type Bus } from '../../src/bus/index.ts'
import { codeOf, problem, readRecorded, type Assignment } from '../../protocol/index.ts'
import type { LineBook } from './line-book.ts'
import type { Recorded } from './slot.machine.ts'
import type { Loss } from './settlement.ts'
import { fetchBundle } from './store.ts'

interface Means {
  readonly worker: string
  readonly bus: Bus
  readonly clock: Clock
  readonly cache: BundleCache
  readonly lines: LineBook
}

const firstPauseMs = 100
const lastPauseMs = 2_000

/** The file of a bundle. An outage of the bus is waited out: it is no fault of the attempt, which must not be spent for it. */
export async function loadBundle(
  { bus, worker, clock, cache }: Means,
  { bundle }: Assignment,
  signal: AbortSignal,
): Promise<string> {
  if (bundle === undefined) throw problem('BUNDLE_MISSING', { sha256: 'of an experiment without code' })
  const { sha256 } = bundle
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(lastPauseMs, pauseMs * 2)) {
    try {
      return await cache.fetch({ get: (_, name) => fetchBundle({ bus, clock, worker }, name) }, sha256)
    } catch (error) {
      // Aborted: nobody waits for it any more.
      if (signal.aborted || !outages.has(codeOf(error) ?? '')) throw error
      await new Promise<void>((resolve) => clock.setTimeout(resolve, pauseMs))
    }
  }
}

/** A driver that has too many readers says so, and means the same. */
const outages = new Set(['BUS_DISCONNECTED', 'BUS_TIMEOUT', 'BUS_NO_RESPONDERS', 'STORE_BUSY'])

/** The last metrics of an attempt whose runner went. Resolves once all that was said is recorded. */
export async function readLoss({ bus, worker, lines }: Means, loss: Loss): Promise<Recorded> {
  const { attempt, graceMs } = loss.assignment
  if (loss.killed === 'unresponsive') lines.add(attempt, 'log', problem('TRIAL_UNRESPONSIVE', { ms: graceMs }).message)
  try {
    return await recorded(bus, worker, loss)
  } finally {
    await lines.flush()
  }
}

/** The driver reads it from the stream. */
async function recorded(bus: Bus, worker: string, { assignment: { attempt: ref } }: Loss): Promise<Recorded> {
  const { experiment, trial, attempt } = ref
  return await ask(bus, readRecorded, { worker, experiment }, { trial, attempt }, { timeoutMs: 5_000 })
}
