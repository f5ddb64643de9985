/** How long an optimizer or an ablator takes, as far as a driver minds. */
import { Finding, requires, type Check } from '../check.ts'
import { cameText } from '../line.ts'
import type { SuggesterPeer } from './peer.ts'

type Peer = SuggesterPeer<object, { trial: number; state: string }>

/** After this long no more trials are asked for: what there is gives the figures. */
const longestMs = 120_000

/** `trials`: in the history at the end. */
export function speed(trials: number): Check<Peer> {
  return {
    name: 'speed.suggest',
    says: `answers within the driver's time with ${trials} trials in the history`,
    why: 'slots stand idle while it thinks; after a minute the driver takes it for dead',
    async run(peer) {
      const at = await peer.opened({ trials })
      const took: number[] = []
      const began = performance.now()
      for (let trial = 0; trial < trials && performance.now() - began < longestMs; trial += 1) {
        const before = performance.now()
        const came = await peer.trySuggest(at, trial)
        took.push(performance.now() - before)
        requires(came.kind === 'ok', () => `with ${trial} trials in the history: ${cameText(came)}`)
        const [suggestion] = peer.suggestionsIn(came.value as Record<string, unknown>)
        if (suggestion === undefined) break
        await peer.observe(at, [peer.done(trial, suggestion)])
      }
      await peer.tryObserve(at, [], true)
      if (took.length < 2) throw new Finding('skipped', 'it suggests too few trials to measure')
      const last = took.slice(-Math.max(1, Math.floor(took.length / 10)))
      return `p50 ${shown(quantile(took, 0.5))} ms, p99 ${shown(quantile(took, 0.99))} ms over ${took.length} trials; the last ${last.length}: p50 ${shown(quantile(last, 0.5))} ms`
    },
  }
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

export const shown = (ms: number): string => (ms < 10 ? ms.toFixed(2) : ms.toFixed(0))
