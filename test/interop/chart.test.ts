/**
 * The chart, rendered by Helm and read with the schemas of Kubernetes, KEDA and Prometheus's operator. Nothing here runs in Kubernetes, and
 * of the official nats chart, which can be had from its own host only, stands nothing but the names of the values that ours sets
 * (nats-chart.schema.json).
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { packageRoot } from '../../src/actor/index.ts'
import { findHelm } from '../support/helm.ts'
import { readMaggyLine } from '../support/maggy-lines.ts'
import { pythonWithPackages, type Python } from '../support/python.ts'
import { faultsOf, kubernetesSchemas } from './manifests.ts'

const run = promisify(execFile)
const helm = await findHelm()
const command = 'command' in helm ? helm.command : ''

interface Container {
  readonly name: string
  readonly image: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly securityContext: object
}
interface PodSpec {
  readonly automountServiceAccountToken: boolean
  readonly securityContext: object
  readonly terminationGracePeriodSeconds?: number
  readonly containers: readonly Container[]
}
interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: {
    readonly template?: { readonly metadata: { readonly labels: Record<string, string> }; readonly spec: PodSpec }
    readonly selector?: Record<string, string>
    readonly podSelector?: { readonly matchLabels: Record<string, string> }
    readonly egress?: readonly { readonly ports: readonly { readonly port: number }[] }[]
    readonly scaleTargetRef?: { readonly kind: string; readonly name: string }
    readonly triggers?: readonly { readonly metadata: Readonly<Record<string, string>> }[]
  }
}

let folder = ''
let chart = ''
let python: Python

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-chart-'))
  chart = join(folder, 'maggy')
  await cp(join(packageRoot(), 'deploy', 'helm'), chart, { recursive: true })
  // The place of the dependency, with its names and nothing else.
  const nats = join(chart, 'charts', 'nats')
  await mkdir(join(nats, 'templates'), { recursive: true })
  await writeFile(join(nats, 'Chart.yaml'), 'apiVersion: v2\nname: nats\nversion: 1.3.9\n')
  await cp(fileURLToPath(new URL('nats-chart.schema.json', import.meta.url)), join(nats, 'values.schema.json'))
  if (command === '') return
  python = await pythonWithPackages(
    kubernetesSchemas,
    'cloudcoil-models-keda==2.16.1.0',
    'cloudcoil-models-prometheus-operator==0.80.1.0',
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function render(...settings: readonly string[]): Promise<Manifest[]> {
  const values = settings.flatMap((setting) => ['--set', setting])
  const { stdout } = await run(command, ['template', 'maggy', chart, '--namespace', 'lab', ...values], {
    maxBuffer: 2 ** 26,
  })
  return parseAllDocuments(stdout, { version: '1.1' }).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
}
const refused = (...settings: readonly string[]) =>
  render(...settings).then(
    () => 'rendered',
    (error: unknown) => String(error),
  )

const variants: Readonly<Record<string, readonly string[]>> = {
  'as it is': [],
  'on a bus of yours': ['nats.enabled=false', 'bus.url=tls://bus.example.org:4222'],
  'scaled by KEDA, which asks the drivers': [
    'autoscaling.enabled=true',
    'metrics.serviceMonitor.enabled=true',
    'workers.slots=4',
    'workers.trust=ed25519 AAAA',
    'workers.labels.zone=a',
    'networkPolicy.workerEgress[0].ports[0].port=443',
  ],
  'scaled by Prometheus, the cheapest worker first': [
    'auth.kind=token',
    'workers.kind=Deployment',
    'workers.finishTrials=true',
    'deletionCost.enabled=true',
    'autoscaling.enabled=true',
    'autoscaling.prometheus=http://prometheus.monitoring:9090',
    'metrics.serviceMonitor.enabled=true',
  ],
}

it.skipIf(command !== '')(`is left out: ${'missing' in helm ? helm.missing : ''}`, () => {})

describe.skipIf(command === '')('the chart', () => {
  it('is what Helm holds to be well made', async () => {
    const { stdout } = await run(command, ['lint', '--strict', chart])
    expect(stdout).toContain('0 chart(s) failed')
  })

  it('renders manifests that Kubernetes, KEDA and the operator of Prometheus take', async () => {
    const all = (await Promise.all(Object.values(variants).map((settings) => render(...settings)))).flat()
    // Most of them are the same in all variants.
    const manifests = [...new Map(all.map((manifest) => [JSON.stringify(manifest), manifest])).values()]
    const kinds = new Set(manifests.map(({ kind }) => kind))
    const expected = [
      'Deployment',
      'StatefulSet',
      'Service',
      'NetworkPolicy',
      'PodDisruptionBudget',
      'ConfigMap',
      'Role',
    ]
    expect([...kinds]).toEqual(expect.arrayContaining([...expected, 'RoleBinding', 'ScaledObject', 'ServiceMonitor']))
    const broken = { ...manifests.find(({ kind }) => kind === 'StatefulSet'), spec: { replicas: 'two' } }
    const strange = manifests.find(({ kind }) => kind === 'ScaledObject')
    const unknown = { ...strange, spec: { ...strange?.spec, minReplicas: 0 } }
    const said = await faultsOf(python, [...manifests, broken, unknown])
    expect(said.length).toBe(manifests.length + 2)
    // What is wrong on purpose is seen, and nothing else is.
    expect(said.splice(-2).map(([, faults]) => faults.length)).toEqual([1, 1])
    expect(said.filter(([, faults]) => faults.length > 0)).toEqual([])
  })

  it.each(Object.entries(variants))(
    '%s: pods run without root, and our program takes their lines',
    async (_, settings) => {
      const pods = (await render(...settings)).flatMap(({ spec }) => spec?.template ?? [])
      const started = new Set<string>()
      for (const { spec } of pods) {
        expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
        for (const container of spec.containers) {
          expect(container.securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          })
          // What is not ours is started by a command of its own, and asks Kubernetes.
          expect(spec.automountServiceAccountToken).toBe(container.command !== undefined)
          if (container.command !== undefined) continue
          const { args = [] } = container
          expect(() => readMaggyLine(args), args.join(' ')).not.toThrow()
          started.add(args[0] ?? '')
          const [, given] = /--(?:notice|drain-timeout) (\d+)/.exec(args.join(' ')) ?? []
          if (args[0] === 'worker') expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(Number(given))
        }
      }
      expect([...started].sort()).toEqual(['ablator', 'board', 'driver', 'optimizer', 'worker'])
    },
  )

  it.each(Object.entries(variants))('%s: what refers to something finds it', async (_, settings) => {
    const manifests = await render(...settings)
    const pods = manifests.flatMap(({ spec }) => (spec?.template ? [spec.template.metadata.labels] : []))
    const selects = (labels: Record<string, string>) =>
      pods.some((pod) => Object.entries(labels).every(([name, value]) => pod[name] === value))
    const ofBus = (labels: Record<string, string>) => labels['app.kubernetes.io/name'] === 'nats'
    for (const { kind, spec } of manifests) {
      const { selector = {}, podSelector } = spec ?? {}
      if (kind === 'Service') expect(selects(selector), JSON.stringify(selector)).toBe(true)
      const labels = podSelector?.matchLabels
      if (labels !== undefined && !ofBus(labels)) expect(selects(labels), JSON.stringify(labels)).toBe(true)
    }
    const scaled = manifests.find(({ kind }) => kind === 'ScaledObject')?.spec
    const asked = settings.includes('autoscaling.enabled=true')
    expect(scaled !== undefined).toBe(asked)
    if (scaled === undefined) return
    const { kind = '', name = '' } = scaled.scaleTargetRef ?? {}
    expect(manifests.some((one) => one.kind === kind && one.metadata.name === name)).toBe(true)
    const { url, valueLocation, query } = scaled.triggers?.[0]?.metadata ?? {}
    if (url === undefined) expect(query).toBe('sum(maggy_slots_wanted)')
    else {
      expect(valueLocation).toBe('maggy_slots_wanted')
      const service = new URL(url).hostname.split('.')[0]
      expect(manifests.some((one) => one.kind === 'Service' && one.metadata.name === service)).toBe(true)
    }
  })

  it.each([
    ['tls://b:5222\\,tls://c:5223', [5222, 5223]],
    ['tls://b\\, nats://user:12@c\\,tls://[::1]:7222/', [4222, 7222]],
    ['tls://b:5222\\,', [5222]],
  ])('lets actors reach a bus of yours at all ports of %s', async (url, ports) => {
    const reached = async (...settings: readonly string[]) => {
      const manifests = await render('nats.enabled=false', `bus.url=${url}`, ...settings)
      const policy = manifests.find(
        ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'maggy-actors',
      )
      return policy?.spec?.egress?.[0]?.ports.map(({ port }) => port)
    }
    expect(await reached()).toEqual(ports)
    // A service at these ports may lead to pods at another one.
    expect(await reached('bus.podLabels.app=nats')).toEqual([...new Set([...ports, 4222])])
  })

  it('refuses what cannot work, and says what can', async () => {
    expect(await refused('nats.enabled=false')).toContain('the address of your bus is needed')
    for (const url of ['wss://b', 'bus.example.org:4222', 'tls://b\\,wss://c'])
      expect(await refused('nats.enabled=false', `bus.url=${url}`)).toContain('one starts with tls:// or nats://')
    expect(await refused('workers.kind=Deployment')).toContain('take a StatefulSet, or auth.kind: token')
    expect(await refused('deletionCost.enabled=true')).toContain('for a Deployment only')
    expect(await refused('workers.labels.zone=eu\\,west')).toContain('workers.labels.zone: "eu,west" has a comma')
    expect(await refused('workers.labels.zo\\,ne=eu')).toContain('"zo,ne" is no name of a label')
    expect(await refused('autoscaling.enabled=true', 'metrics.enabled=false')).toContain('metrics.enabled is needed')
    expect(await refused('autoscaling.enabled=true', 'autoscaling.min=9')).toContain('min is 9, and max is 8')
    const byPrometheus = ['autoscaling.enabled=true', 'autoscaling.prometheus=http://prometheus.monitoring:9090']
    expect(await refused(...byPrometheus)).toContain('metrics.serviceMonitor.enabled is needed')
    expect(await refused(...byPrometheus, 'metrics.enabled=false')).toContain('metrics.enabled is needed')
    expect(await refused('metrics.serviceMonitor.enabled=true', 'metrics.enabled=false')).toContain('nothing to read')
    const withoutDrivers = 'driver.replicas=0'
    expect(await refused('autoscaling.enabled=true', withoutDrivers)).toContain('driver.replicas is 0')
    const costs = ['auth.kind=token', 'workers.kind=Deployment', 'deletionCost.enabled=true']
    expect(await refused(...costs, withoutDrivers)).toContain('driver.replicas is 0')
    expect(await refused('workers.knd=Deployment')).toContain('knd')
    expect(await refused('workers.kind=DaemonSet')).toContain('kind')
    expect(await refused('nats.config.jetstrem.enabled=true')).toContain('jetstrem')
  })
})
