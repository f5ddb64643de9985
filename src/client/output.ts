/** Follows the output of an experiment's trials while they run, to the last line. */
import { codeOf } from '../../protocol/index.ts'
import type { Bus, Entry } from '../bus/index.ts'
import { linesOf, LogHolders, outputSubject, type OutputLine } from '../store/index.ts'

export interface Output {
  /** Resolves once all has been heard that was printed so far, and no more is. */
  finish(): Promise<void>
}

/** Where the output stands now: what comes after it is new. */
export async function outputSoFar(bus: Bus, experiment: string): Promise<number> {
  return (await bus.streams.last('telemetry', outputSubject(experiment, undefined)))?.sequence ?? 0
}

/** Hears all lines after that place in the stream. */
export function followOutput(
  bus: Bus,
  experiment: string,
  after: number,
  hear: (trial: number, line: OutputLine) => void,
): Output {
  const subject = outputSubject(experiment, undefined)
  const stopping = new AbortController()
  let last = after
  const holders = new LogHolders(bus, experiment)
  const take = async (entry: Entry): Promise<void> => {
    const lines = await linesOf(entry, holders)
    last = entry.sequence
    const trial = Number(entry.subject.split('.').at(-1))
    for (const line of lines) hear(trial, line)
  }
  const following = (async () => {
    for await (const entry of bus.streams.follow('telemetry', subject, { after, signal: stopping.signal }))
      await take(entry)
  })()
  // `finish` waits for it; that a bus breaks is told by what counts, the log.
  following.catch(() => undefined)
  return {
    async finish() {
      stopping.abort()
      try {
        await following
        for await (const entry of bus.streams.read('telemetry', subject, { after: last })) await take(entry)
      } catch (error) {
        if (codeOf(error) === undefined) throw error
      }
    },
  }
}
