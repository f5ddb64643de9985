/** The CLI as a user has it: a process that is given a command line, says something, and exits. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { maggy, until } from '../support/cli.ts'
import { startTestServer } from '../support/server.ts'

let folder = ''
const module = async (name: string, text: string) => {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}
/** A module with one context, `tune`, whose options are this text. */
const withContext = (name: string, options: string) =>
  module(
    name,
    `import { defineExperiment, optimization, space } from 'maggy'
     export default defineExperiment(import.meta.url, {
       name: 'tiny', hparams: { y: 2 },
       train: ({ hparams, reporter }: any) => {
         for (let i = 0; i < 3; i += 1) reporter.report({ score: hparams.x * i })
         console.log('x is', hparams.x)
         return { score: hparams.x * hparams.y }
       },
       contexts: { tune: optimization(${options}) },
     })\n`,
  )
const good = `{ space: { x: space.double(0, 1) }, trials: 4, metric: 'score', direction: 'maximize' }`
const bus = (name: string) => ['--data', join(folder, name)]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-cli-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('maggy, given what it cannot take,', () => {
  const space = (text: string) => `{ space: { x: ${text} }, trials: 4, metric: 'score', direction: 'maximize' }`

  it('says that there is no such module', async () => {
    const { code, stderr } = await maggy(['run', join(folder, 'nowhere.ts')])
    expect(stderr).toMatch(/^error MODULE_NOT_FOUND: there is no module .*nowhere\.ts\nremedy: give the path/)
    expect(code).toBe(2)
  })

  it('says in which line and column a module does not compile', async () => {
    const path = await module('broken.ts', 'const fine = 1\nconst = 2\n')
    const { code, stderr } = await maggy(['run', path])
    expect(stderr).toMatch(
      /^error MODULE_NOT_COMPILED: .*broken\.ts does not compile:\n.*broken\.ts:2:7: [^]*\nremedy: mend the lines/,
    )
    expect(code).toBe(2)
  })

  it('says that a module has no experiment as its default export', async () => {
    const path = await module('plain.ts', 'export const experiment = 1\n')
    const { code, stderr } = await maggy(['run', path])
    expect(stderr).toMatch(
      /^error EXPERIMENT_NOT_EXPORTED: .*plain\.ts has no experiment as its default export\nremedy: end it/,
    )
    expect(code).toBe(2)
  })

  it('says which contexts there are, when asked for another', async () => {
    const { code, stderr } = await maggy(['run', await withContext('good.ts', good), 'tuna'])
    expect(stderr).toContain(
      'error CONTEXT_UNKNOWN: the experiment tiny has no context tuna; it has tune\nremedy: name one of them',
    )
    expect(code).toBe(2)
  })

  it.each([
    ['space.double(1, 0)', 'space.x.low is 1, above high, which is 0'],
    ['space.double(0, 1, { log: true })', 'space.x.low is 0; with log it must be above 0'],
    ['space.categorical([])', 'space.x.choices is empty; give at least one of the choices'],
    ['space.double(0, Infinity)', 'space.x.high is Infinity, not a finite number'],
  ])('names the fault in a space of %s', async (text, message) => {
    const { code, stderr } = await maggy(['run', await withContext('space.ts', space(text)), 'tune'])
    expect(stderr).toContain(`error SPACE_INVALID: ${message}`)
    expect(stderr).toContain('\nremedy: mend this parameter of the search space\n')
    expect(code).toBe(2)
  })

  it('refuses trials: 0, be it written or set', async () => {
    const none = await maggy(['run', await withContext('none.ts', good.replace('trials: 4', 'trials: 0')), 'tune'])
    expect(none.stderr).toContain('error CONTEXT_INVALID: trials is 0, not a whole number of at least 1')
    expect(none.code).toBe(2)
    const set = await maggy(['run', await withContext('good.ts', good), 'tune', '--set', 'trials=0'])
    expect(set.stderr).toContain('error CONTEXT_INVALID: trials is 0, not a whole number of at least 1')
    expect(set.code).toBe(2)
  })

  it('lists the keys that can be set', async () => {
    const { code, stderr } = await maggy(['run', await withContext('good.ts', good), 'tune', '--set', 'trails=4'])
    expect(stderr).toContain(
      'error OPTION_INVALID: --set trails: is unknown; did you mean trials? there are optimizer, pruner, trials',
    )
    expect(code).toBe(2)
  })

  it('refuses options that it does not know', async () => {
    const { code, stderr } = await maggy(['run', 'x.ts', '--wrokers', '2'])
    expect(stderr).toContain("unknown option '--wrokers'")
    expect(code).toBe(2)
    // Of a command's command, too.
    expect((await maggy(['auth', 'rotate', '--days', 'ten'])).code).toBe(2)
  })

  it('says that no server is there, without its token', async () => {
    const path = await withContext('good.ts', good)
    const { code, stderr } = await maggy(['run', path, 'tune', '--server', 'nats://secret@127.0.0.1:1'])
    expect(stderr).toContain('error BUS_UNREACHABLE: no server at nats://127.0.0.1:1')
    expect(stderr).toContain('\nremedy: start one with `maggy server`, or give its address with --server')
    expect(stderr).not.toContain('secret')
    expect(code).toBe(69)
  })

  it('says that a token file is not there, with its name', async () => {
    const file = join(folder, 'no-token')
    const { code, stderr } = await maggy(['ls', '--server', 'nats://127.0.0.1:1', '--token-file', file])
    expect(stderr).toContain(`error TOKEN_FILE_MISSING: there is no token file ${file}\nremedy: name the one `)
    expect(code).toBe(2)
  })

  it('says that a server refuses the token', async () => {
    const server = await startTestServer({ token: 'right' })
    const { code, stderr } = await maggy(['ls', '--server', `nats://wrong@127.0.0.1:${server.port}`])
    await server.stop()
    expect(stderr).toContain(
      `error BUS_UNAUTHORIZED: the server nats://127.0.0.1:${server.port} refused the credentials`,
    )
    expect(stderr).toContain('\nremedy: give the right token in the address')
    expect(code).toBe(69)
  })

  it('says that a server has no JetStream', async () => {
    const server = await startTestServer({ jetstream: false })
    const { code, stderr } = await maggy(['ls', '--server', server.url])
    await server.stop()
    expect(stderr).toContain(`error BUS_NO_JETSTREAM: the server nats://127.0.0.1:${server.port} has no JetStream`)
    expect(stderr).toContain('\nremedy: start it with `maggy server`, or add a `jetstream {}` block')
    expect(code).toBe(69)
  })

  it('says that a server is too old', async () => {
    const old = createServer((socket) => {
      const info = {
        server_id: 'o',
        version: '2.9.10',
        proto: 1,
        headers: true,
        max_payload: 1_048_576,
        jetstream: true,
      }
      socket.write(`INFO ${JSON.stringify(info)}\r\n`)
      socket.on('data', (data) => {
        if (data.includes('PING')) socket.write('PONG\r\n')
      })
      socket.on('error', () => {}) // the client hangs up
    })
    await new Promise<void>((resolve) => {
      old.listen(0, '127.0.0.1', resolve)
    })
    const { port } = old.address() as AddressInfo
    const { code, stderr } = await maggy(['ls', '--server', `nats://127.0.0.1:${port}`])
    old.close()
    expect(stderr).toMatch(
      /error BUS_TOO_OLD: .* is version 2\.9\.10; 2\.12\.6 or later is needed\nremedy: `maggy doctor --fix`/,
    )
    expect(code).toBe(69)
  })

  it('says that a port is in use', async () => {
    const server = await startTestServer()
    const { code, stderr } = await maggy(['server', '--port', String(server.port), ...bus('taken')])
    await server.stop()
    expect(stderr).toContain(`port ${server.port} is in use\n  choose another with --port`)
    expect(code).toBe(2)
  })

  it('knows no experiment where there is no bus, and makes none to look', async () => {
    const { code, stderr } = await maggy(['show', 'nothing', ...bus('untouched')])
    expect(stderr).toContain('error EXPERIMENT_UNKNOWN: there is no experiment nothing')
    expect(code).toBe(2)
    expect((await maggy(['ls', ...bus('untouched')])).stdout).toBe('no experiments\n')
    expect(existsSync(join(folder, 'untouched'))).toBe(false)
  })
})

