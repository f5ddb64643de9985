/** The Python package on a server that knows who is who: each by credentials of its own, a worker's runners by theirs. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { announce } from '../../protocol/index.ts'
import { spawnActor, type Child } from '../../src/actor/index.ts'
import { hear } from '../../src/bus/index.ts'
import { pythonWith, type Python, type PythonProcess } from '../support/python.ts'
import { startSecured, type Secured } from '../support/secured.ts'

let secured: Secured
let python: Python
let driver: Child | undefined
const started: PythonProcess[] = []

beforeAll(async () => {
  python = await pythonWith('nkeys')
  secured = await startSecured()
}, 180_000)
afterAll(async () => {
  await Promise.all(started.map((process) => process.stop()))
  await driver?.stop()
  await secured.stop()
})

const program = `
import sys
from maggy_actors import follow, optimization, submit

space = {"x": {"type": "double", "low": -1, "high": 1}, "k": {"type": "categorical", "choices": ["a", "b"]}}
search = optimization(space=space, trials=8, metric="loss", direction="minimize", optimizer="climb")
result = follow(submit("bowl", search, module=sys.argv[1]))
print(result["state"], len(result["trials"]), {trial["worker"] for trial in result["trials"].values()})
`
const module = `
import { defineExperiment } from 'maggy'
export default defineExperiment(import.meta.url, { name: 'bowl', train: ({ hparams }) => ({ loss: hparams.x }) })
`

it('hands in code, suggests, and runs and reports trials', async () => {
  const server = secured.server.url
  const withCreds = async (role: 'client' | 'optimizer' | 'worker', name: string) => ({
    MAGGY_SERVER: server,
    MAGGY_CREDS: await secured.creds(role, name),
  })
  const asDriver = ['--server', server, '--creds', await secured.creds('driver', 'd1'), '--log-level', 'warn']
  driver = await spawnActor('driver', asDriver)
  const seen = await secured.connect('driver', 'd2')
  const here = new Promise<void>((resolve) => {
    hear(seen, announce, { worker: 'py' }, () => resolve())
  })
  await seen.flush()
  started.push(python.start(['test/python/actors.py', 'optimizer'], await withCreds('optimizer', 'climb')))
  const worker = python.start(['test/python/actors.py', 'worker'], await withCreds('worker', 'py'))
  started.push(worker)
  await Promise.race([here, worker.ended.then(() => Promise.reject(new Error(worker.said())))])
  const file = join(secured.folder, 'bowl.mjs')
  await writeFile(file, module)
  const said = await python.run(['-c', program, file], { env: await withCreds('client', 'c1') })
  expect(said.trim()).toBe("done 8 {'py'}")
})
