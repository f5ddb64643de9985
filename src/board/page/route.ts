/** Where the page is: the part of the address behind the #, which no server sees and a report has as well. */
import { signal } from '@preact/signals'

export interface Route {
  /** `x/mnist-tune-1/trial/3` as its parts. */
  readonly path: readonly string[]
  readonly query: string
}

export const route = signal<Route>(read())

window.addEventListener('hashchange', () => {
  route.value = read()
})

function read(): Route {
  const [path = '', query = ''] = window.location.hash.replace(/^#\/?/, '').split('?')
  return { path: path.split('/').filter(Boolean).map(decoded), query }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** An address within the board. */
export function link(...parts: readonly (string | number)[]): string {
  return `#/${parts.map((part) => encodeURIComponent(part)).join('/')}`
}

/** The address says what is seen; going back does not undo each stroke of a brush. */
export function replaceQuery(query: string): void {
  const { path } = route.value
  if (route.value.query === query) return
  const hash = `${link(...path)}${query === '' ? '' : `?${query}`}`
  window.history.replaceState(null, '', hash)
  route.value = { path, query }
}
