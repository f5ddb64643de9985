/** Pruners, ablators and a worker by hand, each with one fault. */
import {
  announce,
  assign,
  beat,
  done,
  driverBeat,
  encodePayload,
  judge,
  lease,
  metrics,
  observeAblation,
  openAblation,
  ping,
  problem,
  release,
  rollCall,
  started,
  stopTrial,
  subjectFor,
  suggestRemovals,
  type AblationObservation,
  type Assignment,
  type Removal,
} from '../../protocol/index.ts'
import { answer, ask, hear, tell, type Bus } from '../../src/bus/index.ts'

export type PrunerFault =
  | 'none'
  | 'has no queue group'
  | 'says yes or no'
  | 'judges by all that it ever saw'
  | 'falls over null'
  | 'needs a report'

/** Stops what is worse than the mean of all that it sees. */
export function startWrongPruner(bus: Bus, fault: PrunerFault): void {
  const seen: number[] = []
  const valuesOf = (points: readonly { values: Readonly<Record<string, number | null>> }[]): number[] =>
    points.flatMap(({ values }) => {
      const value = values['value']
      if (value === null && fault === 'falls over null') throw problem('INTERNAL', { reason: 'null has no value' })
      return typeof value === 'number' ? [value] : []
    })
  answer(
    bus,
    judge,
    { pruner: 'wrong' },
    ({ trial, history }) => {
      const own = valuesOf(trial.points)
      if (own.length === 0 && fault === 'needs a report') throw problem('INTERNAL', { reason: 'no report' })
      const others = history.flatMap(({ points }) => valuesOf(points))
      if (fault === 'judges by all that it ever saw') others.push(...seen)
      seen.push(...own)
      const mean = (values: readonly number[]) =>
        values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
      const verdict = own.length > 0 && mean(own) > mean(others) ? 'stop' : 'continue'
      return { verdict: fault === 'says yes or no' ? (verdict === 'stop' ? 'no' : 'yes') : verdict } as {
        verdict: 'stop'
      }
    },
    fault === 'has no queue group' ? {} : { queue: 'pruner' },
  )
}

export type AblatorFault =
  | 'none'
  | 'names what is no component'
  | 'leaves the base out'
  | 'repeats itself'
  | 'never ends'
  | 'counts repeats from 1'
  | 'ignores what cannot go together'
  | 'gives up when a trial fails'

interface Study {
  readonly removals: readonly Removal[]
  readonly known: Map<number, AblationObservation>
}

/** The base, each component, and each with its neighbour; every one of them once for each repeat. */
export function startWrongAblator(bus: Bus, fault: AblatorFault): void {
  const studies = new Map<string, Study>()
  const here = { ablator: 'wrong', instance: 'wrong-1' }
  answer(
    bus,
    openAblation,
    { ablator: 'wrong' },
    ({ experiment, components, repeats, impossible = [], options, history }) => {
      const [option] = Object.keys(options)
      if (option !== undefined)
        throw problem('ABLATOR_UNFIT', { ablator: 'wrong', path: `options.${option}`, reason: 'is unknown' })
      const names = components.map(({ name }) => name)
      const pairs = names.slice(1).map((name, index) => [names[index] ?? '', name])
      const possible = pairs.filter(
        (pair) =>
          fault === 'ignores what cannot go together' ||
          !impossible.some((each) => each.every((name) => pair.includes(name))),
      )
      const sets = [...(fault === 'leaves the base out' ? [] : [[]]), ...names.map((name) => [name]), ...possible]
      if (fault === 'names what is no component') sets.push(['feature:shoe-size'])
      if (fault === 'repeats itself') sets.push(sets[1] ?? [])
      const first = fault === 'counts repeats from 1' ? 1 : 0
      const removals = Array.from({ length: repeats }, (_, repeat) =>
        sets.map((without) => ({ without, repeat: repeat + first })),
      ).flat()
      studies.set(experiment, { removals, known: new Map(history.map((each) => [each.trial, each])) })
      return { instance: 'wrong-1', adaptive: false }
    },
    { queue: 'ablator' },
  )
  const studyOf = (experiment: string): Study => {
    const study = studies.get(experiment)
    if (study === undefined) throw problem('EXPERIMENT_UNKNOWN', { experiment })
    return study
  }
  answer(bus, suggestRemovals, here, ({ experiment, trial, count }) => {
    const { removals, known } = studyOf(experiment)
    if (fault === 'gives up when a trial fails' && [...known.values()].some(({ state }) => state === 'failed')) {
      return { removals: [], exhausted: false }
    }
    const at = (index: number) => removals[fault === 'never ends' ? index % removals.length : index]
    const given = Array.from({ length: count }, (_, index) => at(trial + index)).filter((each) => each !== undefined)
    return { removals: given, exhausted: given.length < count }
  })
  answer(bus, observeAblation, here, ({ experiment, observations, closed }) => {
    const { known } = studyOf(experiment)
    for (const each of observations) known.set(each.trial, each)
    if (closed) studies.delete(experiment)
    return {}
  })
}

