/** lagom on an embedded bus: what it resolves with, what it rejects with, and that it leaves nothing behind. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../support/cli.ts'

const index = new URL('../../dist/src/index.js', import.meta.url).href
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-lagom-'))
  await writeFile(
    join(folder, 'tiny.mjs'),
    `import { existsSync } from 'node:fs'
     import { defineExperiment, optimization, space } from 'maggy'
     const common = { space: { x: space.double(0, 1) }, metric: 'score', direction: 'maximize' }
     export default defineExperiment(import.meta.url, {
       name: 'tiny', hparams: { y: 2 },
       train: async ({ hparams, reporter, run }) => {
         if (run.contextName === 'fails') throw new Error('no such luck')
         while (run.contextName === 'shown' && !existsSync(hparams.seen)) {
           await new Promise((resolve) => setTimeout(resolve, 50))
         }
         for (let i = 0; run.contextName === 'slow'; i += 1) {
           reporter.report({ score: i })
           await new Promise((resolve) => setTimeout(resolve, 100))
         }
         return { score: hparams.x * hparams.y }
       },
       contexts: {
         tune: optimization({ ...common, trials: 3 }),
         shown: optimization({ ...common, trials: 2, hparams: { seen: ${JSON.stringify(join(folder, 'seen'))} } }),
         slow: optimization({ ...common, trials: 2 }),
         fails: optimization({ ...common, trials: 9, maxFailed: 1 }),
       },
     })\n`,
  )
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** A program of the user's own, in a process of its own; `data` is its embedded bus's folder. */
async function program(name: string, body: string) {
  const data = join(folder, name)
  const path = join(folder, `${name}.mjs`)
  const tiny = pathToFileURL(join(folder, 'tiny.mjs')).href
  await writeFile(
    path,
    // The user's module finds 'maggy' as a package; outside of any, a hook leads it to the build under test.
    `import { register } from 'node:module'
     register('data:text/javascript,' + encodeURIComponent(
       "export const resolve = (name, context, next) => name === 'maggy' ? { url: '${index}', shortCircuit: true } : next(name, context)"))
     const { lagom, optimization, space, codeOf } = await import('${index}')
     const { default: tiny } = await import('${tiny}')
     const data = ${JSON.stringify(data)}
     const say = (value) => console.log(JSON.stringify(value))
     ${body}\n`,
  )
  const child = spawn(process.execPath, [path], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    child,
    ended,
    data,
    lines: () =>
      stdout
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as unknown),
    stderr: () => stderr,
  }
}

/** The process id of the nats-server of an embedded bus. */
async function serverOf(data: string): Promise<number> {
  const text = await readFile(join(data, 'server', 'nats-server.json'), 'utf8')
  return (JSON.parse(text) as { pid: number }).pid
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Processes below this one, by Linux's own books. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  const own = text.trim().split(' ').filter(Boolean).map(Number)
  const below = await Promise.all(own.map((child) => childrenOf(child).catch(() => [])))
  return [...own, ...below.flat()]
}

describe('lagom', () => {
  it('resolves with the result, for a context by name and for one given here, two at once on one bus', async () => {
    const run = await program(
      'two',
      `const inline = optimization({ space: { x: space.discrete([1, 2]) }, optimizer: 'grid', trials: 2, metric: 'score', direction: 'minimize' })
       const [named, given] = await Promise.all([
         lagom(tiny, 'tune', { data, workers: 2, output: data + '-out' }),
         lagom(tiny, inline, { data }),
       ])
       say({ named: named.state, done: named.counts.done, best: named.best.hparams, experiment: named.experiment })
       say({ given: given.state, best: given.best.hparams, name: given.contextName })`,
    )
    expect([await run.ended, run.stderr()]).toEqual([0, ''])
    const [named, given] = run.lines() as [{ experiment: string }, object]
    expect(named).toMatchObject({ named: 'done', done: 3, best: { y: 2 } })
    expect(given).toEqual({ given: 'done', best: { x: 1, y: 2 }, name: 'optimization' })
    expect(existsSync(join(`${run.data}-out`, named.experiment, 'result.json'))).toBe(true)
    expect(lives(await serverOf(run.data))).toBe(false)
  })

  it('has a board beside it while it runs, and none afterwards', async () => {
    const run = await program(
      'shown',
      `const { writeFileSync } = await import('node:fs')
       let address
       const board = { port: 0, onAddress: (given) => { address = given } }
       let seen
       // The experiment goes on until the board was seen.
       const noted = ({ status }) => { writeFileSync(${JSON.stringify(join(folder, 'seen'))}, ''); return status }
       const onProgress = () => { seen ??= fetch(address).then(noted) }
       const { state } = await lagom(tiny, 'shown', { data, board, onProgress })
       say({ state, seen: await seen, afterwards: await fetch(address).catch(() => 'nobody') })
       await lagom(tiny, 'tune', { data, board: true })`,
    )
    expect(await run.ended).toBe(0)
    expect(run.lines()).toEqual([{ state: 'done', seen: 200, afterwards: 'nobody' }])
    expect(run.stderr()).toMatch(/^board  http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{24}\n$/)
  })

  it('rejects with the code of what went wrong, and the result so far, when the experiment is given up', async () => {
    const run = await program(
      'fails',
      `await lagom(tiny, 'fails', { data }).catch((error) =>
         say({ code: codeOf(error), failed: error.result.trials[0].problem.code, state: error.result.state }))
       await lagom(tiny, 'tuna', { data }).catch((error) => say({ code: codeOf(error) }))`,
    )
    expect([await run.ended, run.stderr()]).toEqual([0, ''])
    expect(run.lines()).toEqual([
      { code: 'EXPERIMENT_GIVEN_UP', failed: 'TRAIN_FAILED', state: 'failed' },
      { code: 'CONTEXT_UNKNOWN' },
    ])
  })

  it('cancels and rejects when its signal aborts, and refuses a folder that another process holds', async () => {
    const run = await program(
      'held',
      `const controller = new AbortController()
       process.on('message', () => {})
       process.once('SIGUSR2', () => controller.abort(new Error('enough')))
       await lagom(tiny, 'slow', { data, signal: controller.signal, onProgress: ({ counts }) => say(counts) })
         .catch((error) => say({ rejected: error.message }))
       process.exit()`,
    )
    await until(() => run.lines().some((line) => (line as { running?: number }).running === 1))
    const other = await program(
      'other',
      `await lagom(tiny, 'tune', { data: ${JSON.stringify(run.data)} }).catch((error) => say({ code: codeOf(error), message: error.message }))`,
    )
    expect(await other.ended).toBe(0)
    expect(other.lines()).toMatchObject([
      { code: 'BUS_BUSY', message: expect.stringContaining(String(run.child.pid)) as string },
    ])
    run.child.kill('SIGUSR2')
    expect(await run.ended).toBe(0)
    expect(run.lines().at(-1)).toEqual({ rejected: 'enough' })
    expect(lives(await serverOf(run.data))).toBe(false)
  })

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'leaves no process behind when its own is ended by %s',
    async (signal) => {
      const run = await program(
        `ended-${signal}`,
        `await lagom(tiny, 'slow', { data, workers: 2, onProgress: ({ counts }) => say(counts) })`,
      )
      await until(() => run.lines().some((line) => (line as { running?: number }).running === 2))
      const pids = await childrenOf(run.child.pid ?? 0)
      // nats-server, driver, optimizer, two workers, two runners
      expect(pids.length).toBeGreaterThanOrEqual(7)
      run.child.kill(signal)
      await run.ended
      await until(() => !pids.some(lives))
      expect(pids.filter(lives)).toEqual([])
    },
  )
})
