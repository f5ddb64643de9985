/** Actions of the page, if the board was started with --control. Each is a call that a command of maggy makes as well. */
import { problem, own, type Hparams } from '../../protocol/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import {
  changeAndResume,
  changeRunning,
  enqueueTrials,
  pauseRunning,
  stopRunning,
  takeUp,
} from '../../src/client/index.ts'

type Asked = Readonly<Record<string, unknown>>

/** Resolves with the state of the experiment afterwards; rejects with a problem of the table. */
export type Control = (bus: Bus, experiment: string, asked: Asked) => Promise<object>

const patienceMs = 10_000
const mostTrials = 1_000_000

const controls: Readonly<Record<string, Control>> = {
  stop: async (bus, experiment, { mode }) => {
    if (mode !== 'finish' && mode !== 'cancel') throw invalid('mode', 'is finish or cancel')
    return { state: await stopRunning(bus, experiment, mode) }
  },
  pause: async (bus, experiment, { now = false }) => {
    if (typeof now !== 'boolean') throw invalid('now', 'is true or false')
    return { state: await pauseRunning(bus, experiment, now) }
  },
  resume: async (bus, experiment) => {
    await takeUp(bus, experiment, { signal: AbortSignal.timeout(patienceMs) })
    return { state: 'running' }
  },
  more: async (bus, experiment, { trials }) => {
    if (typeof trials !== 'number' || !Number.isInteger(trials) || trials < 1 || trials > mostTrials)
      throw invalid('trials', `is a whole number from 1 to ${mostTrials}`)
    const signal = AbortSignal.timeout(patienceMs)
    return { state: await changeAndResume(bus, experiment, { trials: { more: trials } }, { signal }) }
  },
  enqueue: async (bus, experiment, { hparams }) => {
    const entry = objectIn(hparams, 'hparams')
    const signal = AbortSignal.timeout(patienceMs)
    return { state: await enqueueTrials(bus, experiment, [entry as Hparams], { signal }) }
  },
  swap: async (bus, experiment, { name, options = {} }) => {
    if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,128}$/.test(name))
      throw invalid('name', 'is no name of an optimizer')
    const optimizer = { name, options: objectIn(options, 'options') }
    return { state: await changeRunning(bus, experiment, { optimizer }) }
  },
}

export const controlOf = (name: string): Control | undefined => own(controls, name)

const invalid = (option: string, reason: string) => problem('OPTION_INVALID', { option, reason })

function objectIn(given: unknown, option: string): Record<string, unknown> {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given as Record<string, unknown>
  throw invalid(option, 'is no object')
}