export type WorkerFault =
  | 'none'
  | 'announces another identity'
  | 'does not beat'
  | 'leases a slot twice'
  | 'has any slot'
  | 'releases for anybody'
  | 'keeps the lease of the dead'
  | 'takes attempts without a lease'
  | 'lacks the metric'
  | 'loses its reports'
  | 'runs twice what comes twice'
  | 'says a result once'
  | 'ignores stops'
  | 'knows every attempt'

/** One slot. It beats faster than a real one, so that nobody waits. */
export function startWrongWorker(bus: Bus, fault: WorkerFault): { end(): void } {
  const is = (one: WorkerFault): boolean => fault === one
  const worker = 'wrong'
  const heardAt = new Map<string, number>()
  let driver: string | null = null
  let running: Assignment | null = null
  const waiting: Assignment[] = []
  const owed = new Map<string, Assignment['attempt']>()
  const taken = new Set<string>()
  const life = { stopped: false, ended: false }
  const keyOf = ({ experiment, trial, attempt }: Assignment['attempt']) => `${experiment}/${trial}/${attempt}`
  const slot = () => ({ slot: 0, driver, running: running?.attempt ?? null, next: waiting[0]?.attempt ?? null })
  const status = () => ({ slots: [slot()], unacknowledged: [...owed.values()], draining: false })

  const run = async (assignment: Assignment): Promise<void> => {
    running = assignment
    life.stopped = false
    const { experiment, trial, attempt } = assignment.attempt
    const here = { worker, experiment }
    tell(bus, started, here, { trial, attempt, slot: 0, at: 1 })
    const { steps = 3, pauseMs = 0 } = assignment.hparams
    let points = 0
    for (let step = 0; step < Number(steps) && !life.stopped && !life.ended; step += 1) {
      const subject = subjectFor(metrics, { ...here, trial: String(trial) })
      const payload = { attempt, first: step, points: [{ step, at: 1, values: { value: step } }] }
      if (!is('loses its reports'))
        await bus.streams.record(subject, encodePayload(metrics, payload, subject), {
          id: `${subject}-${step}`,
        })
      points += 1
      if (Number(pauseMs) > 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    const outcome = life.stopped
      ? ({ kind: 'stopped', reason: 'pruned', metrics: {} } as const)
      : ({ kind: 'done', metrics: is('lacks the metric') ? { other: 1 } : { value: 1 } } as const)
    running = null
    void say(assignment.attempt, { trial, attempt, slot: 0, outcome, startedAt: 1, endedAt: 2, points })
    const next = waiting.shift()
    if (next !== undefined) await run(next)
  }

  const say = async (attempt: Assignment['attempt'], result: Parameters<typeof ask<typeof done>>[3]): Promise<void> => {
    owed.set(keyOf(attempt), attempt)
    while (!life.ended) {
      try {
        await ask(bus, done, { worker, experiment: attempt.experiment }, result, { timeoutMs: 1000 })
        break
      } catch {
        // Refused, or nobody is there: said again.
        if (is('says a result once')) break
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    owed.delete(keyOf(attempt))
  }

  const here = { worker }
  answer(bus, ping, here, status)
  answer(bus, lease, here, ({ driver: by, slot: number }) => {
    if (number !== 0 && !is('has any slot')) throw problem('LEASE_UNKNOWN', { worker, slot: number })
    if (driver !== null && driver !== by && !is('leases a slot twice'))
      throw problem('SLOT_TAKEN', { slot: 0, worker, holder: driver })
    driver = by
    heardAt.set(by, performance.now())
    return { slot: 0, status: slot() }
  })
  answer(bus, release, here, ({ driver: by }) => {
    if (by === driver || is('releases for anybody')) driver = null
    return {}
  })
  answer(bus, assign, here, (assignment): { position: 'running' | 'next' } => {
    if (assignment.driver !== driver && !is('takes attempts without a lease'))
      throw problem('LEASE_UNKNOWN', { worker, slot: 0 })
    const key = keyOf(assignment.attempt)
    if (taken.has(key) && !is('runs twice what comes twice')) return { position: 'running' }
    taken.add(key)
    if (running !== null) {
      waiting.push(assignment)
      return { position: 'next' }
    }
    void run(assignment)
    return { position: 'running' }
  })
  answer(bus, stopTrial, here, ({ attempt }) => {
    const known = running !== null && keyOf(running.attempt) === keyOf(attempt)
    if (known && !is('ignores stops')) life.stopped = true
    return { known: known || is('knows every attempt') }
  })
  hear(bus, driverBeat, { driver: '*' }, (_, { driver: by }) => heardAt.set(by, performance.now()))
  hear(bus, rollCall, { driver: '*' }, () => {
    const info = {
      worker: is('announces another identity') ? 'somebody' : worker,
      host: 'here',
      pid: 1,
      slots: 1,
      labels: {},
      backend: 'none',
      cores: 1,
      memoryBytes: 1,
      versions: {},
      startedAt: 1,
    }
    tell(bus, announce, here, { info, status: status() })
  })
  const timer = setInterval(() => {
    const silentMs = performance.now() - (heardAt.get(driver ?? '') ?? 0)
    if (silentMs > 2500 && !is('keeps the lease of the dead')) driver = null
    if (!is('does not beat')) tell(bus, beat, here, status())
  }, 5)
  return {
    end() {
      life.ended = true
      clearInterval(timer)
    },
  }
}
