/** Many runs, one after another in one world; after a violation a new world is made, and the shortest form of the run is looked for. */
import { findFaketime } from './clock.ts'
import { planOf, faultText, type Kind, type Plan } from './plan.ts'
import { runPlan, type FaultOutcome, type RunOutcome } from './run.ts'
import { startWorld, type World } from './world.ts'

export interface ChaosOptions {
  readonly runs: number
  readonly seed: number
  readonly first?: number
  readonly kinds: readonly Kind[]
  readonly cluster: boolean
  /** Whether a file system may be mounted here. */
  readonly mounts: boolean
  /** In the place of those of the seed. */
  readonly plan?: Plan
  readonly say: (line: string) => void
}

export interface ChaosReport {
  readonly runs: number
  readonly outcomes: readonly (FaultOutcome & { readonly context: Plan['context'] })[]
  readonly failures: readonly {
    readonly run: number
    readonly violations: readonly string[]
    readonly shortest: Plan
  }[]
  /** Kinds of faults that this host does not allow, and why. */
  readonly leftOut: readonly { readonly kind: Kind; readonly reason: string }[]
  /** Processes that outlived their world. */
  readonly left: readonly string[]
}

/** Each so many runs the slow checks are made, too. */
const thoroughEvery = 5
/** Runs of a plan with one fault less, before it counts as right. */
const triesAtShorter = 2

export async function chaos({
  runs,
  seed,
  first = 0,
  kinds,
  cluster,
  mounts,
  plan,
  say,
}: ChaosOptions): Promise<ChaosReport> {
  const outcomes: ChaosReport['outcomes'][number][] = []
  const failures: ChaosReport['failures'][number][] = []
  const left: string[] = []
  const faketime = findFaketime()
  const leftOut: ChaosReport['leftOut'][number][] = [
    ...(mounts ? [] : [{ kind: 'disk', reason: 'no file system may be mounted here' } as const]),
    ...(faketime === undefined ? [{ kind: 'clock', reason: 'libfaketime is not installed' } as const] : []),
  ]
  for (const { kind, reason } of leftOut) say(`faults of the kind ${kind} are left out: ${reason}`)
  let world: World | undefined
  let made = { smallDisk: false, clocks: false }
  const worldFor = async ({ faults }: Plan): Promise<World> => {
    const has = (wanted: Kind): boolean => faults.some(({ kind }) => kind === wanted)
    const needed = { smallDisk: has('disk'), clocks: has('clock') }
    if (needed.smallDisk !== made.smallDisk || (needed.clocks && !made.clocks)) await end()
    if (world === undefined) made = needed
    return (world ??= await startWorld({
      cluster,
      smallDisk: needed.smallDisk,
      faketime: needed.clocks ? faketime : undefined,
    }))
  }
  const end = async (): Promise<void> => {
    left.push(...((await world?.stop()) ?? []))
    world = undefined
  }
  const attempt = async (one: Plan, id: string, thorough: boolean): Promise<RunOutcome> => {
    const outcome = await runPlan(await worldFor(one), one, id, { thorough, say })
    if (outcome.violations.length > 0) await end()
    return outcome
  }

  /** The plan without what it fails without. */
  async function shortestOf(failing: Plan, id: string): Promise<Plan> {
    for (const dropped of failing.faults.length > 1 ? failing.faults : []) {
      const shorter = { ...failing, faults: failing.faults.filter((fault) => fault !== dropped) }
      for (let tries = 1; tries <= triesAtShorter; tries += 1) {
        const outcome = await attempt(shorter, `${id}-without-${failing.faults.indexOf(dropped)}-${tries}`, false)
        if (outcome.violations.length > 0) return await shortestOf(shorter, `${id}s`)
      }
    }
    return failing
  }

  const count = plan === undefined ? runs : 1
  try {
    for (let run = first; run < first + count; run += 1) {
      const drawn = plan ?? planOf(seed, run, { cluster, kinds })
      const one = { ...drawn, faults: drawn.faults.filter((fault) => leftOut.every(({ kind }) => kind !== fault.kind)) }
      const id = `chaos-${seed}-${run}`
      say(`run ${run}: ${one.context}; ${one.faults.map(faultText).join('; ')}`)
      const { violations, faults, ms } = await attempt(one, id, plan !== undefined || run % thoroughEvery === 0)
      outcomes.push(...faults.map((fault) => ({ context: one.context, ...fault })))
      say(`  ${violations.length === 0 ? 'ok' : `FAIL ${violations.join('\n       ')}`}, ${Math.round(ms)} ms`)
      if (violations.length > 0) failures.push({ run, violations, shortest: await shortestOf(one, id) })
    }
  } finally {
    await end()
  }
  return { runs: count, outcomes, failures, leftOut, left }
}
