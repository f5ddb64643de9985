/**
 * What of the chart can run without Kubernetes: the script that makes its secrets, three nats-servers with the configuration that the nats
 * chart makes of our values, and the program that tells Kubernetes what sending a worker away costs.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { packageRoot, spawnActor, type Child, type Measure } from '../../src/actor/index.ts'
import { makeAuthority, makeServerCertificate } from '../../src/auth/certificates.ts'
import { serveMetrics } from '../../src/prometheus/index.ts'
import { findNatsServer } from '../../src/setup/index.ts'
import { readMeasures } from '../support/measures.ts'
import { killAll } from '../support/processes.ts'
import { freePort } from '../support/server.ts'

const run = promisify(execFile)
const helm = join(packageRoot(), 'deploy', 'helm')
const secretsOf = new Map<string, Readonly<Record<string, string>>>()
const servers: ChildProcess[] = []
const actors: Child[] = []
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-chart-runs-'))
})
afterAll(async () => {
  await Promise.all(actors.map((actor) => actor.stop(3000)))
  await killAll(servers)
  await rm(folder, { recursive: true, force: true })
})

it('the script prints one secret an actor, the same ones when it is run again for more workers', async () => {
  const program = join(packageRoot(), 'dist', 'src', 'cli', 'main.js')
  const env = { ...process.env, MAGGY: `${process.execPath} ${program}`, MAGGY_AUTHORITY: join(folder, 'authority') }
  const print = async (workers: number) => {
    const { stdout } = await run(join(helm, 'secrets.sh'), ['maggy', 'lab', String(workers)], { env })
    return parseAllDocuments(stdout).map((document) => document.toJS() as Secret)
  }
  const once = await print(1)
  const more = await print(2)
  expect(more.map(({ kind }) => kind)).toEqual(Array.from({ length: 6 }, () => 'Secret'))
  for (const { metadata, data } of more) secretsOf.set(metadata.name, data)
  expect([...secretsOf.keys()].sort()).toEqual(
    ['ablator', 'board', 'bus', 'driver', 'optimizer', 'workers'].map((name) => `maggy-${name}`),
  )
  // The names of the pods, by which each finds its own.
  expect(Object.keys(secretsOf.get('maggy-workers') ?? {})).toEqual(['maggy-worker-0', 'maggy-worker-1'])
  await expect(run(join(helm, 'secrets.sh'), ['maggy', 'lab', 'many'], { env })).rejects.toMatchObject({ code: 2 })
  await expect(run(join(helm, 'secrets.sh'), ['maggy'], { env })).rejects.toMatchObject({
    stderr: expect.stringContaining('a namespace is needed') as string,
  })
  for (const { metadata, data } of once) expect(secretsOf.get(metadata.name)).toMatchObject(data)
})

it('three nats-servers configured by our values are one bus for these credentials', async () => {
  const values = parse(await readFile(join(helm, 'values.yaml'), 'utf8')) as { nats: { config: NatsValues } }
  const certificates = join(folder, 'etc', 'nats-certs')
  for (const of of ['nats', 'cluster']) await writeSecret('maggy-bus', join(certificates, of))
  const ports = await Promise.all([0, 1, 2].map(async () => ({ client: await freePort(), peer: await freePort() })))
  const { path } = await findNatsServer()
  for (const [n, port] of ports.entries()) {
    const routes = ports.map(({ peer }) => `tls://127.0.0.1:${peer}`)
    const file = join(folder, 'etc', 'nats-config', `nats-${n}.conf`)
    await mkdir(join(file, '..'), { recursive: true })
    const at = join(folder, `member-${n}`)
    await writeFile(
      file,
      natsConfiguration(values.nats.config, { name: `maggy-nats-${n}`, port, routes, certificates, at }),
    )
    servers.push(spawn(path, ['-c', file, '-l', join(folder, `nats-${n}.log`)], { stdio: 'ignore' }))
  }
  const server = ports.map(({ client }) => `tls://127.0.0.1:${client}`).join(',')
  const metricsPort = await freePort()
  const show = async (secret: string, name: string) => {
    await writeSecret(secret, join(folder, secret))
    return ['--server', server, '--log-level', 'warn', '--creds', join(folder, secret, name)]
  }
  const start = async (...[name, args]: Parameters<typeof spawnActor>) => {
    actors.push(await spawnActor(name, args, { stdio: 'ignore' }))
  }
  await start('driver', [...(await show('maggy-driver', 'creds')), '--metrics-port', String(metricsPort)])
  await start('worker', [...(await show('maggy-workers', 'maggy-worker-1')), '--cache', join(folder, 'bundles')])
  // It is known by the name of its pod, as which its cost is told.
  const seen = async () => {
    const page = await readMeasures(`http://127.0.0.1:${metricsPort}/metrics`)
    return page.value('maggy_worker_drain_cost_seconds', { worker: 'maggy-worker-1' })
  }
  await expect.poll(seen, { timeout: 60_000 }).toBe(0)
  // A worker's credentials make nobody a driver.
  await expect(start('driver', await show('maggy-workers', 'maggy-worker-0'))).rejects.toMatchObject({
    code: 'IDENTITY_DIFFERS',
  })
})

it('the cost of each worker is written to its pod, over all drivers, and again only when it has changed by much', async () => {
  const { costsOf, changesOf } = (await import(join(helm, 'files', 'deletion-cost.mjs'))) as DeletionCost
  const page = (worker: string, cost: number) => `maggy_worker_drain_cost_seconds{worker="${worker}"} ${cost}\n`
  expect([...costsOf([page('w1', 2) + page('w2', 5.5), page('w1', 3)])]).toEqual([
    ['w1', 5],
    ['w2', 5.5],
  ])
  const pods = (...costs: number[]) =>
    costs.map((cost, n) => ({ metadata: { name: `w${n}`, annotations: { [annotation]: String(cost) } } }))
  const costs = new Map([0, 1, 2, 3].map((n) => [`w${n}`, 100]))
  // By a fifth, or by 10 s; to and from nothing at once.
  expect([...changesOf(pods(0, 85, 75, 130), costs)]).toEqual([
    ['w0', 100],
    ['w2', 100],
    ['w3', 100],
  ])
  expect([...changesOf(pods(1), new Map())]).toEqual([['w0', 0]])

  // The program itself, at a driver's page and an API server that takes what Kubernetes takes.
  const measure = (worker: string, value: number): Measure => ({
    name: 'maggy_worker_drain_cost_seconds',
    kind: 'gauge',
    help: 'cost',
    value,
    labels: { worker },
  })
  const metrics = await serveMetrics({ host: '127.0.0.1', port: 0 }, () => [measure('w0', 12.4), measure('w1', 0)])
  const authority = await makeAuthority('test', 1)
  const { certificate, key } = await makeServerCertificate(authority, ['127.0.0.1'], 1)
  const asked: string[] = []
  const api = createServer({ cert: certificate, key }, (request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const { authorization, 'content-type': type = '' } = request.headers
      asked.push([request.method, request.url, authorization, type, body].join(' ').trim())
      response.end(JSON.stringify(request.method === 'GET' ? { items: pods(0, 0) } : {}))
    })
  })
  api.listen(0, '127.0.0.1')
  await once(api, 'listening')
  const account = join(folder, 'account')
  await mkdir(account)
  for (const [name, text] of [
    ['token', 'secret'],
    ['namespace', 'lab'],
    ['ca.crt', authority.certificate],
  ] as const)
    await writeFile(join(account, name), text)
  const child = spawn(process.execPath, [join(helm, 'files', 'deletion-cost.mjs')], {
    env: {
      DRIVERS: 'localhost',
      METRICS_PORT: new URL(metrics.url).port,
      SELECTOR: 'app=worker',
      ACCOUNT: account,
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String((api.address() as AddressInfo).port),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  servers.push(child)
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  expect(said.toString()).toBe('w0: 12\n')
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  expect(asked).toEqual([
    'GET /api/v1/namespaces/lab/pods?labelSelector=app%3Dworker Bearer secret',
    `PATCH /api/v1/namespaces/lab/pods/w0 Bearer secret application/merge-patch+json {"metadata":{"annotations":{"${annotation}":"12"}}}`,
  ])
  api.close()
  await metrics.close()
})

const annotation = 'controller.kubernetes.io/pod-deletion-cost'

interface DeletionCost {
  readonly costsOf: (pages: readonly string[]) => Map<string, number>
  readonly changesOf: (pods: readonly object[], costs: ReadonlyMap<string, number>) => Map<string, number>
}

interface Secret {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data: Readonly<Record<string, string>>
}

/** As Kubernetes mounts it with `defaultMode: 0440`. */
async function writeSecret(secret: string, at: string): Promise<void> {
  await mkdir(at, { recursive: true })
  for (const [name, text] of Object.entries(secretsOf.get(secret) ?? {})) {
    const file = join(at, name)
    await rm(file, { force: true })
    await writeFile(file, Buffer.from(text, 'base64'))
    await chmod(file, 0o440)
  }
}

