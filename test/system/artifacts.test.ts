/** What trials save, on real parts: the model back, in all four contexts, across kills, and gone with its experiment. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as tf from '@tensorflow/tfjs'
import { ablation, lagom, optimization, space, study, training } from 'maggy'
import { artifactPart, partBytes, subjectFor } from '../../protocol/index.ts'
import type { Child } from '../../src/actor/index.ts'
import { readArtifact, resultOf, type Artifact } from '../../src/store/index.ts'
import experiment from '../support/artifact-experiment.ts'
import { command } from '../support/command.ts'
import { startSystem, until, type System } from '../support/system.ts'

const module = fileURLToPath(new URL('../support/artifact-experiment.ts', import.meta.url))
const common = {
  metric: 'value',
  direction: 'maximize',
  space: { x: space.double(0, 1) },
  optimizer: 'random',
} as const
const mebibyte = 2 ** 20
let system: System
let driver: Child
let workers: Child[]
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-artifacts-'))
  system = await startSystem()
  const [started, , , among] = await Promise.all([
    system.actor('driver'),
    system.actor('optimizer'),
    system.actor('ablator'),
    system.workers(2),
  ])
  driver = started
  workers = among
})
afterAll(async () => {
  await system.stop()
  await rm(folder, { recursive: true, force: true })
})

const run = (...args: string[]) => command([...args, '--server', system.server.url])
const said = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}
const kept = async (id: string) =>
  await system.bus.streams.subjects(
    'artifacts',
    subjectFor(artifactPart, { experiment: id, trial: '*', attempt: '*', upload: '*' }),
  )
/** Resolves once so many parts of an artifact are kept. */
async function parts(id: string, count: number): Promise<void> {
  const over = new AbortController()
  const filter = subjectFor(artifactPart, { experiment: id, trial: '*', attempt: '*', upload: '*' })
  let seen = 0
  for await (const _ of system.bus.streams.follow('artifacts', filter, { signal: over.signal })) {
    seen += 1
    if (seen >= count) over.abort()
  }
}
const hashOf = async (id: string, trial: number, artifact: Artifact | undefined) => {
  if (artifact === undefined) throw new Error('there is no artifact')
  const hash = createHash('sha256')
  let bytes = 0
  for await (const part of readArtifact(system.bus, id, trial, artifact)) {
    hash.update(part)
    bytes += part.length
  }
  return { sha256: hash.digest('hex'), bytes }
}
const largeFile = (pieces: number) => {
  const hash = createHash('sha256')
  for (let index = 0; index < pieces; index += 1) {
    const bytes = Buffer.alloc(mebibyte, index % 251)
    bytes.writeUInt32BE(index)
    hash.update(bytes)
  }
  return { sha256: hash.digest('hex'), bytes: pieces * mebibyte }
}

