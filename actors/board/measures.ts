/** Metrics of the board: of all experiments and workers, where a driver's are of its own. */
import type { Measure } from '../../src/actor/index.ts'
import type { Experiments } from './experiments.ts'
import type { Presence } from './presence.ts'

/** `browsers`: how many streams are open. */
export function* boardMeasures(experiments: Experiments, presence: Presence, browsers: number): Iterable<Measure> {
  const gauge = (name: string, help: string, value: number, labels: Record<string, string> = {}): Measure => ({
    name: `maggy_board_${name}`,
    kind: 'gauge',
    help,
    value,
    labels,
  })
  yield gauge('streams', 'Streams of events that are open to browsers', browsers)
  const workers = presence.workers().filter(({ state }) => state === 'here')
  yield gauge('workers', 'Workers that are here', workers.length)
  const slots = workers.flatMap((worker) => worker.slots)
  const busy = slots.filter(({ running }) => running !== null).length
  const slotsHelp = 'Slots of these workers, by whether something runs in them'
  yield gauge('slots', slotsHelp, busy, { state: 'busy' })
  yield gauge('slots', slotsHelp, slots.length - busy, { state: 'idle' })
  yield gauge('drivers', 'Drivers that are here', presence.drivers().filter(({ state }) => state === 'here').length)
  const cards = experiments.ids().flatMap((id) => experiments.card(id) ?? [])
  for (const state of ['running', 'paused', 'stopping', 'done', 'stopped', 'failed'] as const) {
    const count = cards.filter((card) => card.state === state).length
    yield gauge('experiments', 'Experiments in the log, by how they stand', count, { state })
  }
  for (const { experiment, state: standing, counts, best, objectives } of cards) {
    if (standing !== 'running' && standing !== 'paused' && standing !== 'stopping') continue
    for (const [state, count] of Object.entries(counts))
      yield gauge('trials', 'Trials of the experiments that go on', count, { experiment, state })
    const [objective, another] = objectives
    const value = best?.value ?? null
    if (objective === undefined || another !== undefined || value === null) continue
    yield gauge('best_value', 'The best value of the objective so far', value, { experiment, metric: objective.metric })
  }
}
