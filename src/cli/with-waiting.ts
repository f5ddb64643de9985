/** Experiments with what they wait for, as their drivers say it: the log does not tell. */
import type { Bus } from '../bus/index.ts'
import { heardMs, waitingOf, type Waiting } from '../client/index.ts'
import { hasEnded } from '../history/index.ts'
import type { Outline } from '../store/index.ts'
import { isServed, where, type BusOptions } from './looking.ts'

/** null: it is over, or it goes on. */
export type Waits = { readonly waiting: Waiting | null }

/** Nobody is asked for those that are over: they are as quick to show as they were. `read` reads one anew. */
export async function withWaiting<T extends Outline>(
  bus: Bus,
  options: BusOptions,
  known: readonly T[],
  read: (experiment: string) => Promise<T | undefined>,
): Promise<(T & Waits)[]> {
  const said = await waitingOf(
    bus,
    known.filter((one) => !hasEnded(one.state)).map(({ experiment }) => experiment),
  )
  const all: (T & Waits)[] = []
  for (const one of known) {
    const waiting = hasEnded(one.state) ? null : said.get(one.experiment)
    if (waiting !== undefined) {
      all.push({ ...one, waiting })
      continue
    }
    // No driver speaks for it: it may have ended since it was read.
    const now = (await read(one.experiment)) ?? one
    all.push({ ...now, waiting: hasEnded(now.state) ? null : undriven(bus, options, one.experiment) })
  }
  return all
}

function undriven({ server, status }: Bus, options: BusOptions, experiment: string): Waiting {
  if (status !== 'connected')
    return { code: 'BUS_DISCONNECTED', message: `no connection to ${server}`, sinceMs: heardMs }
  const resume = `\`maggy resume ${experiment}${where(options)}\``
  // An embedded bus is there for as long as this command runs.
  const remedy = isServed(options)
    ? `start one with \`maggy driver --server ${server}\`, or take it up with ${resume}`
    : `take it up with ${resume}`
  return { code: 'BUS_NO_RESPONDERS', message: `no driver has this experiment: ${remedy}`, sinceMs: heardMs }
}
