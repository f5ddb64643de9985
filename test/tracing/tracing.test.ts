/** Traces: off unless asked for, with ids that follow from what they are about, and never in anybody's way. */
import { createHash } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { endTracing, spanIdOf, startTracing, traced, traceIdOf } from '../../src/tracing/index.ts'
import { startCollector } from '../support/collector.ts'

const span = { experiment: 'e', trial: 3, name: 'trial', startedAt: 1000, endedAt: 2000 }

afterEach(() => endTracing())

test('ids are those that an actor in any language works out', () => {
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  expect(traceIdOf('e', 3)).toBe(hash('maggy/e/3').slice(0, 32))
  expect(traceIdOf('e')).toBe(hash('maggy/e').slice(0, 32))
  expect(spanIdOf('e', 3, 'trial')).toBe(hash('maggy/e/3/trial').slice(0, 16))
})

test('what nobody asked for is not even made', () => {
  let made = 0
  traced(() => {
    made += 1
    return span
  })
  expect(made).toBe(0)
})

test('spans come with their place in the trace, their times and how they ended', async () => {
  const collector = await startCollector()
  const dropped: string[] = []
  startTracing({
    endpoint: `${collector.url}/`,
    service: 'test',
    id: 't1',
    onDropped: (reason) => dropped.push(reason),
  })
  traced(() => span)
  traced(() => ({ ...span, name: 'attempt-1', below: 'trial', failed: true }))
  await endTracing()
  await collector.close()
  const traceId = traceIdOf('e', 3)
  const spanId = spanIdOf('e', 3, 'trial')
  const times = { startedAt: 1000, endedAt: 2000, service: 'maggy-test', traceId }
  expect(collector.spans).toEqual([
    expect.objectContaining({ ...times, name: 'trial', spanId, status: 0, links: 1 }),
    expect.objectContaining({ ...times, name: 'attempt-1', parentSpanId: spanId, status: 2, links: 0 }),
  ])
  expect(dropped).toEqual([])
})

test('a collector that refuses, or is not there, is spoken of once and harms nothing', async () => {
  const collector = await startCollector(503)
  const dropped: string[] = []
  startTracing({ endpoint: collector.url, service: 'test', id: 't1', onDropped: (reason) => dropped.push(reason) })
  for (let count = 0; count < 600; count += 1) traced(() => span)
  await endTracing()
  await collector.close()
  expect(dropped).toEqual(['the collector answers 503'])
  startTracing({ endpoint: collector.url, service: 'test', id: 't1', onDropped: (reason) => dropped.push(reason) })
  traced(() => span)
  await endTracing()
  expect(dropped).toHaveLength(2)
})
