/** A disk that was full and has room again. It is a small one of its own, in a mount namespace that only the process under test sees. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from 'vitest'
import { codeOf, log, subjectFor } from '../../protocol/index.ts'
import { packageRoot } from '../../src/actor/index.ts'
import { connectNats } from '../../src/bus/index.ts'
import { until } from '../support/cli.ts'
import { allowSteps } from '../support/pace.ts'

const main = join(packageRoot(), 'dist/src/cli/main.js')
const megabyte = 2 ** 20
let folder: string
let running: ChildProcess | undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-full-'))
})
afterEach(async () => {
  if (running !== undefined && running.exitCode === null && running.signalCode === null) {
    running.kill('SIGTERM')
    await once(running, 'exit')
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const mount = (disk: string) => `mount -t tmpfs -o size=40m none ${disk} && `
/** Not every host lets its users mount what only they see. */
const possible = spawnSync('unshare', ['-rm', 'sh', '-c', `${mount('/mnt')}true`]).status === 0

/** Runs `maggy` with a small disk of its own in place of the folder. */
async function withSmallDisk(name: string, args: readonly string[]) {
  const disk = await mkdtemp(join(folder, `${name}-`))
  const script = `${mount(disk)}exec "$@"`
  const child = spawn(
    'unshare',
    ['-rm', 'sh', '-c', script, 'sh', process.execPath, main, ...args.map((each) => each.replace('DISK', disk))],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, MAGGY_SERVER: '', NO_COLOR: '1' },
    },
  )
  running = child
  const said = { out: '', err: '' }
  onTestFailed(() => void process.stderr.write(said.out + said.err))
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text))
  // The disk as the child sees it.
  const ballast = join(`/proc/${child.pid}/root`, disk, 'ballast')
  return {
    child,
    said,
    /** Writes until nothing is left. */
    fill: async () => {
      await writeFile(ballast, Buffer.alloc(64 * megabyte)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOSPC') throw error
      })
    },
    empty: () => rm(ballast),
  }
}

describe.skipIf(!possible)('a disk that is full', () => {
  test('and has room again: maggy server says both, and takes what is written, after what was acknowledged', async () => {
    const { said, fill, empty } = await withSmallDisk('server', [
      'server',
      '--random',
      '--token',
      't',
      '--data',
      'DISK/server',
    ])
    await until(() => said.out.includes('\n'))
    const bus = await connectNats({ server: said.out.trim(), token: 't', name: 'test' })
    await bus.streams.ensure()
    const subject = subjectFor(log, { experiment: 'e' })
    const append = (last: number) => bus.streams.append(subject, new Uint8Array(megabyte), { expectedLast: last })
    let last = await append(0)
    await fill()
    const refused = await append(last).then(() => 'taken', codeOf)
    expect(refused).not.toBe('taken')
    await until(() => /the disk of \S+ is full: nats-server cannot write/.test(said.err))
    await empty()
    await until(() => said.err.includes('nats-server was started again, and writes'))
    await until(() => bus.status === 'connected')
    const kept = (await bus.streams.last('log', subject))?.sequence ?? 0
    expect(kept).toBeGreaterThanOrEqual(last)
    last = await append(kept)
    expect(last).toBe(kept + 1)
    await bus.close()
  })

  test('and has room again: maggy run says both, and comes to its end', async () => {
    const pace = join(folder, 'trials')
    const module = join(folder, 'held.ts')
    // So many that what is still to be written has no room in the last page of a file, which the disk has given already.
    const trials = 60
    await writeFile(
      module,
      `import { readFileSync } from 'node:fs'
       import { defineExperiment, optimization, space } from 'maggy'
       export default defineExperiment(import.meta.url, {
         name: 'held',
         train: async ({ run }: any) => {
           while (run.trial >= Number(readFileSync(${JSON.stringify(pace)}, 'utf8'))) await new Promise((resolve) => setTimeout(resolve, 20))
           return { value: run.trial }
         },
         contexts: { tune: optimization({ space: { x: space.double(0, 1) }, trials: ${trials}, optimizer: 'random', metric: 'value', direction: 'maximize' }) },
       })\n`,
    )
    allowSteps(pace, 2)
    const { child, said, fill, empty } = await withSmallDisk('run', ['run', module, 'tune', '--data', 'DISK/data'])
    await until(() => said.out.includes('trial 1 done'))
    await fill()
    allowSteps(pace, 1000)
    await until(() => /the disk of \S+ is full: nats-server cannot write/.test(said.out))
    await empty()
    await until(() => said.out.includes('nats-server was started again, and writes'))
    const [code] = (await once(child, 'exit')) as [number | null]
    expect(code, said.out + said.err).toBe(0)
    expect(said.out).toMatch(/: done in .*, 60 done$/m)
  })
})
