/** The view of the experiment that is open: changed at once, written into the address a moment later. */
import { effect, signal } from '@preact/signals'
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
