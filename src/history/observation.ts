/** Configurations as those who suggest are told of them. Pure. */
import type { Ablated, Fidelity, Observation } from '../../protocol/index.ts'
import { configurationNumber, type Configuration } from './configurations.ts'

export interface Observed extends Observation {
  readonly ablated?: Ablated
}

/** One that is open is `pending`, whatever it reported. `repeats`: of each configuration. */
export function observationOf(
  { configuration, state, metrics, errors, spokesman }: Configuration,
  repeats: number,
): Observed {
  const { hparams, fidelity, ablated, end } = spokesman.context
  return {
    trial: configuration,
    hparams,
    state,
    metrics: state === 'pending' ? {} : metrics,
    step: state === 'pending' ? null : (end?.step ?? null),
    ...(fidelity === undefined ? {} : { fidelity: suggestedFidelity(fidelity, repeats) }),
    ...(ablated === undefined ? {} : { ablated }),
    ...(Object.keys(errors).length === 0 ? {} : { errors }),
  }
}

/** Those who suggest know no trials but configurations, and repeat r of one goes on from repeat r of another. */
function suggestedFidelity({ from, ...fidelity }: Fidelity, repeats: number): Fidelity {
  return { ...fidelity, from: from === null ? null : configurationNumber(from, repeats) }
}