interface Tls {
  readonly cert: string
  readonly key: string
  readonly merge: object
}
interface NatsValues {
  readonly nats: { readonly tls: Tls }
  readonly cluster: { readonly replicas: number; readonly tls: Tls }
  readonly jetstream: { readonly memoryStore: { readonly maxSize: string }; readonly merge: object }
  readonly resolver: { readonly merge: object }
  readonly merge: object
}
interface Member {
  readonly name: string
  readonly port: { readonly client: number; readonly peer: number }
  readonly routes: readonly string[]
  readonly certificates: string
  readonly at: string
}

/** What the nats chart writes (its files/config and nats.formatConfig), with the places and ports of this host. */
function natsConfiguration(values: NatsValues, { name, port, routes, certificates, at }: Member): string {
  const tls = (of: 'nats' | 'cluster', { cert, key, merge }: Tls) => ({
    cert_file: join(certificates, of, cert),
    key_file: join(certificates, of, key),
    ...merge,
  })
  const { nats, cluster, jetstream, resolver, merge } = values
  expect(cluster.replicas).toBe(routes.length)
  const written = {
    server_name: name,
    port: port.client,
    host: '127.0.0.1',
    tls: tls('nats', nats.tls),
    cluster: {
      name: 'maggy-nats',
      port: port.peer,
      host: '127.0.0.1',
      no_advertise: true,
      routes,
      tls: tls('cluster', cluster.tls),
    },
    jetstream: {
      store_dir: join(at, 'data'),
      max_file_store: '<< 64GB >>',
      max_memory_store: '<< 256MB >>',
      ...jetstream.merge,
    },
    resolver: { dir: join(at, 'resolver'), ...resolver.merge },
    ...merge,
  }
  return JSON.stringify(written, null, 2)
    .replaceAll('"/etc/nats-certs', `"${certificates}`)
    .replaceAll(/".*\$include": "(.*)",?/g, 'include $1;')
    .replaceAll(/"<<\s+(.*)\s+>>"/g, '$1')
}
