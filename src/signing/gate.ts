/**
 * The gate of a worker that trusts few keys. It is asked for each assignment, before any of its code is fetched.
 * I1 The statement is made from the assignment itself: what was signed is what is run.
 * I2 What an assignment says beyond the statement lies within the signed terms: whoever drives can choose among what was signed only.
 */
import {
  canonical,
  own,
  problem,
  ringName,
  statementOf,
  type Assignment,
  type MaggyError,
  type Terms,
} from '../../protocol/index.ts'
import { seedOf } from '../history/index.ts'
import { faultIn, isActive } from '../space/index.ts'
import { isOf } from './signature.ts'
import type { Trust } from './trust.ts'

export interface Gate {
  /** Why an assignment is refused; undefined: it may run. `now`: by the wall clock. */
  refusal(assignment: Assignment, now: number): MaggyError | undefined
}

/** Statements that need not be verified again. */
const mostKnown = 64

export function createGate(worker: string, trust: Trust): Gate {
  /** Statements that were found to be signed, by their signatures; the one used longest ago goes first. */
  const known = new Map<string, string>()

  return {
    refusal: (assignment, now) => {
      const { attempt, signed, bundle, contextName } = assignment
      const { experiment } = attempt
      const invalid = (reason: string) => problem('SIGNATURE_INVALID', { experiment, reason })
      if (signed === undefined || bundle === undefined) return problem('CODE_UNSIGNED', { experiment, worker })
      const { terms, signature } = signed
      const { key, expiresAt, value } = signature
      if (!trust.has(key)) return problem('CODE_UNTRUSTED', { experiment, worker, key })
      // I1
      const statement = statementOf({ experiment, contextName, bundle, terms, expiresAt })
      if (known.get(value) !== statement && !isOf(signature, statement)) {
        return invalid('what is to be run is not what was signed')
      }
      known.delete(value)
      known.set(value, statement)
      for (const oldest of known.keys()) if (known.size > mostKnown) known.delete(oldest)
      if (expiresAt <= now) return problem('SIGNATURE_EXPIRED', { experiment, at: new Date(expiresAt).toISOString() })
      const beyond = beyondTerms(assignment, terms)
      return beyond === undefined ? undefined : invalid(`${beyond}, and not as it was signed`)
    },
  }
}

/** I2: the first thing that is not within the terms, for people. */
function beyondTerms(assignment: Assignment, terms: Terms): string | undefined {
  const { attempt, seed, objectives, trialTimeoutMs, graceMs, resumeFrom, ablated, ring } = assignment
  const { experiment, trial } = attempt
  const trials = terms.trials * (terms.repeats ?? 1)
  if (trial >= trials) return `it is trial ${trial}`
  if (resumeFrom !== undefined && resumeFrom >= trials) return `it goes on from trial ${resumeFrom}`
  if (seed !== seedOf(terms, trial, ablated)) return `the seed is ${seed}`
  if (!same(objectives, terms.objectives)) return `the objectives are ${objectives.join(', ')}`
  if (trialTimeoutMs !== terms.trialTimeoutMs) return `the time limit is ${trialTimeoutMs} ms`
  if (graceMs !== terms.graceMs) return `the grace is ${graceMs} ms`
  const wantedRing = terms.ring === undefined ? undefined : { ring: ringName(experiment, trial), settings: terms.ring }
  // Which seat it has there is the driver's to say.
  const givenRing = ring === undefined ? undefined : { ring: ring.ring, settings: ring.settings }
  if (!same(givenRing, wantedRing)) return 'the ring is another'
  return hparamsBeyond(assignment.hparams, terms) ?? ablatedBeyond(ablated, terms)
}

function hparamsBeyond(given: Assignment['hparams'], { hparams: fixed, space = {}, kind }: Terms): string | undefined {
  const chosen: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    const isFixed = Object.hasOwn(fixed, name) && same(value, fixed[name])
    const parameter = own(space, name)
    if (parameter !== undefined) {
      // A parameter that is not active in this trial keeps its fixed value.
      if (!isFixed || isActive(parameter, given)) chosen[name] = value
    } else if (!isFixed && !(kind === 'optimization' && name === 'budget' && typeof value === 'number')) {
      return `hparams.${name} is ${JSON.stringify(value)}`
    }
  }
  const missing = Object.keys(fixed).find((name) => own(given, name) === undefined)
  if (missing !== undefined) return `hparams.${missing} is missing`
  if (kind !== 'optimization') return undefined
  const fault = faultIn(space, chosen)
  return fault === undefined ? undefined : `${fault.path} ${fault.reason}`
}

function ablatedBeyond(ablated: Assignment['ablated'], { components, keepWeights }: Terms): string | undefined {
  if (ablated === undefined) return components === undefined ? undefined : 'it says nothing of what it does without'
  const allowed = new Set((components ?? []).map(canonical))
  const other = ablated.components.find((component) => !allowed.has(canonical(component)))
  if (other !== undefined) return `it does without ${other.name}`
  return ablated.keepWeights === keepWeights ? undefined : `keepWeights is ${ablated.keepWeights}`
}

const same = (one: unknown, other: unknown): boolean => canonical(one) === canonical(other)
