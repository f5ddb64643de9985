/** Measures as Prometheus reads them; that its own parser does is tried in test/interop. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { Measure } from '../../src/actor/index.ts'
import { pageOf, serveMetrics } from '../../src/prometheus/index.ts'

const gauge = (value: number, labels: Record<string, string>): Measure => ({
  name: 'maggy_trials',
  kind: 'gauge',
  help: 'Trials',
  value,
  labels,
})

test('a page says how things stand now, and nothing of what is gone', async () => {
  let measures = [gauge(2, { experiment: 'a"b\n', state: 'done' }), gauge(1, { experiment: 'c', state: 'done' })]
  const page = pageOf(() => measures)
  const { text, contentType } = await page()
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(text).toContain('# HELP maggy_trials Trials\n# TYPE maggy_trials gauge\n')
  expect(text).toContain('maggy_trials{experiment="a\\"b\\n",state="done"} 2\n')
  expect(text).toContain('process_cpu_seconds_total')
  measures = [gauge(3, { experiment: 'c', state: 'done' })]
  const later = (await page()).text
  expect(later).not.toContain('a\\"b')
  expect(later).toContain('maggy_trials{experiment="c",state="done"} 3\n')
})

test('a counter is one at each look, however often it is looked at', async () => {
  const page = pageOf(() => [{ name: 'maggy_x_total', kind: 'counter', help: 'x', value: 5 }])
  await page()
  expect((await page()).text).toContain('# TYPE maggy_x_total counter\nmaggy_x_total 5\n')
})

test('the server answers /metrics and nothing else, on the loopback, and says when it cannot have its port', async () => {
  const server = await serveMetrics({ host: '127.0.0.1', port: 0 }, () => [gauge(1, { state: 'done' })])
  try {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    expect(await (await fetch(server.url)).text()).toContain('maggy_trials{state="done"} 1')
    expect((await fetch(server.url.replace('/metrics', '/'))).status).toBe(404)
    expect((await fetch(server.url, { method: 'POST' })).status).toBe(405)
    const port = Number(new URL(server.url).port)
    await expect(serveMetrics({ host: '127.0.0.1', port }, () => [])).rejects.toMatchObject({
      code: 'METRICS_PORT_UNUSABLE',
    })
  } finally {
    await server.close()
  }
})

test('what cannot be measured is an error that is told, and ends nothing', async () => {
  let broken = true
  const server = await serveMetrics({ host: '127.0.0.1', port: 0 }, () => {
    if (broken) throw new Error('no luck')
    return []
  })
  try {
    const answer = await fetch(server.url)
    expect([answer.status, await answer.text()]).toEqual([500, 'no luck\n'])
    broken = false
    expect((await fetch(server.url)).status).toBe(200)
  } finally {
    await server.close()
  }
})

test('the Grafana dashboard asks only for measures that there are', async () => {
  const dashboard = await readFile(new URL('../../deploy/grafana/maggy.json', import.meta.url), 'utf8')
  const sources = [
    'actors/driver/measures.ts',
    'actors/worker/measures.ts',
    'src/suggester/service.ts',
    'src/actor/measure.ts',
  ]
  const texts = await Promise.all(sources.map((path) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')))
  const known = new Set(texts.join('').match(/maggy_[a-z_]+/g))
  const asked = new Set(
    (JSON.parse(dashboard) as { panels: { targets: { expr: string }[] }[] }).panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => expr.match(/maggy_[a-z_]+/g) ?? []),
    ),
  )
  expect([...asked].filter((name) => !known.has(name))).toEqual([])
  expect(asked.size).toBeGreaterThan(8)
})