/** Trials after the first go on until they are stopped, if told so. */
const slow = `import { defineExperiment, optimization, space } from 'maggy'
       export default defineExperiment(import.meta.url, {
         name: 'slow',
         train: async ({ hparams, reporter, run }: any) => {
           for (let i = 0; run.trial > 0 && process.env.MAGGY_TEST_SLOW; i += 1) {
             await new Promise((resolve) => setTimeout(resolve, 100))
             reporter.report(i)
           }
           return hparams.x
         },
         contexts: { tune: optimization({ space: { x: space.double(0, 1) }, trials: 3, direction: 'minimize' }) },
       })\n`

describe('maggy run', () => {
  it('explores without a context, with hparams that are set', async () => {
    const { code, stdout } = await maggy(['run', await withContext('good.ts', good), '--set', 'x=0.5', '--json'])
    const events = stdout.split('\n').filter((line) => line.startsWith('{"event"'))
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({
      event: 'result',
      metrics: { score: 1 },
      hparams: { x: 0.5, y: 2 },
    })
    expect(code).toBe(0)
  })

  it('tunes on a bus of its own, writes files, and leaves what ls, show, export and logs read without a driver', async () => {
    const data = bus('tuned')
    const path = await withContext('good.ts', good)
    const output = join(folder, 'out')
    const ran = await maggy(['run', path, 'tune', '--workers', '2', '--json', '--output', output, ...data])
    expect(ran.stderr).toBe('')
    expect(ran.code).toBe(0)
    const events = ran.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; trial?: number })
    expect(
      events
        .filter(({ event }) => event === 'trial')
        .map(({ trial }) => trial)
        .sort((a = 0, b = 0) => a - b),
    ).toEqual([0, 1, 2, 3])
    const { result } = events.at(-1) as unknown as {
      result: { experiment: string; best: { metrics: { score: number } } }
    }
    const id = result.experiment
    expect(result).toMatchObject({ state: 'done', counts: { done: 4 } })

    const listed = await maggy(['ls', ...data])
    expect(listed.stdout).toMatch(new RegExp(`^${id} +done +4/4`, 'm'))
    expect((await maggy(['show', id, ...data])).stdout).toContain(`${id}: done`)
    expect((await maggy(['logs', id, '0', ...data])).stdout).toMatch(/stdout x is 0\.\d+/)
    const unknown = await maggy(['logs', id, '99', ...data])
    expect(unknown).toMatchObject({ code: 1 })
    expect(unknown.stderr).toContain('TRIAL_UNKNOWN')
    const exported = JSON.parse((await maggy(['export', id, ...data])).stdout) as { trials: { reports: unknown[] }[] }
    expect(exported.trials.map(({ reports }) => reports.length)).toEqual([3, 3, 3, 3])
    const csv = (await maggy(['export', id, '--format', 'csv', ...data])).stdout
    expect(csv.split('\r\n')).toHaveLength(6)
    expect(csv).toBe(await readFile(join(output, id, 'trials.csv'), 'utf8'))
    expect(JSON.parse(await readFile(join(output, id, 'result.json'), 'utf8'))).toMatchObject({ experiment: id })
    expect(await readFile(join(output, id, 'trials', '2', 'metrics.csv'), 'utf8')).toMatch(
      /^attempt,index,step,at,score\r\n1,0,0,/,
    )
  })

  it('stops in order at the first Ctrl-C, leaves no process behind, and is taken up again by resume', async () => {
    const data = bus('interrupted')
    const path = await module('slow.ts', slow)
    const running = maggy(['run', path, 'tune', ...data], { env: { MAGGY_TEST_SLOW: '1' } })
    await until(() => running.said().includes('trial 0 done'))
    // Meanwhile another process looks into it, through the bus of the first.
    expect((await maggy(['ls', ...data])).stdout).toMatch(/^slow-tune-\S+ +running +1\/3/m)
    running.process.kill('SIGINT')
    const { code, stdout, stderr } = await running
    expect(code).toBe(130)
    const id = /^experiment (\S+)$/m.exec(stdout)?.[1] ?? ''
    expect(stderr).toContain(`maggy resume ${id}`)
    expect(stdout).toContain(`${id}: stopped`)
    const lock = JSON.parse(await readFile(join(folder, 'interrupted', 'server', 'nats-server.json'), 'utf8')) as {
      pid: number
    }
    expect(() => process.kill(lock.pid, 0)).toThrow('ESRCH')

    const resumed = await maggy(['resume', id, ...data])
    expect(resumed.stdout).toContain(`${id}: done`)
    expect(resumed.stdout).not.toContain('trial 0 done') // it was before, and is not run again
    expect(resumed.code).toBe(0)
  })

  it('is paused, resumed, followed and stopped by other processes that are given its folder', async () => {
    const data = bus('stopped')
    const path = await module('endless.ts', slow)
    const running = maggy(['run', path, 'tune', ...data], { env: { MAGGY_TEST_SLOW: '1' } })
    await until(() => running.said().includes('trial 0 done'))
    const id = /^experiment (\S+)$/m.exec(running.said())?.[1] ?? ''
    expect((await maggy(['pause', id, '--now', ...data])).stdout).toContain(`go on with \`maggy resume ${id}`)
    const resumed = maggy(['resume', id, ...data])
    const isRunning = async () => /^slow-tune-\S+ +running/m.test((await maggy(['ls', ...data])).stdout)
    while (!(await isRunning())) expect(resumed.process.exitCode).toBeNull()
    const stop = await maggy(['stop', id, '--cancel', ...data])
    expect({ code: stop.code, stderr: stop.stderr }).toEqual({ code: 0, stderr: '' })
    for (const { code, stdout, stderr } of [await running, await resumed]) {
      expect(stdout, stderr).toContain(`${id}: stopped`)
      expect(code).toBe(0)
    }
  })

  it('exits with 1 and says why when the experiment is given up', async () => {
    const path = await module(
      'failing.ts',
      `import { defineExperiment, optimization, space } from 'maggy'
       export default defineExperiment(import.meta.url, {
         name: 'failing',
         train: () => { throw new Error('no such luck') },
         contexts: { tune: optimization({ space: { x: space.double(0, 1) }, trials: 9, maxFailed: 2, direction: 'minimize' }) },
       })\n`,
    )
    const { code, stdout } = await maggy(['run', path, 'tune', ...bus('failing')])
    expect(stdout).toContain('TRAIN_FAILED: train threw')
    expect(stdout).toContain('EXPERIMENT_GIVEN_UP')
    expect(code).toBe(1)
  })
})
