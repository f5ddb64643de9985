/** The view of the experiment that is open: changed at once, written into the address a moment later. */
import { computed, effect, signal } from '@preact/signals'
import { plainView, queryOf, viewOf, type View } from '../model/view.ts'
import { replaceQuery, route } from './route.ts'

const writeMs = 200

export const view = signal<View>(viewOf(route.value.query))
let written = queryOf(view.value)
let timer: number | undefined

// Somebody went to another address, or back.
effect(() => {
  const { query } = route.value
  if (query === written) return
  written = query
  view.value = viewOf(query)
})

/** Parts of the view: who reads one is not drawn anew when another changes, as bounds do at each stroke of a brush. */
export const seen = {
  sort: computed(() => view.value.sort),
  hidden: computed(() => view.value.hidden),
  metric: computed(() => view.value.metric),
  across: computed(() => view.value.across),
  log: computed(() => view.value.log),
  group: computed(() => view.value.group),
  pair: computed(() => view.value.pair),
  without: computed(() => view.value.without),
}

export function change(part: Partial<View>): void {
  view.value = { ...view.value, ...part }
  window.clearTimeout(timer)
  timer = window.setTimeout(() => {
    written = queryOf(view.value)
    replaceQuery(written)
  }, writeMs)
}

/** Filters and what was chosen go; axes and columns stay as they are. */
export function clearFilters(): void {
  change({ states: plainView.states, top: plainView.top, bounds: plainView.bounds, chosen: plainView.chosen })
}

/** Chosen, or no more. */
export function choose(trial: number): void {
  const { chosen } = view.value
  change({ chosen: chosen.includes(trial) ? chosen.filter((one) => one !== trial) : [...chosen, trial] })
}

export function turnLog(column: string): void {
  const { log } = view.value
  change({ log: log.includes(column) ? log.filter((one) => one !== column) : [...log, column] })
}
