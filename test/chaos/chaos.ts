/** Many runs, one after another in one world; after a violation a new world is made, and the shortest form of the run is looked for. */
import { planOf, faultText, type Fault, type Kind, type Plan } from './plan.ts'
import { runPlan, type RunOutcome } from './run.ts'
import { startWorld, type World } from './world.ts'

export interface ChaosOptions {
  readonly runs: number
  readonly seed: number
  readonly first?: number
  readonly kinds: readonly Kind[]
  readonly cluster: boolean
  /** In the place of those of the seed. */
  readonly plan?: Plan
  readonly say: (line: string) => void
}

export interface ChaosReport {
  readonly runs: number
  readonly outcomes: readonly {
    readonly context: Plan['context']
    readonly fault: Fault
    readonly recoveryMs: number | null
  }[]
  readonly failures: readonly {
    readonly run: number
    readonly violations: readonly string[]
    readonly shortest: Plan
  }[]
  /** Processes that outlived their world. */
  readonly left: readonly string[]
}

/** Each so many runs the slow checks are made, too. */
const thoroughEvery = 5
/** Runs of a plan with one fault less, before it counts as right. */
const triesAtShorter = 2

export async function chaos({ runs, seed, first = 0, kinds, cluster, plan, say }: ChaosOptions): Promise<ChaosReport> {
  const outcomes: ChaosReport['outcomes'][number][] = []
  const failures: ChaosReport['failures'][number][] = []
  const left: string[] = []
  const smallDisk = kinds.includes('disk') || plan?.faults.some(({ kind }) => kind === 'disk') === true
  let world: World | undefined
  const worldOf = async (): Promise<World> => (world ??= await startWorld({ cluster, smallDisk }))
  const end = async (): Promise<void> => {
    left.push(...((await world?.stop()) ?? []))
    world = undefined
  }
  const attempt = async (one: Plan, id: string, thorough: boolean): Promise<RunOutcome> => {
    const outcome = await runPlan(await worldOf(), one, id, { thorough, say })
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
      const one = plan ?? planOf(seed, run, { cluster, kinds })
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
  return { runs: count, outcomes, failures, left }
}
