/** Asks drivers for what becomes of experiments beside their running: notes, tags, removal, and the code that was run. */
import { createHash } from 'node:crypto'
import {
  annotateArchived,
  annotateExperiment,
  codeOf,
  problem,
  readSource,
  removeArchived,
  type PayloadOf,
} from '../../protocol/index.ts'
import { systemClock, type Clock } from '../actor/index.ts'
import { ask, type Bus } from '../bus/index.ts'
import { pause } from './submit.ts'

export type Annotation = PayloadOf<typeof annotateExperiment>

const answerMs = 10_000
const retryMs = 200
/** A driver that was killed is known to be gone after a few seconds; until then it counts as the owner. */
const patienceMs = 10_000
/** A large experiment takes a while. */
const removalMs = 120_000

/**
 * Gives an experiment a note or tags, whether it runs or has ended; resolves with its tags. Rejects with EXPERIMENT_UNKNOWN,
 * ANNOTATION_REFUSED, DRIVER_MISSING.
 */
export async function annotate(bus: Bus, experiment: string, annotation: Annotation): Promise<readonly string[]> {
  const given = await patiently(async () => {
    try {
      return await ask(bus, annotateExperiment, { experiment }, annotation, { timeoutMs: answerMs })
    } catch (error) {
      if (codeOf(error) !== 'BUS_NO_RESPONDERS') throw error
      return await ask(bus, annotateArchived, {}, { experiment, ...annotation }, { timeoutMs: answerMs })
    }
  })
  return given.tags
}

/**
 * Removes an experiment that has ended; resolves with whether its code went too. Rejects with EXPERIMENT_UNKNOWN, EXPERIMENT_BUSY,
 * EXPERIMENT_PINNED, DRIVER_MISSING.
 */
export async function removeExperiment(bus: Bus, experiment: string): Promise<boolean> {
  return await withDriver(async () => {
    const removed = await ask(bus, removeArchived, {}, { experiment }, { timeoutMs: removalMs })
    return removed.bundle
  })
}

/** The code of this hash. Rejects with BUNDLE_MISSING, BUNDLE_CORRUPT, DRIVER_MISSING. */
export async function fetchSource(bus: Bus, sha256: string): Promise<Uint8Array> {
  return await withDriver(async () => {
    const parts: Uint8Array[] = []
    for (let read = 0, bytes = Infinity; read < bytes;) {
      const part = await ask(bus, readSource, {}, { bundle: sha256, offset: read }, { timeoutMs: answerMs })
      parts.push(new Uint8Array(part.data))
      read += part.data.length
      bytes = part.data.length === 0 ? read : part.bytes
    }
    const code = new Uint8Array(Buffer.concat(parts))
    if (createHash('sha256').update(code).digest('hex') !== sha256) throw problem('BUNDLE_CORRUPT', { sha256 })
    return code
  })
}

/** A request that arrives while a driver lets go of the experiment is sent again. */
async function patiently<T>(call: () => Promise<T>, clock: Clock = systemClock): Promise<T> {
  const since = clock.elapsed()
  for (;;) {
    try {
      return await withDriver(call)
    } catch (error) {
      if (codeOf(error) !== 'EXPERIMENT_BUSY' || clock.elapsed() - since > patienceMs) throw error
    }
    await pause(retryMs, clock)
  }
}

async function withDriver<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (codeOf(error) === 'BUS_NO_RESPONDERS') throw problem('DRIVER_MISSING', {}, { cause: error })
    throw error
  }
}
