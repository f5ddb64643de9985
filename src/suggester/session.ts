/**
 * One experiment in an optimizer or an ablator: its history, in which its own suggestions are pending until they are observed.
 * I1 A trial that is asked for again (the driver lost the reply) gets the suggestion that it got before.
 * I2 Questions are answered one after the other, so each counts the one before it as pending.
 * I3 The history that a question was given never changes afterwards.
 */

/** A session of any kind, as a service sees it. */
export interface AnySession {
  /** Notes of the plug-in for people. */
  readonly notes?: readonly string[]
  /** Trials in the history, pending ones among them. */
  readonly size: number
  suggest(trial: number, count: number): Promise<object>
  observe(observations: readonly never[]): void
}

interface Asked<Observation, Suggestion> {
  /** The history to begin with. */
  readonly history: readonly Observation[]
  /** Suggests a trial; `history` is in the order of trials. Rejects if the suggestion cannot be used. */
  suggest(trial: number, history: readonly Observation[]): Promise<Suggestion | 'wait' | 'exhausted'>
  /** The suggestion that a trial of the history came from. */
  suggestionOf(observation: Observation): Suggestion
  /** A trial that was suggested and has not ended. */
  pending(trial: number, suggestion: Suggestion): Observation
  /** Too many questions wait for an answer. */
  busy(waiting: number): Error
}

/** As many suggestions as were asked for, or fewer and why. */
interface Suggested<Suggestion> {
  readonly suggestions: readonly Suggestion[]
  readonly end?: 'wait' | 'exhausted'
}

export interface Session<Observation, Suggestion> {
  readonly size: number
  /** For `count` trials from `trial` on. */
  suggest(trial: number, count: number): Promise<Suggested<Suggestion>>
  observe(observations: readonly Observation[]): void
}

/** Questions about one experiment that wait for an answer; a driver has one or two under way. */
const mostWaiting = 256

export function sessionOf<Observation extends { readonly trial: number }, Suggestion extends object>(
  asked: Asked<Observation, Suggestion>,
): Session<Observation, Suggestion> {
  /** By trial number. */
  let history: Observation[] = []
  /** A question was given this list (I3). */
  let lent = false
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0

  const note = (observation: Observation): void => {
    if (lent) history = history.slice()
    lent = false
    put(history, observation)
  }
  for (const observation of asked.history) note(observation)

  const one = async (trial: number): Promise<Suggestion | 'wait' | 'exhausted'> => {
    const known = history[placeOf(history, trial)]
    if (known?.trial === trial) return asked.suggestionOf(known)
    lent = true
    const suggestion = await asked.suggest(trial, history)
    lent = false
    if (typeof suggestion === 'string') return suggestion
    // If a result came meanwhile, it stands.
    if (history[placeOf(history, trial)]?.trial !== trial) note(asked.pending(trial, suggestion))
    return suggestion
  }

  const several = async (trial: number, count: number): Promise<Suggested<Suggestion>> => {
    const suggestions: Suggestion[] = []
    for (let next = trial; next < trial + count; next++) {
      const suggestion = await one(next)
      if (typeof suggestion === 'string') return { suggestions, end: suggestion }
      suggestions.push(suggestion)
    }
    return { suggestions }
  }

  return {
    get size() {
      return history.length
    },
    suggest(trial, count) {
      if (waiting >= mostWaiting) return Promise.reject(asked.busy(waiting))
      waiting++
      const answer = last.then(() => several(trial, count)).finally(() => waiting--)
      last = answer.catch(() => undefined)
      return answer
    },
    observe(observations) {
      for (const observation of observations) note(observation)
    },
  }
}

/** The index of a trial in a history that is sorted by trial, or where it would be put. */
function placeOf(history: readonly { readonly trial: number }[], trial: number): number {
  let low = 0
  let high = history.length
  // Most trials are asked for and observed near the end.
  if (high === 0 || (history[high - 1]?.trial ?? 0) < trial) return high
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((history[middle]?.trial ?? 0) < trial) low = middle + 1
    else high = middle
  }
  return low
}

function put<Observation extends { readonly trial: number }>(history: Observation[], observation: Observation): void {
  const place = placeOf(history, observation.trial)
  history.splice(place, history[place]?.trial === observation.trial ? 1 : 0, observation)
}
