/**
 * Tells Kubernetes what it costs to send each worker away (`controller.kubernetes.io/pod-deletion-cost`), as the drivers say it
 * (`maggy_worker_drain_cost_seconds`): of a Deployment that shrinks, the pods that cost the least go first. Workers have the names of
 * their pods. A pod is written only when its cost has changed by much, for each time is a request to the API server.
 */
import { lookup } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'

const {
  /** The name that leads to all drivers. */
  DRIVERS: drivers,
  METRICS_PORT: metricsPort = '9100',
  /** The labels of the workers' pods. */
  SELECTOR: selector,
  EVERY_SECONDS: everySeconds = '30',
  ACCOUNT: account = '/var/run/secrets/kubernetes.io/serviceaccount',
} = process.env
const annotation = 'controller.kubernetes.io/pod-deletion-cost'
/** Kubernetes takes a 32-bit number. */
const most = 2 ** 31 - 1

/** Seconds of work by worker, over the pages of all drivers: each knows its own. */
export function costsOf(pages) {
  const costs = new Map()
  for (const page of pages) {
    for (const [, worker, seconds] of page.matchAll(
      /^maggy_worker_drain_cost_seconds\{(?:.*,)?worker="([^"]*)"[^}]*\} (\S+)$/gm,
    )) {
      costs.set(worker, (costs.get(worker) ?? 0) + Number(seconds))
    }
  }
  return costs
}

/**
 * What is to be written: by pod, its new cost. A fifth, or 10 s, is much. What runs grows dearer all the time: as long as the order
 * stays, nothing is lost by an old figure.
 */
export function changesOf(pods, costs) {
  const changes = new Map()
  for (const { metadata } of pods) {
    const cost = Math.min(most, Math.round(costs.get(metadata.name) ?? 0))
    const known = Number(metadata.annotations?.[annotation] ?? 0)
    const isZero = cost === 0 || known === 0
    if (cost !== known && (isZero || Math.abs(cost - known) > Math.max(10, known / 5))) changes.set(metadata.name, cost)
  }
  return changes
}

async function pagesOf(host) {
  const addresses = await lookup(host, { all: true, family: 4 })
  return Promise.all(
    addresses.map(async ({ address }) => {
      const response = await fetch(`http://${address}:${metricsPort}/metrics`, { signal: AbortSignal.timeout(5000) })
      if (!response.ok) throw new Error(`${address}: ${response.status}`)
      return response.text()
    }),
  )
}

/** The API server. The token is renewed in its file. */
async function ask(method, path, body) {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env
  const headers = { authorization: `Bearer ${readFileSync(`${account}/token`, 'utf8')}` }
  if (body !== undefined) headers['content-type'] = 'application/merge-patch+json'
  const [status, text] = await new Promise((done, fail) => {
    const asked = request(
      { host, port, method, path, headers, ca: readFileSync(`${account}/ca.crt`), timeout: 10_000 },
      (response) => {
        let answered = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => (answered += chunk))
        response.on('end', () => done([response.statusCode, answered]))
      },
    )
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${path}: no answer`))).on('error', fail)
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 300)}`)
  return JSON.parse(text)
}

async function main() {
  const pods = `/api/v1/namespaces/${readFileSync(`${account}/namespace`, 'utf8')}/pods`
  const selected = `${pods}?labelSelector=${encodeURIComponent(selector)}`
  process.once('SIGTERM', () => process.exit(0))
  for (;;) {
    try {
      const costs = costsOf(await pagesOf(drivers))
      const { items } = await ask('GET', selected)
      for (const [pod, cost] of changesOf(items, costs)) {
        await ask('PATCH', `${pods}/${pod}`, { metadata: { annotations: { [annotation]: String(cost) } } })
        console.log(`${pod}: ${cost}`)
      }
    } catch (error) {
      // Old figures stay until the next look.
      console.error(String(error?.cause ?? error))
    }
    await delay(Number(everySeconds) * 1000)
  }
}

if (selector !== undefined) await main()
