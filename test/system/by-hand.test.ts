/** Every actor started by hand, as a process of its own, as on several hosts: the CLI, and an optimizer of one's own. */
import { readFileSync } from 'node:fs'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { announce, started, type LogEvent } from '../../protocol/index.ts'
import { packageRoot } from '../../src/actor/index.ts'
import { readLog } from '../../src/archive/index.ts'
import { connectNats, hear, type Bus } from '../../src/bus/index.ts'
import type { Result } from '../../src/store/index.ts'
import { maggy, until, type Running } from '../support/cli.ts'

let folder = ''
let url = ''
let bus: Bus
let module = ''
const byHand: ChildProcess[] = []

/** Starts an actor that is ended with the tests. */
function actor(...args: string[]): Pick<Running, 'said'> {
  const running = maggy(args)
  byHand.push(running.process)
  return { said: () => running.said() }
}

async function eventsNow(experiment: string): Promise<LogEvent[]> {
  const events: LogEvent[] = []
  for await (const { entry } of readLog(bus, experiment)) events.push(...(entry?.events ?? []))
  return events
}

/** The lines of `--json` so far. */
const linesOf = (running: Running) =>
  running
    .said()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { event: string; experiment?: string; trial?: number; result?: Result })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-by-hand-'))
  module = join(folder, 'held.ts')
  // From the third trial on they hold until there is a file `go`: what happens meanwhile happens while they run.
  await writeFile(
    module,
    `import { existsSync } from 'node:fs'
     import { defineExperiment, optimization, space } from 'maggy'
     const common = { space: { x: space.double(0, 1), units: space.integer(8, 64) }, metric: 'value', direction: 'maximize' } as const
     export default defineExperiment(import.meta.url, {
       name: 'held',
       train: async ({ hparams, run }: any) => {
         while (run.contextName === 'tune' && run.trial > 1 && !existsSync(${JSON.stringify(join(folder, 'go'))})) {
           await new Promise((resolve) => setTimeout(resolve, 20))
         }
         return hparams.x * hparams.units
       },
       contexts: {
         tune: optimization({ ...common, trials: 12 }),
         climb: optimization({ ...common, trials: 8, optimizer: { name: 'climber', keep: 0.8 } }),
       },
     })\n`,
  )
  const server = actor('server', '--random', '--data', join(folder, 'server'))
  await until(() => server.said().includes('\n'))
  // The token is in a file, and not on the screen.
  if (server.said().includes('@')) throw new Error('the token is on the screen')
  const token = readFileSync(join(folder, 'server', 'token'), 'utf8').trim()
  url = server.said().trim().replace('//', `//${token}@`)
  actor('driver', '--server', url)
  actor('optimizer', '--server', url)
  for (const id of ['first', 'second']) actor('worker', '--server', url, '--id', id)
  bus = await connectNats({ server: url, name: 'test' })
})

afterAll(async () => {
  await bus.close()
  // The server last, so that the others can say good-bye.
  for (const child of byHand.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  await rm(folder, { recursive: true, force: true })
})

describe('actors that were started by hand', () => {
  it('run an experiment, and a third worker gets a trial while those of the others run', async () => {
    const running = maggy(['run', module, 'tune', '--server', url, '--json'])
    await until(() => linesOf(running).filter(({ event }) => event === 'trial').length === 2)
    const id = linesOf(running).find(({ event }) => event === 'experiment')?.experiment ?? ''

    const heard: Record<string, number> = {}
    hear(bus, announce, { worker: 'third' }, () => (heard['announce'] ??= performance.now()))
    hear(bus, started, { worker: 'third', experiment: id }, () => (heard['started'] ??= performance.now()))
    await bus.flush()
    actor('worker', '--server', url, '--id', 'third')
    await until(() => heard['started'] !== undefined)
    const ms = (heard['started'] ?? 0) - (heard['announce'] ?? 0)
    process.stderr.write(`a third worker: ${ms.toFixed(0)} ms from its announcement to the start of its first trial\n`)

    const sofar = await eventsNow(id)
    expect(sofar.some((event) => event.type === 'trial.assigned' && event.worker === 'third')).toBe(true)
    const ended = sofar.flatMap((event) => (event.type === 'trial.ended' ? [event.trial] : []))
    expect(ended.toSorted((a, b) => a - b)).toEqual([0, 1])

    await writeFile(join(folder, 'go'), '')
    const { code, stderr } = await running
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { result } = linesOf(running).at(-1) ?? {}
    expect(result).toMatchObject({ state: 'done', counts: { done: 12, failed: 0 } })
    expect(result?.trials.some(({ worker }) => worker === 'third')).toBe(true)
  })

  it('take suggestions from the optimizer of the examples, a process of its own', async () => {
    const program = join(packageRoot(), 'dist/deploy/examples/custom-optimizer.js')
    byHand.push(spawn(process.execPath, [program, '--server', url, '--id', 'mine'], { stdio: 'ignore' }))
    const running = maggy(['run', module, 'climb', '--server', url, '--json'])
    expect((await running).code).toBe(0)
    const { result } = linesOf(running).at(-1) ?? {}
    expect(result).toMatchObject({ state: 'done', counts: { done: 8, failed: 0 } })
    const opened = (await eventsNow(result?.experiment ?? '')).filter(({ type }) => type === 'optimizer.opened')
    expect(opened).toMatchObject([{ adaptive: true }])
  })

  it('exit with 2, as every command does, when given an option that they do not know', async () => {
    const codes = await Promise.all(
      ['driver', 'optimizer', 'worker', 'server'].map(async (name) => {
        const { code, stderr } = await maggy([name, '--colour'])
        return [code, stderr.trim()]
      }),
    )
    expect(codes).toEqual(codes.map(() => [2, "error: unknown option '--colour'"]))
  })
})
