/** What the page may have done, if the board was started with --control. Each is a call that a command of maggy makes as well. */
import { problem, own } from '../../protocol/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import { stopRunning, takeUp } from '../../src/client/index.ts'

/** Resolves with what is to be told; rejects with a problem of the table. */
export type Control = (bus: Bus, experiment: string, asked: Readonly<Record<string, unknown>>) => Promise<object>

const patienceMs = 10_000

const controls: Readonly<Record<string, Control>> = {
  stop: async (bus, experiment, { mode }) => {
    if (mode !== 'finish' && mode !== 'cancel')
      throw problem('OPTION_INVALID', { option: 'mode', reason: 'is finish or cancel' })
    return { state: await stopRunning(bus, experiment, mode) }
  },
  resume: async (bus, experiment) => {
    await takeUp(bus, experiment, { signal: AbortSignal.timeout(patienceMs) })
    return { state: 'running' }
  },
}

export const controlOf = (name: string): Control | undefined => own(controls, name)
