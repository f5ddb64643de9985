/** Embedded fleets, shared within this process: one for a folder, started for the first who asks and stopped after the last. */
import { resolve } from 'node:path'
import { startFleet, type Fleet, type SuggesterName } from './fleet.ts'

/** One user's hold on a fleet. */
export interface Lease extends Pick<Fleet, 'url' | 'failed' | 'onDriver' | 'onNotice'> {
  release(): Promise<void>
}

interface Shared {
  readonly fleet: Promise<Fleet>
  users: number
  /** Set once it is being stopped: who comes now waits for that, and starts another. */
  stopped: Promise<void> | undefined
}

const fleets = new Map<string, Shared>()

export async function openFleet(options: {
  readonly data?: string
  readonly workers?: number
  readonly trust?: string
  readonly actors: readonly SuggesterName[] | 'none' | 'driver'
}): Promise<Lease> {
  const folder = resolve(options.data ?? '.maggy')
  let shared = fleets.get(folder)
  while (shared?.stopped !== undefined) {
    await shared.stopped
    shared = fleets.get(folder)
  }
  if (shared === undefined) {
    shared = { fleet: startFleet(folder), users: 0, stopped: undefined }
    fleets.set(folder, shared)
  }
  shared.users += 1
  const own = shared
  let released: Promise<void> | undefined
  const release = () => (released ??= leave(folder, own))
  try {
    const fleet = await shared.fleet
    if (options.actors === 'driver') await fleet.wants(0, [])
    else if (options.actors !== 'none') await fleet.wants(options.workers ?? 1, options.actors, options.trust)
    const { url, failed, onDriver, onNotice } = fleet
    return { url, failed, onDriver, onNotice, release }
  } catch (error) {
    await release()
    throw error
  }
}

async function leave(folder: string, shared: Shared): Promise<void> {
  shared.users -= 1
  if (shared.users > 0) return
  const stop = async () => {
    try {
      const fleet = await shared.fleet.catch(() => undefined) // who asked for it was told
      await fleet?.stop()
    } finally {
      fleets.delete(folder)
    }
  }
  shared.stopped = stop()
  await shared.stopped
}
