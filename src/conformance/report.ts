/** Runs checks one after the other, and says of each what was sent, what came, and why it matters. */
import { describe } from '../../protocol/index.ts'
import { Finding, type Check, type FindingKind } from './check.ts'
import { isOutage, type Exchange, type Line } from './line.ts'

export interface CheckResult extends Exchange {
  readonly name: string
  readonly says: string
  readonly why: string
  readonly state: 'passed' | FindingKind
  /** The fault, or the reason why the check was not made. */
  readonly reason?: string
  /** A figure. */
  readonly figure?: string
}

/** The actor that is checked: after a check that failed, it is asked whether it still answers at all. */
export interface Asked {
  readonly line: Line
  /** Whether it answers anything. */
  answers(): Promise<boolean>
}

/**
 * `onResult` hears of each as soon as it is there. When an actor has fallen silent, the checks after that are skipped: they would only say so
 * again. Rejects when the bus goes away.
 */
export async function runChecks<Peer extends Asked>(
  peer: Peer,
  checks: readonly Check<Peer>[],
  onResult: (result: CheckResult) => void = () => {},
): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  let silentSince: string | undefined
  for (const check of checks) {
    // A turn of the loop, in which an actor of this process comes to its own timers.
    await new Promise((resolve) => setImmediate(resolve))
    const result = silentSince === undefined ? await runCheck(peer, check) : skipped(check, silentSince)
    if (result.state === 'failed' && !(await peer.answers())) silentSince = check.name
    results.push(result)
    onResult(result)
  }
  return results
}

function skipped({ name, says, why }: Check<never>, since: string): CheckResult {
  const reason = `it answers nothing any more, since ${since}`
  return { name, says, why, state: 'skipped', reason, sent: 'nothing', came: 'nothing' }
}

async function runCheck<Peer extends Asked>(peer: Peer, check: Check<Peer>): Promise<CheckResult> {
  const { name, says, why } = check
  const of = { name, says, why }
  try {
    const figure = await check.run(peer)
    return { ...of, state: 'passed', ...peer.line.last, ...(figure === undefined ? {} : { figure }) }
  } catch (error) {
    if (error instanceof Finding) return { ...of, state: error.kind, reason: error.message, ...peer.line.last }
    if (isOutage(error)) throw error
    return { ...of, state: 'failed', reason: describe(error), ...peer.line.last }
  }
}
