/** A file of 200 MB that a trial saves: the rate, and what worker, runner and driver hold of it; then with its driver killed in the middle. */
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import pidusage from 'pidusage'
import { optimization, space } from 'maggy'
import { artifactPart, partBytes, subjectFor } from '../../protocol/index.ts'
import type { Child } from '../../src/actor/index.ts'
import { readArtifact, resultOf, type TrialResult } from '../../src/store/index.ts'
import { startSystem, until, type System } from '../support/system.ts'
import type { Report } from './main.ts'

const pieces = 200
const mebibyte = 2 ** 20
const module = fileURLToPath(new URL('../support/artifact-experiment.js', import.meta.url))
const context = (count: number) =>
  optimization({
    space: { x: space.double(0, 1) },
    optimizer: 'random',
    metric: 'value',
    direction: 'maximize',
    trials: 1,
    hparams: { does: 'file', pieces: count },
  })

export async function artifacts(say: (line: string) => void): Promise<Report> {
  const system = await startSystem()
  try {
    const driver = await system.actor('driver')
    const [worker] = await system.workers(1)
    await system.actor('optimizer')
    // Everything is warm: what comes on top of this is the artifact's.
    await system.submit(module, context(1), 'warm')
    await system.ended('warm')
    const before = await memoryOf(driver, worker)
    say('saves 200 MiB')
    await system.submit(module, context(pieces), 'whole')
    const highest = await highestWhile(system.ended('whole'), driver, worker)
    const events = await system.ended('whole')
    const saved = events.find((event) => event.type === 'trial.artifact')
    const began = await until(system, 'whole', 'trial.assigned')
    const seconds = ((saved?.at ?? 0) - began.at) / 1000
    const read = await readBack(system, 'whole')

    say('saves 200 MiB again, and kills the driver in the middle')
    await system.submit(module, context(pieces), 'killed')
    const other = system.actor('driver')
    await partsOf(system, 'killed', pieces)
    driver.process.kill('SIGKILL')
    await other
    const { trials } = resultOf('killed', await system.ended('killed'))
    const again = await readBack(system, 'killed')
    const entries = await countParts(system, 'killed')
    return {
      figures: {
        'MB/s from the assignment to the log (with the file made)': Math.round((pieces * 1.048576) / seconds),
        'MB/s read back and hashed': Math.round(read.rate),
        'driver: MiB on top': highest.driver - before.driver,
        'worker: MiB on top': highest.worker - before.worker,
        'hash after it': read.isRight ? 'right' : 'WRONG',
        'attempts with the driver killed': trials[0]?.attempts ?? 0,
        'parts kept twice': entries - (pieces * mebibyte) / partBytes,
        'hash after that': again.isRight ? 'right' : 'WRONG',
      },
      bars: {
        'driver: MiB on top': '< 100',
        'worker: MiB on top': '< 50',
        'attempts with the driver killed': '1',
        'parts kept twice': '0',
      },
    }
  } finally {
    await system.stop()
  }
}

async function memoryOf(driver: Child, worker: Child | undefined): Promise<{ driver: number; worker: number }> {
  const [a, b] = await Promise.all([pidusage(driver.pid), pidusage(worker?.pid ?? driver.pid)])
  return { driver: Math.round(a.memory / mebibyte), worker: Math.round(b.memory / mebibyte) }
}

async function highestWhile(work: Promise<unknown>, driver: Child, worker: Child | undefined) {
  const highest = { driver: 0, worker: 0 }
  const over = new AbortController()
  const ended = work.finally(() => over.abort())
  while (!over.signal.aborted) {
    const now = await memoryOf(driver, worker)
    highest.driver = Math.max(highest.driver, now.driver)
    highest.worker = Math.max(highest.worker, now.worker)
    await new Promise((next) => setTimeout(next, 100))
  }
  await ended
  return highest
}

async function readBack(system: System, id: string): Promise<{ rate: number; isRight: boolean }> {
  const { trials } = resultOf(id, await system.ended(id))
  const artifact = (trials[0] as TrialResult).artifacts?.[0]
  if (artifact === undefined) throw new Error('nothing was saved')
  const hash = createHash('sha256')
  const startedAt = performance.now()
  for await (const part of readArtifact(system.bus, id, 0, artifact)) hash.update(part)
  const rate = (pieces * 1.048576) / ((performance.now() - startedAt) / 1000)
  return { rate, isRight: hash.digest('hex') === expected() }
}

function expected(): string {
  const hash = createHash('sha256')
  for (let index = 0; index < pieces; index += 1) {
    const bytes = Buffer.alloc(mebibyte, index % 251)
    bytes.writeUInt32BE(index)
    hash.update(bytes)
  }
  return hash.digest('hex')
}

const filterOf = (experiment: string) => subjectFor(artifactPart, { experiment, trial: '*', attempt: '*', upload: '*' })

/** Resolves once so many parts are kept. */
async function partsOf(system: System, id: string, count: number): Promise<void> {
  const over = new AbortController()
  let seen = 0
  for await (const _ of system.bus.streams.follow('artifacts', filterOf(id), { signal: over.signal })) {
    seen += 1
    if (seen >= count) over.abort()
  }
}

async function countParts(system: System, id: string): Promise<number> {
  let count = 0
  for await (const _ of system.bus.streams.read('artifacts', filterOf(id))) count += 1
  return count
}
