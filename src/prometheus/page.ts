/** Measures as a page that Prometheus reads, with what is known of every process (CPU, memory, event loop) beside them. */
import type { Measure } from '../actor/index.ts'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'

interface Page {
  readonly contentType: string
  readonly text: string
}

/** Asks for the measures and writes the page, each time anew: a measure that is not there any more is not on the page. */
export type PageMaker = () => Promise<Page>

/** `measures` is asked at every look. What has one name has one kind, one help and the same labels. */
export function pageOf(measures: () => Iterable<Measure>): PageMaker {
  const ofProcess = new Registry()
  collectDefaultMetrics({ register: ofProcess })
  return async () => {
    const now = new Registry()
    for (const [name, of] of byName(measures())) {
      const [first] = of
      if (first === undefined) continue
      const labelNames = Object.keys(first.labels ?? {})
      const settings = { name, help: first.help, labelNames, registers: [now] }
      if (first.kind === 'gauge') {
        const gauge = new Gauge(settings)
        for (const { labels = {}, value } of of) gauge.set({ ...labels }, value)
      } else {
        const counter = new Counter(settings)
        for (const { labels = {}, value } of of) counter.inc({ ...labels }, value)
      }
    }
    const text = `${await now.metrics()}${await ofProcess.metrics()}`
    return { contentType: now.contentType, text }
  }
}

function byName(measures: Iterable<Measure>): Map<string, Measure[]> {
  const known = new Map<string, Measure[]>()
  for (const measure of measures) {
    const same = known.get(measure.name)
    if (same === undefined) known.set(measure.name, [measure])
    else same.push(measure)
  }
  return known
}