describe('the model back', () => {
  it('of the best trial, as a folder that plain tfjs-node loads, predicts as in the trial', async () => {
    await system.submit(module, optimization({ ...common, trials: 3 }), 'models')
    const { best, trials } = resultOf('models', await system.ended('models'))
    for (const { artifacts } of trials) expect(artifacts?.map(({ name }) => name)).toEqual(['model', 'notes.txt'])
    expect(await kept('models')).toHaveLength(6)
    const output = join(folder, 'model')
    expect(await said('model', 'models', '--best', '--output', output)).toContain(`trial ${best?.trial}: model`)
    expect((await readdir(output)).sort()).toEqual(['model.json', 'weights.bin'])
    const script = `require('node:util').isNullOrUndefined ??= (v) => v == null; require('node:util').isArray ??= Array.isArray
      const tf = require('@tensorflow/tfjs-node')
      tf.loadLayersModel('file://${output}/model.json').then((model) => console.log(model.predict(tf.tensor2d([[0.5]])).dataSync()[0]))`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
    })
    expect(Number(stdout.trim().split('\n').at(-1))).toBe(best?.metrics['predicted'])
    // What is there stays, unless it is to be replaced.
    const again = await run('model', 'models', '--output', output)
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toContain('FILE_REFUSED')
    await said('model', 'models', '--trial', '0', '--output', output, '--force')
    await said('artifacts', 'models', '1', '--output', join(folder, 'all'))
    expect(await readFile(join(folder, 'all', 'notes.txt'), 'utf8')).toBe('trial 1')
    expect(await said('artifacts', 'models')).toMatch(/trial +state +name +kind +size +sha256\n0 +done +model +model/)
  })

  it('in all four contexts, from code and out of memory; a trial that saved none says how to', async () => {
    const explored = await experiment.run({ x: 0.25 })
    const [model, notes] = explored.artifacts
    expect(new TextDecoder().decode(notes?.data)).toBe('trial 0')
    const { server } = system
    const options = { server: server.url }
    const tuned = await lagom(experiment, optimization({ ...common, trials: 2 }), options)
    const ablated = await lagom(
      experiment,
      ablation({ study: study().training('nothing'), metric: 'value', direction: 'maximize' }),
      options,
    )
    const trained = await lagom(experiment, training({ workers: 2 }), options)
    for (const [held, metrics] of [
      [await model?.model?.(), explored.metrics],
      [await tuned.best?.model(), tuned.best?.metrics],
      [await ablated.trials[1]?.model('model'), ablated.trials[1]?.metrics],
      [await trained.trials[0]?.model(), trained.trials[0]?.metrics],
    ] as const) {
      const [predicted] = ((held as tf.LayersModel).predict(tf.tensor2d([[0.5]])) as tf.Tensor).dataSync()
      expect(predicted).toBeCloseTo(Number(metrics?.['predicted']), 6)
    }
    expect(await kept(trained.experiment)).toHaveLength(2)
    // Functions are no data.
    expect(JSON.parse(JSON.stringify(tuned.best))).toEqual({ ...tuned.best })
    const without = optimization({ ...common, trials: 1, hparams: { does: 'file', pieces: 0 } })
    const { best } = await lagom(experiment, without, options)
    await expect(best?.model()).rejects.toMatchObject({ code: 'MODEL_MISSING' })
    expect(new Uint8Array((await best?.artifact('large.bin')) ?? [1])).toHaveLength(0)
  })
})

describe('an upload', () => {
  it('goes on where it was when its driver is killed in the middle, and no part is kept twice', async () => {
    const pieces = 32
    const context = optimization({ ...common, trials: 1, hparams: { does: 'file', pieces } })
    await system.submit(module, context, 'driver-killed')
    const other = system.actor('driver')
    await parts('driver-killed', 12)
    driver.process.kill('SIGKILL')
    driver = await other
    const { trials } = resultOf('driver-killed', await system.ended('driver-killed'))
    expect(trials).toMatchObject([{ state: 'done', attempts: 1 }])
    const [artifact] = trials[0]?.artifacts ?? []
    expect(await hashOf('driver-killed', 0, artifact)).toEqual(largeFile(pieces))
    const [subject = '', ...others] = await kept('driver-killed')
    expect(others).toEqual([])
    let entries = 0
    for await (const _ of system.bus.streams.read('artifacts', subject)) entries += 1
    expect(entries).toBe((pieces * mebibyte) / partBytes)
  })

  it('of a worker that is killed in the middle leaves nothing half; nor do trials that fail', async () => {
    const pieces = 32
    const context = optimization({ ...common, trials: 1, hparams: { does: 'file', pieces } })
    await system.submit(module, context, 'worker-killed')
    await parts('worker-killed', 12)
    const { worker } = await until(system, 'worker-killed', 'trial.assigned')
    workers.find(({ id }) => id === worker)?.process.kill('SIGKILL')
    const { trials } = resultOf('worker-killed', await system.ended('worker-killed'))
    expect(trials).toMatchObject([{ state: 'done', attempts: 2 }])
    const [artifact] = trials[0]?.artifacts ?? []
    expect(artifact?.attempt).toBe(2)
    expect(await hashOf('worker-killed', 0, artifact)).toEqual(largeFile(pieces))
    expect(await kept('worker-killed')).toEqual([
      subjectFor(artifactPart, {
        experiment: 'worker-killed',
        trial: '0',
        attempt: '2',
        upload: artifact?.upload ?? '',
      }),
    ])
    await system.submit(module, optimization({ ...common, trials: 2, hparams: { does: 'throws' } }), 'throws')
    const failed = resultOf('throws', await system.ended('throws'))
    expect(failed.trials.map(({ state, artifacts = [] }) => [state, artifacts.length])).toEqual([
      ['failed', 0],
      ['done', 1],
    ])
    expect(await kept('throws')).toHaveLength(1)
  })
})
